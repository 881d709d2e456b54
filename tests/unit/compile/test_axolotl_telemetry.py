"""Axolotl's telemetry is off in every command that is started: by run.sh, and by `recipes verify` in its workers."""

from __future__ import annotations

import os
import subprocess

import pytest

from qwen_recipes.backends.axolotl import row_encoder, trainer_entry
from tests.conftest import ROOT

NAME = "AXOLOTL_DO_NOT_TRACK"
COMPILED = sorted((ROOT / "tests/golden").glob("*/axolotl/run.sh"))
PROGRAMS = ("python", "axolotl", "accelerate", "torchrun")
STUB = f'#!/bin/bash\necho "${{0##*/}} ${NAME}" >> "$SEEN"\n'


@pytest.mark.parametrize("script", COMPILED, ids=lambda file: file.parent.parent.name)
@pytest.mark.parametrize("before", [None, "0"])
def test_each_program_of_a_run_has_it_off(script, before, tmp_path):
    """Also where the shell says otherwise."""
    programs, folder = tmp_path / "bin", tmp_path / "a/b/c"
    programs.mkdir()
    for name in PROGRAMS:
        (programs / name).write_text(STUB, "utf-8")
        (programs / name).chmod(0o755)
    folder.mkdir(parents=True)
    (folder / "run.sh").write_bytes(script.read_bytes())
    seen = tmp_path / "seen"
    variables = {"PATH": f"{programs}:{os.environ['PATH']}", "SEEN": str(seen), "MASTER_ADDR": "host", "NODE_RANK": "0"}
    done = subprocess.run(
        ["bash", str(folder / "run.sh")], env=variables | ({NAME: before} if before else {}), capture_output=True
    )
    assert done.returncode == 0, done.stderr
    started = seen.read_text("utf-8").splitlines()
    assert any(line.startswith(("axolotl", "accelerate", "torchrun")) for line in started)
    assert all(line.endswith(" 1") for line in started), started


def test_workers_have_it_off():
    assert row_encoder.VARIABLES[NAME] == trainer_entry.VARIABLES[NAME] == "1"
