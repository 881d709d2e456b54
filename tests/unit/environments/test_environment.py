import fcntl
import importlib.metadata
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from qwen_recipes.cli import doctor as doctor_cli
from qwen_recipes.cli import env as env_cli
from qwen_recipes.environments import (
    doctor,
    gpu,
    install,
    installed_packages,
    interpreter,
    lock_file,
    logged_command,
)
from qwen_recipes.environments.environment import (
    DESCRIPTION_FILE,
    READY_MARKER,
    MissingEnvironmentError,
    default_root,
    find_current_environment,
    find_environment_in,
    get_managed_environment,
    list_environments,
)
from qwen_recipes.environments.install import EnvironmentBuildError, build_environment
from qwen_recipes.environments.program_environments import PROGRAM_LOCKS
from tests.unit.environments.toy import HERE, a_backend, a_wheel, an_environment

SHIPPED = sorted((Path(lock_file.__file__).parent.parent / "backends").glob("*/requirements/*.lock"))
PROGRAM_LOCK = PROGRAM_LOCKS / "mergekit" / "cpu-py311.lock"


# --- locks


def test_a_lock_is_parsed_into_what_each_step_installs():
    lock = lock_file.parse_requirements(
        ["# header", "torch==2.13.0", "", "Foo_Bar==1", "# after torch: deep==3 A=1 B=2", "# any python: odd==4",
         "# empty module: sound", "#   any python: words in a header"]
    )  # fmt: skip
    assert lock.torch == "torch==2.13.0"
    assert lock.rest == ("Foo_Bar==1",)
    assert lock.built == (lock_file.SourceBuild("deep==3", {"A": "1", "B": "2"}),)
    assert lock.any_python == ("odd==4",)
    assert lock.empty_modules == ("sound",)
    assert lock.pins() == {"torch": "2.13.0", "foo-bar": "1", "deep": "3", "odd": "4"}


def test_there_is_a_lock_for_every_backend_and_device():
    assert {f"{path.parent.parent.name}/{path.stem}" for path in SHIPPED} == {
        f"{backend}/{lock}"
        for backend in ("axolotl", "llamafactory", "ms_swift", "trl")
        for lock in ("cpu-py311", "cuda-py312")
    } | {"unsloth/cpu-py311"}


