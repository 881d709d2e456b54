"""What the framework reads lies beside the rows, so that no path in it depends on where a recipe was compiled to."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

COMPILED = Path(__file__).resolve().parents[1]
"""The folder of the compiled files: this program lies in `rows/` there."""
CHAT_TEMPLATE = "chat_template.jinja"
"""The official template, or the recipe's own."""


def copy_files(spec: dict[str, Any], compiled: Path = COMPILED) -> None:
    """Copy those of the compiled files that `copied` names to where the rows are written. Raises OSError."""
    out = Path(spec["out"])
    out.mkdir(parents=True, exist_ok=True)
    for name in spec.get("copied", []):
        replace_file(out / Path(name).name, (compiled / name).read_bytes())
    own = Path(spec.get("chat_template") or out / CHAT_TEMPLATE)
    if own.parent != out and own.is_file():
        replace_file(out / CHAT_TEMPLATE, own.read_bytes())


def replace_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all. Raises OSError."""
    handle, part = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        shutil.copymode(__file__, part)
        Path(part).replace(path)
    finally:
        Path(part).unlink(missing_ok=True)
