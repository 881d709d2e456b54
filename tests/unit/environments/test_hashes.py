"""Only files whose hashes stand beside the lock are installed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from click.testing import CliRunner

from qwen_recipes.cli import main
from qwen_recipes.environments import find_uv, lock_file
from qwen_recipes.environments.hashes import LockHashes
from qwen_recipes.environments.install import EnvironmentBuildError, build_environment
from qwen_recipes.environments.program_environments import PROGRAM_LOCKS
from tests.unit.environments.toy import a_wheel, an_environment

SHIPPED = sorted((Path(lock_file.__file__).parent.parent / "backends").glob("*/requirements/*.lock"))
SHIPPED += sorted(PROGRAM_LOCKS.glob("*/*.lock"))
OTHER = "0" * 64


def hash_wheel(folder, name):
    (wheel,) = folder.glob(f"{name}-*.whl")
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


def write_hashes(environment, **hashes):
    pins = {lock_file.normalize_name(pin): pin for pin in lock_file.read_requirements(environment.lock).plain}
    lines = [f"{pins[name]} --hash=sha256:{one}\n" for name, one in hashes.items()]
    environment.lock.with_suffix(".hashes").write_text("# header\n" + "".join(lines), "utf-8")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
def test_every_pin_of_a_shipped_lock_has_hashes(path):
    lock, hashes = lock_file.read_requirements(path), LockHashes(path)
    assert hashes.required
    every = {*lock.plain, *(package.pin for package in lock.built), *lock.any_python}
    cpu_builds = {f"{pin}+cpu" for pin in every if path.stem.startswith("cpu") and pin.startswith("torch==")}
    assert set(hashes.by_pin) == every | cpu_builds
    assert all(" --hash=sha256:" in hashes.format_requirement(pin) for pin in every)


def test_a_file_with_another_hash_is_not_installed(tmp_path, offline):
    a_wheel(offline, "apple", body="evil = True")
    environment = an_environment(tmp_path, "apple==1.0\n")
    write_hashes(environment, apple=OTHER)
    with pytest.raises(EnvironmentBuildError, match=r"(?i)hash"):
        build_environment(environment, lambda text: None)
    assert not environment.ready and not (environment.site_packages / "apple.py").exists()
    write_hashes(environment, apple=hash_wheel(offline, "apple"))
    build_environment(environment, lambda text: None)
    assert environment.ready and (environment.site_packages / "apple.py").exists()


def test_a_pin_without_a_hash_is_named(tmp_path, offline):
    a_wheel(offline, "apple")
    environment = an_environment(tmp_path, "apple==1.0\npear==1.0\n")
    write_hashes(environment, apple=hash_wheel(offline, "apple"))
    with pytest.raises(EnvironmentBuildError, match=r"no hash of pear==1\.0"):
        build_environment(environment, lambda text: None)


def test_another_build_of_torch_needs_its_hash_to_be_stated(tmp_path, offline):
    a_wheel(offline, "torch", "2.13.0", "__version__ = '2.13.0'")
    environment = an_environment(tmp_path, "torch==2.13.0\n")
    write_hashes(environment, torch=OTHER)
    with pytest.raises(EnvironmentBuildError, match=r"(?i)hash"):
        build_environment(environment, lambda text: None)
    build_environment(environment, lambda text: None, torch_hashes=[hash_wheel(offline, "torch")])
    assert environment.ready


@pytest.mark.parametrize("version", ["2.13.0", "2.13.0+cpu"])
def test_the_build_for_the_cpu_is_taken_where_it_is_found(tmp_path, offline, version):
    a_wheel(offline, "torch", version, f"__version__ = '{version}'")
    environment = an_environment(tmp_path, "torch==2.13.0\n")
    digest = hash_wheel(offline, "torch")
    other = {"2.13.0": "2.13.0+cpu", "2.13.0+cpu": "2.13.0"}[version]
    lines = [f"torch=={version} --hash=sha256:{digest}\n", f"torch=={other} --hash=sha256:{OTHER}\n"]
    environment.lock.with_suffix(".hashes").write_text("".join(lines), "utf-8")
    steps: list[str] = []
    build_environment(environment, steps.append)
    assert environment.ready
    assert f"[2/5] torch=={version} with pip" in steps


def test_without_hashes_of_a_lock_it_is_said(tmp_path, offline):
    a_wheel(offline, "apple")
    lines: list[str] = []
    build_environment(an_environment(tmp_path, "apple==1.0\n"), lines.append)
    assert any("without checking their hashes" in line for line in lines)


@pytest.mark.parametrize("value", ["", "sha256:1", "x" * 64, "0" * 63, "md5:" + "0" * 32])
def test_what_is_no_hash_is_a_wrong_call(value):
    result = CliRunner().invoke(main, ["env", "create", "llamafactory", "--torch-hash", value])
    assert result.exit_code == 2 and "64 hexadecimal digits" in result.output


def test_uv_is_installed_for_cuda_alone_and_pip_does_without(tmp_path, monkeypatch):
    commands: list[list[str]] = []
    monkeypatch.setattr(find_uv.shutil, "which", lambda name: None)
    assert find_uv.find_uv("cpu", Path("python"), tmp_path, commands.append) is None and not commands
    assert find_uv.find_uv("cuda", Path("python"), tmp_path, commands.append) is None
    (command,) = commands
    assert "--require-hashes" in command and command[-1] == str(find_uv.UV_REQUIREMENT)
    program = Path(command[command.index("--target") + 1]) / "bin" / "uv"
    program.parent.mkdir(parents=True)
    program.touch(0o755)
    assert find_uv.find_uv("cuda", Path("python"), tmp_path, commands.append) == str(program)
    assert len(commands) == 1, "it is there: nothing is installed"
