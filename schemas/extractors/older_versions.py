"""An older version of a framework, laid over the environment of the newest: its classes, without a second torch.

`older/<name>-<version>.txt` pins the framework and those packages whose versions change what it accepts. They are
installed without dependencies into a folder that stands first on the interpreter's path.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PINS = Path(__file__).parent / "older"


def list_older_versions(name: str) -> list[str]:
    """The older versions of a framework that there are pins for."""
    return sorted(found.group(1) for file in PINS.glob("*.txt") if (found := re.fullmatch(f"{name}-(.*)", file.stem)))


@contextmanager
def layered_environment(name: str, version: str) -> Iterator[dict[str, str]]:
    """The environment variables under which the newest version's interpreter runs this one."""
    with tempfile.TemporaryDirectory() as folder:
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        pins = PINS / f"{name}-{version}.txt"
        subprocess.run([*install, "--target", folder, "-r", str(pins)], check=True, stdout=sys.stderr)
        yield {**os.environ, "PYTHONPATH": folder, "DISABLE_VERSION_CHECK": "1"}
