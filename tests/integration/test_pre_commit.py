"""The hooks, run by pre-commit itself from a clone of this repository."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import pytest

from qwen_recipes.recipe.load import load_recipe
from tests.integration.conftest import commit, git

pytestmark = pytest.mark.skipif(importlib.util.find_spec("pre_commit") is None, reason="pre-commit is not installed")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("pre-commit")


@pytest.fixture
def run(project, repository, cache):
    """Run one hook over files of the project."""
    config = f"repos:\n- repo: {repository}\n  rev: {git(repository, 'rev-parse', 'HEAD')}\n"
    config += "  hooks:\n  - id: recipes-lint\n  - id: recipes-compile-check\n"
    (project / ".pre-commit-config.yaml").write_text(config)
    commit(project)

    def hook(name, *files):
        command = [sys.executable, "-m", "pre_commit", "run", name, "--color", "never", "--files", *files]
        environment = os.environ | {"PRE_COMMIT_HOME": str(cache)}
        done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    return hook


def test_lint(run):
    code, said = run("recipes-lint", "good.recipe.yaml")
    assert code == 0 and "Passed" in said, said
    code, said = run("recipes-lint", "good.recipe.yaml", "bad.recipe.yaml")
    assert code == 1 and "bad.recipe.yaml:5:23: error[QR401]" in said


def test_compile_check(run, project):
    from qwen_recipes.backends import load_backend
    from qwen_recipes.compile import compile_recipe, write_files

    code, said = run("recipes-compile-check", "good.recipe.yaml")
    assert code == 1 and "does not exist: not compiled yet" in said
    folder = project / "compiled" / "good" / "axolotl"
    loaded = load_recipe(str(project / "good.recipe.yaml"))
    write_files(folder, compile_recipe(loaded, load_backend("axolotl"), folder).files, force=False)
    code, said = run("recipes-compile-check", "good.recipe.yaml")
    assert code == 0, said
    recipe = project / "good.recipe.yaml"
    recipe.write_text(recipe.read_text("utf-8").replace("Qwen3-4B", "Qwen3-8B"), "utf-8")
    code, said = run("recipes-compile-check", "good.recipe.yaml")
    assert code == 1 and "is out of date" in said
