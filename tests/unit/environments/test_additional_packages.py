"""Environments with further packages: `recipes env create FRAMEWORK --with NAME`."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
from click.testing import CliRunner

from qwen_recipes.backends import flash_attention, load_backend
from qwen_recipes.backends.flash_attention import (
    explain_not_installable,
    find_flash_use,
    list_fitting_attentions,
    load_flash_table,
)
from qwen_recipes.cli import env as env_cli
from qwen_recipes.cli import main
from qwen_recipes.environments import additional_packages, additional_plan
from qwen_recipes.environments.choose_environment import choose_managed_environment
from qwen_recipes.environments.environment import (
    READY_MARKER,
    MissingEnvironmentError,
    get_managed_environment,
    list_environments,
)
from qwen_recipes.environments.hashes import LockHashes
from qwen_recipes.environments.lock_file import read_requirements
from qwen_recipes.environments.optional_packages import find_missing_packages
from qwen_recipes.gpus.catalogue import get_gpu_model
from qwen_recipes.resolve import resolve
from qwen_recipes.runs.preflight import find_run_environment
from tests.conftest import ROOT
from tests.unit.environments.toy import HERE, a_backend, a_wheel

CREATE = ("--device", "cuda", "--gpu", "h200")
LOCKS = sorted(additional_packages.ADDITIONAL_LOCKS.glob("*.lock"))


@pytest.fixture
def pear(tmp_path, monkeypatch, offline):
    """A toy framework for CUDA, and a package `flash-attn-4` for it that brings a module `pear`, with its hash."""
    backend = a_backend(tmp_path, "apple==1.0\n")
    a_wheel(offline, "apple")
    a_wheel(offline, "flash_attn_4", body="fast = True")
    folder = tmp_path / "additional"
    folder.mkdir()
    lock = folder / f"flash-attn-4-py{HERE.replace('.', '')}.lock"
    lock.write_text("apple==9.9\nflash-attn-4==1.0\n")
    (wheel,) = offline.glob("flash_attn_4-*.whl")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    lock.with_suffix(".hashes").write_text(f"flash-attn-4==1.0 --hash=sha256:{digest}\n")
    monkeypatch.setattr(additional_packages, "ADDITIONAL_LOCKS", folder)
    table = load_flash_table()
    use = replace(find_flash_use(load_backend("axolotl"), "flash_attention_4"), framework="toy", since="0")
    both = replace(table, uses=(*table.uses, use))
    monkeypatch.setattr(flash_attention, "load_flash_table", lambda: both)
    monkeypatch.setattr("qwen_recipes.backends.load_backend", lambda name: backend)
    monkeypatch.setattr("qwen_recipes.environments.install.find_uv", lambda *args: None)
    return backend


def create(tmp_path, *arguments):
    return CliRunner().invoke(env_cli.command, ["create", "toy", *arguments, "--root", str(tmp_path / "envs")])


def test_a_package_is_installed_beside_the_environment_without_it(tmp_path, pear):
    plain, with_pear = create(tmp_path, *CREATE), create(tmp_path, *CREATE, "--with", "flash-attn-4")
    assert (plain.exit_code, with_pear.exit_code) == (0, 0), plain.output + with_pear.output
    assert plain.stdout != with_pear.stdout and "-flash-attn-4-" in with_pear.stdout
    root = tmp_path / "envs"
    two = list_environments(root)
    assert [one.ready for one in two] == [True, True]
    usual, extended = (get_managed_environment(pear, "cuda", root, names) for names in ((), ("flash-attn-4",)))
    subprocess.run([extended.interpreter, "-c", "import apple, flash_attn_4; assert flash_attn_4.fast"], check=True)
    assert subprocess.run([usual.interpreter, "-c", "import flash_attn_4"], capture_output=True).returncode
    listed = json.loads(CliRunner().invoke(env_cli.command, ["list", "--format", "json", "--root", str(root)]).stdout)
    assert sorted(one["additional"] for one in listed if one["backend"] == "toy" and one["device"] == "cuda") == [
        [],
        ["flash-attn-4"],
    ]


def test_a_file_with_another_hash_is_refused(tmp_path, pear, offline):
    a_wheel(offline, "flash_attn_4", body="evil = True")
    made = create(tmp_path, *CREATE, "--with", "flash-attn-4")
    assert made.exit_code == 4 and "hash" in made.stderr.lower()


def test_a_changed_lock_of_a_package_makes_only_its_own_environment_stale(tmp_path, pear):
    create(tmp_path, *CREATE)
    create(tmp_path, *CREATE, "--with", "flash-attn-4")
    (lock,) = additional_packages.ADDITIONAL_LOCKS.glob("*.lock")
    lock.write_text("flash-attn-4==2.0\n")
    assert sorted((one.additional, one.state) for one in list_environments(tmp_path / "envs")) == [
        ((), "ready"),
        (("flash-attn-4",), "stale"),
    ]


def test_a_dry_run_says_what_would_be_installed_and_installs_nothing(tmp_path, pear):
    said = create(tmp_path, *CREATE, "--with", "flash-attn-4", "--dry-run")
    assert said.exit_code == 0
    assert "is missing; it would be created" in said.stdout and "1 package more, from wheels (102 MB)" in said.stdout
    assert not (tmp_path / "envs").exists()


@pytest.mark.parametrize(
    ("backend", "arguments", "said"),
    [
        ("axolotl", ["--with", "flash-attention"], "known: flash-attn, flash-attn-4, kernels"),
        ("axolotl", ["--device", "cpu", "--with", "flash-attn"], "needs an NVIDIA GPU"),
        ("axolotl", ["--device", "cuda", "--gpu", "rtx-4090", "--with", "flash-attn-4"], "needs Hopper"),
        ("trl", ["--device", "cuda", "--gpu", "t4", "--with", "flash-attn"], "needs Ampere"),
        ("ms-swift", ["--device", "cuda", "--gpu", "h100", "--with", "flash-attn-3"], "not on the package index"),
        ("llamafactory", ["--device", "cuda", "--gpu", "h100", "--with", "flash-attn-4"], "it can use flash-attn"),
        ("axolotl", ["--device", "cuda", "--gpu", "no-such", "--with", "kernels"], "unknown GPU `no-such`"),
        ("axolotl", ["--device", "cuda", "--gpu", "mi300x", "--with", "kernels"], "needs an NVIDIA GPU, not mi300x"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_before_anything_is_installed(tmp_path, backend, arguments, said):
    made = CliRunner().invoke(env_cli.command, ["create", backend, *arguments, "--root", str(tmp_path / "envs")])
    assert made.exit_code == 2 and said in made.stderr
    assert not (tmp_path / "envs").exists()


@pytest.mark.parametrize("nvcc", [False, True])
def test_a_build_from_source_needs_the_cuda_toolkit(tmp_path, monkeypatch, nvcc):
    """Nothing is installed where it would fail after some gigabytes; nvcc without the headers is not enough."""
    (tmp_path / "bin").mkdir()
    if nvcc:
        (tmp_path / "bin" / "nvcc").write_text("#!/bin/sh\n")
        (tmp_path / "bin" / "nvcc").chmod(0o755)
    monkeypatch.setenv("CUDA_HOME", str(tmp_path))
    arguments = ["create", "trl", "--device", "cuda", "--gpu", "h100", "--with", "flash-attn"]
    monkeypatch.setattr("qwen_recipes.environments.install.build_environment", pytest.fail)
    made = CliRunner().invoke(env_cli.command, [*arguments, "--root", str(tmp_path / "envs")])
    assert made.exit_code == 4
    assert ("has nvcc, but not the headers" if nvcc else "nvcc is not on PATH") in made.stderr
    if nvcc:
        (tmp_path / "include").mkdir()
        (tmp_path / "include" / "cuda_runtime.h").touch()
        environment = get_managed_environment(load_backend("trl"), "cuda", tmp_path, ["flash-attn"])
        assert additional_plan.explain_missing_compiler(environment) == ""


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_every_pin_of_a_shipped_package_has_hashes(path):
    lock, hashes = read_requirements(path), LockHashes(path)
    every = {*lock.plain, *(package.pin for package in lock.built)}
    assert every and set(hashes.by_pin) == every


def test_every_package_of_the_table_has_its_version_in_its_lock():
    table = load_flash_table()
    assert {path.stem.removesuffix("-py312") for path in LOCKS} == {
        one.name for one in table.packages.values() if one.install != "none"
    }
    for path in LOCKS:
        name = path.stem.removesuffix("-py312")
        assert read_requirements(path).pins()[name] == table.packages[name].version
    assert all(one.sources for one in table.packages.values())
    assert {name for use in table.uses for name in use.packages} == set(table.packages)


@pytest.mark.parametrize("backend", ["axolotl", "llamafactory", "ms-swift", "trl"])
def test_a_package_leaves_the_frameworks_own_pins_alone(tmp_path, backend):
    for use in [one for one in load_flash_table().uses if one.framework == backend]:
        for name in use.packages:
            if load_flash_table().packages[name].install != "none":
                environment = get_managed_environment(load_backend(backend), "cuda", tmp_path, [name])
                own, more = additional_packages.read_all_requirements(environment.locks)
                assert not own.pins().keys() & more.pins().keys()


def test_a_framework_that_has_no_lock_for_the_package_says_so(tmp_path):
    with pytest.raises(MissingEnvironmentError, match=r"no locked requirements of flash-attn for Python"):
        get_managed_environment(load_backend("axolotl"), "cpu", tmp_path, ["flash-attn"])


def test_what_fits_a_gpu_comes_wheels_first():
    axolotl, h200 = load_backend("axolotl"), get_gpu_model("h200")
    assert list_fitting_attentions(axolotl, h200) == ["flash_attention_4", "flash_attention_2"]
    assert list_fitting_attentions(axolotl, get_gpu_model("rtx-4090")) == ["flash_attention_2"]
    assert list_fitting_attentions(axolotl, get_gpu_model("t4")) == []
    assert list_fitting_attentions(load_backend("llamafactory"), h200) == ["flash_attention_2"]
    assert explain_not_installable(axolotl, "flash-attn-4", "cuda", None) == ""


def a_ready_environment(backend, additional=()):
    """What a finished installation leaves, without the packages."""
    environment = get_managed_environment(backend, "cuda", additional=additional)
    environment.bin.mkdir(parents=True)
    environment.interpreter.symlink_to(sys.executable)
    names = ("backend", "version", "device", "python")
    described = {name: getattr(environment, name) for name in names} | {"lock": str(environment.lock)}
    text = json.dumps({**described, "with": list(additional)})
    (environment.folder / "environment.json").write_text(text)
    (environment.folder / READY_MARKER).write_text(environment.identity)
    return environment


@pytest.fixture
def plan(loaded, monkeypatch, tmp_path):
    monkeypatch.setenv("QWEN_RECIPES_HOME", str(tmp_path / "envs"))

    def make(backend, attention="flash_attention_2", gpu="h200"):
        recipe = {"training": {"attention": attention, "kernels": "none"}, "hardware": {"gpu": gpu}}
        return resolve(loaded(recipe), backend)

    return make


def test_a_run_takes_the_environment_that_has_what_it_needs(plan):
    backend = load_backend("llamafactory")
    usual = a_ready_environment(backend)
    assert choose_managed_environment(plan(backend), backend) == usual
    extended = a_ready_environment(backend, ("flash-attn",))
    assert choose_managed_environment(plan(backend), backend) == extended
    assert choose_managed_environment(plan(backend, "sdpa"), backend) == usual


def test_an_environment_with_more_serves_a_recipe_that_needs_less(plan):
    backend = load_backend("ms-swift")
    extended = a_ready_environment(backend, ("flash-attn-4",))
    assert choose_managed_environment(plan(backend, "sdpa"), backend) == extended


def test_where_no_environment_has_it_the_command_is_named(plan, tmp_path):
    backend = load_backend("llamafactory")
    command = "recipes env create llamafactory --device cuda --with flash-attn"
    with pytest.raises(MissingEnvironmentError, match=command):
        find_run_environment(plan(backend), backend, tmp_path)
    a_ready_environment(backend)
    (said,) = find_missing_packages(plan(backend), find_run_environment(plan(backend), backend, tmp_path).interpreter)
    assert "needs the package flash-attn, which is not installed" in said and said.endswith(command)


def test_the_lock_notes_what_the_environment_has_and_compiling_uses_it(tmp_path, monkeypatch):
    """Without the environment, too: what was locked stays as it is."""
    monkeypatch.setenv("QWEN_RECIPES_HOME", str(tmp_path / "envs"))
    recipe = tmp_path / "a.yaml"
    data = ROOT / "examples" / "data" / "support.jsonl"
    recipe.write_text(
        f"version: 1\nmodel: Qwen/Qwen3-4B\ndata: {{train: {data}}}\ntraining: {{packing: true}}\n"
        "hardware: {gpu: h200}\nrun: {backend: trl}\n"
    )
    run = CliRunner().invoke
    assert run(main, ["lock", str(recipe)]).exit_code == 0
    assert "packages" not in json.loads((tmp_path / "a.lock").read_text())["backends"]["trl"]
    extended = a_ready_environment(load_backend("trl"), ("flash-attn-4",))
    assert run(main, ["lock", str(recipe)]).exit_code == 0
    assert json.loads((tmp_path / "a.lock").read_text())["backends"]["trl"]["packages"] == ["flash-attn-4"]
    shutil.rmtree(extended.folder)
    made = run(main, ["compile", str(recipe), "--locked", "-o", str(tmp_path / "out")])
    assert made.exit_code == 0, made.output
    assert "attn_implementation: flash_attention_4" in (tmp_path / "out" / "trl" / "train.yaml").read_text()


def test_the_client_of_the_hub_does_where_flash_attention_is_not_there(plan):
    """Axolotl's own lock has it; a build of flash-attn comes first."""
    backend = load_backend("axolotl")
    usual = a_ready_environment(backend)
    assert choose_managed_environment(plan(backend), backend) == usual
    extended = a_ready_environment(backend, ("flash-attn",))
    assert choose_managed_environment(plan(backend), backend) == extended
