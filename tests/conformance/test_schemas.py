"""The schemas are what the frameworks' own classes say: taken from the pinned versions again, and compared."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["axolotl", "llamafactory", "ms-swift", "trl", "unsloth"])
def test_the_schema_is_what_the_framework_says(name: str, interpreter: Callable[[str], Path]) -> None:
    """The older versions' are taken anew by `make schemas`: their pins are exact, so only our reading could change."""
    command = [sys.executable, "-m", "tools.extract_schemas", "--check", "--env", f"{name}={interpreter(name)}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
