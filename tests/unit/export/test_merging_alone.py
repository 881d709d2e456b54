"""The program that merges, as a framework's interpreter sees it: without this package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

EXPORT = ROOT / "qwen_recipes" / "export"
READ = """
import sys
sys.path.insert(0, {folder!r})
from pathlib import Path
from merging.read_config import MergeError, read_config
print(read_config(Path({file!r})))
try:
    read_config(Path({folder!r}))
except MergeError as error:
    print(error)
"""


def test_configs_are_read_where_the_package_is_not_installed(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text('{"r": 8}', "utf-8")
    program = READ.format(folder=str(EXPORT), file=str(file))
    command = [sys.executable, "-I", "-S", "-c", program]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["{'r': 8}", f"{EXPORT} cannot be read: it is a folder"], done.stderr


def test_the_package_is_not_found_otherwise(tmp_path: Path) -> None:
    command = [sys.executable, "-I", "-S", "-c", "import qwen_recipes"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode != 0
