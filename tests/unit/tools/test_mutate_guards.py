"""Mutation: flip any condition of any guard, and one of its cases must come out wrong."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import ROOT


def test_every_flipped_condition_is_noticed():
    command = [sys.executable, "-m", "tools.mutate_guards"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 conditions" not in done.stdout


def test_a_condition_that_no_case_tells_is_listed(tmp_path):
    """A guard whose cases are cut down to one lets flips through."""
    code = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); from tools import mutate_guards as m\n"
        "whole = m.load_cases; m.load_cases = lambda code, folder: list(whole(code, folder))[-1:]; sys.exit(m.main())"
    )
    command = [sys.executable, "-c", code, str(ROOT), "QR207"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "QR207, line" in done.stdout
