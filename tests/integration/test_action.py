"""The steps of action.yml, taken from the file and run by bash as GitHub's runner does."""

from __future__ import annotations

import os
import re
import subprocess
import venv
from pathlib import Path

import pytest
import yaml

from tests.integration.conftest import ROOT

ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"]}


def filled(text: str, inputs: dict[str, str]) -> str:
    return re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda m: inputs[m[1]], text)


@pytest.fixture(scope="module")
def installed(tmp_path_factory, repository) -> Path:
    """The programs of a new environment in which the action's own step has installed what it installs."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    done = bash(STEPS["Install"], {}, folder / "bin", repository, repository)
    assert done.returncode == 0, done.stderr
    return folder / "bin"


def bash(step, inputs, programs: Path, action: Path, folder: Path):
    given = {name: value.get("default", "") for name, value in ACTION["inputs"].items()} | inputs
    environment = os.environ | {name: filled(value, given) for name, value in step.get("env", {}).items()}
    environment |= {"PATH": f"{programs}:{os.environ['PATH']}", "GITHUB_ACTION_PATH": str(action)}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", filled(step["run"], given)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.fixture
def step(installed, repository, project):
    return lambda name, **inputs: bash(
        STEPS[name], {k.replace("_", "-"): v for k, v in inputs.items()}, installed, repository, project
    )


def test_every_step_says_its_shell_and_reads_inputs_from_its_environment():
    assert ACTION["runs"]["using"] == "composite"
    for one in STEPS.values():
        assert one["shell"] == "bash" and "${{" not in one["run"]


def test_lint(step):
    done = step("Lint")
    assert done.returncode == 1
    (found,) = [line for line in done.stdout.splitlines() if line.startswith("::error ")]
    assert found.startswith("::error file=./bad.recipe.yaml,line=5,") and "QR401" in found
    assert step("Lint", paths="good.recipe.yaml\n").returncode == 0
    assert step("Lint", lint_args="--ignore=QR401").returncode == 0
    assert step("Lint", paths="none.yaml").returncode == 2


def test_compiled_files_are_current(step, installed, project):
    asked = {"compiled": "good.recipe.yaml", "compile_args": "--backend=all"}
    assert step("Compiled files are current", **asked).returncode == 1
    subprocess.run(
        [installed / "recipes", "compile", "good.recipe.yaml", "--backend", "all", "-q"], cwd=project, check=True
    )
    done = step("Compiled files are current", **asked)
    assert done.returncode == 0, done.stderr
