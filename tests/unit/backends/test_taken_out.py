"""A built-in backend is a folder: taken out into a package of its own, it compiles the same files.

Unsloth's code, templates and schema are moved into a package that is installed beside a copy of ours without them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.unit.backends.third_party import install_package

pytest.importorskip("hatchling", reason="the package is built by hatchling, of the extra `dev`")

NAME, SCHEMA = "unsloth", "unsloth-2026.10.9.schema.json"
PROJECT = """[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"
[project]
name = "recipes-unsloth"
version = "0.1.0"
[project.entry-points."qwen_recipes.backends"]
unsloth = "recipes_unsloth:BACKEND"
[tool.hatch.build.targets.wheel]
packages = ["recipes_unsloth"]
"""
MOVED = {
    "qwen_recipes.backends.unsloth": "recipes_unsloth",
    'find_package_data("templates") / "unsloth"': 'Path(__file__).parent / "templates"',
    'find_package_data("schemas") / "backends"': "Path(__file__).parent",
}
"""What its modules call their place: all that changes."""
EXAMPLES = ("unsloth", "one-12gb-card", "dpo")
"""One that is made for it, one that it takes, one that it refuses."""


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    """Folders for PYTHONPATH: the package outside, and ours without it."""
    folder = tmp_path_factory.mktemp("outside")
    _make_package(folder / "source")
    install_package(folder / "packages", folder / "source")
    _copy_without(folder / "ours")
    return folder / "packages", folder / "ours"


def _make_package(folder: Path) -> None:
    package = folder / "recipes_unsloth"
    shutil.copytree(ROOT / "qwen_recipes/backends" / NAME, package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "templates" / NAME, package / "templates")
    shutil.copy(ROOT / "schemas/backends" / SCHEMA, package)
    for module in package.glob("*.py"):
        text = module.read_text("utf-8")
        for ours, theirs in MOVED.items():
            text = text.replace(ours, theirs)
        module.write_text(text, "utf-8")
    (folder / "pyproject.toml").write_text(PROJECT, "utf-8")


def _copy_without(folder: Path) -> None:
    leave_out = shutil.ignore_patterns("__pycache__", f"{NAME}*")
    for name in ("qwen_recipes", "templates", "schemas", "presets"):
        shutil.copytree(ROOT / name, folder / name, ignore=leave_out)
    assert not list(folder.rglob(f"{NAME}*"))


def _run(paths, workdir: Path, *words: str) -> tuple[int, str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths)), "NO_COLOR": "1"}
    command = [sys.executable, "-P", "-m", "qwen_recipes", *words]
    done = subprocess.run(command, cwd=workdir, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def _compile(paths, workdir: Path, example: str) -> tuple[int, str, dict[str, str]]:
    """Exit code, what was printed, and the text of every file."""
    workdir.mkdir()
    shutil.copytree(ROOT / "examples/data", workdir / "data")
    shutil.copy(ROOT / f"examples/{example}.yaml", workdir)
    code, printed = _run(paths, workdir, "compile", f"{example}.yaml", "--backend", NAME, "-o", "out")
    files = [file for file in sorted((workdir / "out").rglob("*")) if file.is_file()]
    return code, printed, {str(file.relative_to(workdir)): file.read_text("utf-8") for file in files}


@pytest.mark.parametrize("example", EXAMPLES)
def test_it_compiles_the_same_from_outside(outside, tmp_path, example):
    here = _compile((ROOT,), tmp_path / "here", example)
    assert _compile(outside, tmp_path / "there", example) == here
    assert bool(here[2]) == (here[0] == 0)


def test_one_is_refused_and_one_compiles(tmp_path):
    assert [_compile((ROOT,), tmp_path / name, name)[0] for name in ("unsloth", "dpo")] == [0, 1]


def test_it_really_is_outside(outside, tmp_path):
    script = "from qwen_recipes.backends import load_backend; print(load_backend('unsloth').folder)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, outside))}
    done = subprocess.run([sys.executable, "-P", "-c", script], cwd=tmp_path, env=environment, capture_output=True)
    assert done.stdout.decode().strip() == str(outside[0] / "recipes_unsloth"), done.stderr