@pytest.mark.parametrize("path", [*SHIPPED, PROGRAM_LOCK], ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
def test_shipped_locks_pin_everything_and_name_no_host(path):
    text, lock = path.read_text(), lock_file.read_requirements(path)
    assert lock.torch == (None if path.parent.parent.name == "unsloth" else "torch==2.13.0")
    assert all("==" in pin and "+" not in pin for pin in lock.plain)
    assert "setuptools" in lock.pins()
    assert not any(word in text for word in ("://", "--index", "--find-links", " @ "))
    assert ("nvidia-cublas" in lock.pins()) == path.stem.startswith("cuda")


# --- where an environment is, and whether it can be used


def test_the_folder_is_named_after_what_is_in_it(tmp_path):
    environment = an_environment(tmp_path, "six==1\n")
    digits = lock_file.compute_lock_hash(environment.lock)[:8]
    assert environment.folder == tmp_path / "envs" / f"toy-1.2-cpu-py{HERE.replace('.', '')}-{digits}"
    assert environment.interpreter == environment.folder / "bin" / "python"
    assert environment.activation_variables()["PATH"].split(os.pathsep)[0] == str(environment.bin)


def test_another_lock_is_another_folder(tmp_path):
    assert an_environment(tmp_path, "six==1\n").folder != an_environment(tmp_path, "six==2\n").folder


def test_without_a_lock_there_is_no_environment(tmp_path):
    backend = a_backend(tmp_path)
    for lock in backend.lock_folder().iterdir():
        lock.unlink()
    with pytest.raises(MissingEnvironmentError, match="no locked requirements for cpu"):
        get_managed_environment(backend, "cpu", tmp_path)


def test_the_root_is_the_persons_choice_then_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("QWEN_RECIPES_HOME", raising=False)
    assert default_root() == tmp_path / "qwen-recipes" / "envs"
    monkeypatch.setenv("QWEN_RECIPES_HOME", str(tmp_path / "mine"))
    assert default_root() == tmp_path / "mine"


def test_the_device_follows_the_gpu(monkeypatch, tmp_path):
    monkeypatch.setattr("qwen_recipes.environments.environment.detect_device", lambda: "cuda")
    assert get_managed_environment(a_backend(tmp_path)).device == "cuda"


def test_states(tmp_path):
    environment = an_environment(tmp_path, "six==1\n")
    assert environment.state == "missing"
    environment.bin.mkdir(parents=True)
    environment.interpreter.touch()
    assert environment.state == "unfinished"
    (environment.folder / READY_MARKER).write_text("another lock")
    assert environment.state == "stale"
    (environment.folder / READY_MARKER).write_text(lock_file.compute_lock_hash(environment.lock))
    assert environment.ready
    environment.lock.write_text("six==2\n")
    assert environment.state == "stale"


# --- building


def test_an_environment_is_built_from_its_lock_and_found_again(tmp_path, monkeypatch, offline):
    monkeypatch.setattr(install, "find_interpreter", interpreter.find_interpreter)
    a_wheel(offline, "torch", "2.13.0", "__version__ = '2.13.0'")
    a_wheel(offline, "apple")
    environment = an_environment(tmp_path, "torch==2.13.0\napple==1.0\n# empty module: torchaudio\n")
    lines: list[str] = []
    build_environment(environment, lines.append)
    assert environment.ready
    assert (environment.site_packages / "torchaudio.py").read_text() == ""
    begun = [line[:5] for line in lines if line.startswith("[") and ": " not in line]
    assert begun == ["[1/5]", "[2/5]", "[3/5]", "[5/5]"]
    assert list_environments(tmp_path / "envs") == [environment]
    subprocess.run([environment.interpreter, "-c", "import apple, torchaudio"], check=True)
    again: list[str] = []
    build_environment(environment, again.append)
    assert again == [f"toy is ready in {environment.folder}"]


def test_a_failing_install_says_what_pip_said_and_is_not_ready(tmp_path, offline):
    environment = an_environment(tmp_path, "no-such-package-here==9.9\n")
    with pytest.raises(
        EnvironmentBuildError, match=r"No matching distribution found for no-such-package-here==9\.9"
    ) as caught:
        build_environment(environment, lambda text: None)
    assert caught.value.log == environment.folder / install.INSTALL_LOG
    assert environment.state == "unfinished"


def test_a_failed_install_is_continued_by_the_next_call(tmp_path, offline):
    a_wheel(offline, "apple")
    environment = an_environment(tmp_path, "apple==1.0\npear==1.0\n")
    with pytest.raises(EnvironmentBuildError):
        build_environment(environment, lambda text: None)
    born = environment.interpreter.lstat().st_mtime_ns
    a_wheel(offline, "pear")
    lines: list[str] = []
    build_environment(environment, lines.append)
    assert lines[0].startswith("continuing")
    assert environment.interpreter.lstat().st_mtime_ns == born
    assert environment.ready


def test_a_package_that_was_cut_off_is_installed_again(tmp_path, offline):
    a_wheel(offline, "apple", body="whole = True")
    environment = an_environment(tmp_path, "apple==1.0\n")
    build_environment(environment, lambda text: None)
    (environment.folder / READY_MARKER).unlink()
    (environment.site_packages / "apple-1.0.dist-info" / "RECORD").write_text("apple.py,,\n")
    (environment.site_packages / "apple.py").write_text("")
    build_environment(environment, lambda text: None)
    subprocess.run([environment.interpreter, "-c", "import apple; assert apple.whole"], check=True)


def test_a_lost_file_is_noticed_and_restored(tmp_path, offline):
    a_wheel(offline, "apple")
    environment = an_environment(tmp_path, "apple==1.0\n")
    build_environment(environment, lambda text: None)
    (environment.site_packages / "apple.py").unlink()
    lock = lock_file.read_requirements(environment.lock)
    assert installed_packages.find_lock_differences(environment.site_packages, lock.pins()) == [
        "apple-1.0.dist-info is only partly installed"
    ]
    (environment.folder / READY_MARKER).unlink()
    build_environment(environment, lambda text: None)
    assert installed_packages.find_lock_differences(environment.site_packages, lock.pins()) == []


def test_a_broken_python_means_starting_over(tmp_path, offline):
    a_wheel(offline, "apple")
    environment = an_environment(tmp_path, "apple==1.0\n")
    environment.bin.mkdir(parents=True)
    environment.interpreter.write_text("not a program")
    (environment.folder / DESCRIPTION_FILE).write_text(
        json.dumps({"sha256": lock_file.compute_lock_hash(environment.lock)})
    )
    build_environment(environment, lambda text: None)
    assert environment.ready


def test_a_changed_lock_means_starting_over(tmp_path, offline):
    a_wheel(offline, "apple")
    a_wheel(offline, "pear")
    environment = an_environment(tmp_path, "apple==1.0\n")
    build_environment(environment, lambda text: None)
    environment.lock.write_text("pear==1.0\n")
    build_environment(environment, lambda text: None)
    assert "apple" not in installed_packages.read_installed_versions(environment.site_packages)
    assert environment.ready


@dataclass(frozen=True)
class SlowInstaller:
    """Takes a minute for nothing."""

    name: str = "slow"
    hashes: bool = False

    def plain(self, path):
        return [sys.executable, "-c", "import time; time.sleep(60)"]


def test_an_interruption_leaves_it_unfinished_and_stops_the_installer(tmp_path, monkeypatch, offline):
    environment = an_environment(tmp_path, "apple==1.0\n")
    monkeypatch.setattr(install, "choose_installer", lambda *_, **__: SlowInstaller())
    monkeypatch.setattr(logged_command, "REPORT_INTERVAL", 0.2)

    def interrupted(text: str) -> None:
        if text.endswith("s") and ": " in text and "[3/5]" in text:
            raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        build_environment(environment, interrupted)
    assert time.monotonic() - began < 50
    assert environment.state == "unfinished"


def test_a_second_call_waits_for_the_first(tmp_path, monkeypatch, offline):
    a_wheel(offline, "apple")
    environment = an_environment(tmp_path, "apple==1.0\n")
    environment.folder.parent.mkdir(parents=True)
    lines: list[str] = []
    with (environment.folder.parent / f".{environment.folder.name}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        waiting = threading.Thread(target=build_environment, args=(environment, lines.append))
        waiting.start()
        time.sleep(0.5)
        assert not environment.folder.exists()
    waiting.join(60)
    assert lines[0].startswith("waiting for another installation")
    assert environment.ready


def test_two_calls_at_once_build_one_environment(tmp_path, offline):
    a_wheel(offline, "apple")
    environment = an_environment(tmp_path, "apple==1.0\n")
    lines: list[str] = []
    both = [threading.Thread(target=build_environment, args=(environment, lines.append)) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join(120)
    assert environment.ready
    assert sum(line.startswith("[1/5]") for line in lines) == 1


def test_recreate_builds_a_ready_environment_again(tmp_path, offline):
    a_wheel(offline, "apple")
    environment = an_environment(tmp_path, "apple==1.0\n")
    build_environment(environment, lambda text: None)
    (environment.folder / "stray").touch()
    build_environment(environment, lambda text: None, recreate=True)
    assert environment.ready
    assert not (environment.folder / "stray").exists()


# --- interpreters


def test_our_own_python_is_found_first():
    assert interpreter.find_interpreter(HERE) == Path(sys.executable)


def test_a_python_that_does_not_run_is_passed_over(tmp_path, monkeypatch):
    broken, real = tmp_path / "a", tmp_path / "b"
    for folder, line in ((broken, "exit 1"), (real, "echo 9.9")):
        folder.mkdir()
        (folder / "python9.9").write_text(f"#!/bin/sh\n{line}\n")
        (folder / "python9.9").chmod(0o755)
    monkeypatch.setenv("PATH", f"{broken}{os.pathsep}{real}")
    assert interpreter.find_interpreter("9.9") == real / "python9.9"


def test_a_missing_python_is_an_error_that_says_how_to_get_one(tmp_path):
    backend = a_backend(tmp_path)
    (backend.lock_folder() / "cpu-py99.lock").write_text("")
    object.__setattr__(backend, "python", {"cpu": "9.9"})
    with pytest.raises(EnvironmentBuildError, match=r"no Python 9\.9 .* `uv python install 9\.9`"):
        build_environment(get_managed_environment(backend, "cpu", tmp_path / "envs"), lambda text: None)


def test_a_given_python_must_be_of_the_version():
    with pytest.raises(interpreter.MissingInterpreterError, match=rf"is Python {HERE}; Python 9\.9 is needed"):
        interpreter.find_interpreter("9.9", Path(sys.executable))


# --- the person's own environment


def test_the_current_environment_is_ours_where_it_has_the_framework(tmp_path):

    found = find_current_environment(a_backend(tmp_path, distribution="click"), "cpu")
    assert found.ready
    assert found.folder == Path(sys.prefix)
    assert found.python == HERE
    assert found.version == importlib.metadata.version("click")
    assert find_environment_in(a_backend(tmp_path), Path(sys.prefix), "cpu") == found


def test_without_the_framework_there_is_no_current_environment(tmp_path):
    with pytest.raises(MissingEnvironmentError, match="recipes env create toy"):
        find_current_environment(a_backend(tmp_path, distribution="no-such-framework"), "cpu")


# --- the machine


def test_gpus_are_read_from_the_drivers_tool(monkeypatch):
    answers = {1: "| NVIDIA-SMI 580 Driver Version: 580.1 CUDA Version: 13.0 |\n"}
    listed = "NVIDIA H100 80GB HBM3, 81559, 580.159.04, 12, GPU-1a\nNVIDIA L4, [N/A], 580.159.04, [N/A], GPU-2b\n"
    monkeypatch.setattr(gpu, "_run_command", lambda command: answers.get(len(command), listed))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert gpu.detect_gpus() == [gpu.DetectedGpu("NVIDIA H100 80GB HBM3", 81559, "580.159.04")]
    assert gpu.read_used_gpu_memory(2) == 12 << 20
    assert gpu.read_cuda_version() == "13.0"


LISTED_SLICES = """GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-1a)
  MIG 3g.40gb     Device  0: (UUID: MIG-aa)
  MIG 1g.10gb     Device  1: (UUID: MIG-bb)
"""


@pytest.mark.parametrize(
    ("visible", "name", "memory"), [(None, "3g.40gb", 40960), ("0", "3g.40gb", 40960), ("MIG-bb", "1g.10gb", 10240)]
)
def test_of_a_split_gpu_the_slice_that_cuda_uses_is_found(monkeypatch, visible, name, memory):
    answers = {2: LISTED_SLICES, 3: "NVIDIA H100 80GB HBM3, 81559, 580.1, 12, GPU-1a, Enabled\n"}
    monkeypatch.setattr(gpu, "_run_command", lambda command: answers[len(command)])
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpu.detect_gpus() == [gpu.DetectedGpu(f"NVIDIA H100 80GB HBM3 MIG {name}", memory, "580.1")]


@pytest.mark.parametrize(("units", "device"), [("0", "cpu"), ("304", "cuda")])
def test_an_amd_gpu_is_seen_by_its_drivers_list(monkeypatch, tmp_path, units, device):
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "properties").write_text(f"cpu_cores_count 0\nsimd_count {units}\n", "utf-8")
    monkeypatch.setattr(gpu, "_AMD_NODES", tmp_path)
    monkeypatch.setattr(gpu, "_DRIVER_FOLDER", tmp_path / "none")
    monkeypatch.setattr(gpu, "_run_command", lambda command: "")
    assert gpu.detect_device() == device


@pytest.mark.parametrize(
    ("visible", "names"),
    [
        *((None, "abc"), ("", "abc"), ("MIG-5f", "abc")),
        *(("1", "b"), ("2, 0", "ca"), ("GPU-3,GPU-11", "ca"), ("0,7,1", "a"), ("-1", ""), ("none", "")),
    ],
)
def test_only_gpus_that_a_run_would_see_are_counted_and_watched(monkeypatch, visible, names):
    listed = "".join(
        f"{name}, 81559, 580.1, {used}, GPU-{uuid}\n"
        for name, used, uuid in zip("abc", (9, 5, 7), (11, 12, 3), strict=True)
    )
    monkeypatch.setattr(gpu, "_run_command", lambda command: listed)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert "".join(one.name for one in gpu.detect_gpus()) == names
    first = {"a": 9, "b": 5, "c": 7}.get(names[:1])
    assert gpu.read_used_gpu_memory(1) == (first and first << 20)


def test_without_a_driver_the_device_is_the_cpu(monkeypatch, tmp_path):
    monkeypatch.setattr(gpu, "_DRIVER_FOLDER", tmp_path / "none")
    monkeypatch.setattr(gpu, "_run_command", lambda command: "")
    assert gpu.detect_device() == "cpu"
    assert gpu.read_cuda_version() is None


@pytest.fixture
def toy(tmp_path, monkeypatch, offline):
    backend = a_backend(tmp_path, "apple==1.0\n")
    a_wheel(offline, "apple")
    monkeypatch.setattr("qwen_recipes.backends.load_backends", lambda: [backend])
    monkeypatch.setattr("qwen_recipes.backends.load_backend", lambda name: backend)
    for module in ("environment", "doctor"):
        monkeypatch.setattr(f"qwen_recipes.environments.{module}.detect_device", lambda: "cpu")
    monkeypatch.setattr(doctor, "detect_gpus", list)
    monkeypatch.setattr(doctor, "read_cuda_version", lambda: None)
    return backend


def test_the_commands_build_list_examine_and_remove(tmp_path, toy):
    root, run = ["--root", str(tmp_path / "envs")], CliRunner().invoke
    folder = get_managed_environment(toy, "cpu", tmp_path / "envs").folder
    missing = run(doctor_cli.command, ["--backend", "toy", *root])
    assert missing.exit_code == 4
    assert "recipes env create toy --device cpu" in missing.output
    made = run(env_cli.command, ["create", "toy", *root])
    assert (made.exit_code, made.stdout.strip()) == (0, str(folder))
    *listed, program = json.loads(run(env_cli.command, ["list", "--format", "json", *root]).stdout)
    assert [(state["backend"], state["state"]) for state in listed] == [("toy", "ready")]
    assert (program["backend"], program["state"]) == ("mergekit", "missing")
    report = run(doctor_cli.command, ["--backend", "toy", "--format", "json", *root])
    assert report.exit_code == 0
    assert json.loads(report.stdout)["environments"] == listed
    assert run(env_cli.command, ["remove", "toy", *root]).stdout.strip() == f"removed {folder}"
    assert not folder.exists()


def test_a_failed_build_ends_with_code_4_and_names_the_log(tmp_path, toy, offline):
    (offline / "apple-1.0-py3-none-any.whl").unlink()
    failed = CliRunner().invoke(env_cli.command, ["create", "toy", "-q", "--root", str(tmp_path / "envs")])
    assert failed.exit_code == 4
    assert failed.stdout == ""
    assert "No matching distribution found for apple==1.0" in failed.stderr
    assert "install.log" in failed.stderr
