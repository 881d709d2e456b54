"""No command imports from the folder that it is called in, nor looks for packages there."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

START = "import qwen_recipes.__main__ as program; program.start()"
ENTRY_POINTS = "[qwen_recipes.backends]\nevil = evil:BACKEND\naxolotl = evil:BACKEND\n"
NAMES = ("evil", "click", "yaml", "jinja2", "pydantic", "secrets", "json", "csv", "jsonschema")


CASES = [
    ("", ("lint", "r.yaml"), "evil.egg-info"),
    (".", ("backends",), "evil-1.0.dist-info"),
    (os.pathsep, ("compile", "r.yaml"), "evil-1.0.dist-info"),
]


@pytest.mark.parametrize(("first", "command", "metadata"), CASES)
def test_packages_and_modules_that_lie_there_are_not_run(tmp_path, first, command, metadata):
    (tmp_path / metadata).mkdir()
    (tmp_path / metadata / "entry_points.txt").write_text(ENTRY_POINTS, "utf-8")
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text("open('owned', 'w')\n", "utf-8")
    text = "version: 1\nmodel: Qwen/Qwen3-0.6B\ndata: {train: d.jsonl}\nrun: {backend: axolotl}\n"
    (tmp_path / "r.yaml").write_text(text, "utf-8")
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{first}"}
    done = subprocess.run([sys.executable, "-c", START, *command], cwd=tmp_path, env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "owned").exists() and b"evil" not in done.stdout + done.stderr
