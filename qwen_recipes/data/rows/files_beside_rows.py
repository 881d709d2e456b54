"""What the framework reads lies beside the rows, so that no path in it depends on where a recipe was compiled to."""

from pathlib import Path

from .replace_file import replace_file
from .row import RowsSpec

COMPILED = Path(__file__).resolve().parents[1]
"""The folder of the compiled files: this program lies in `rows/` there."""
CHAT_TEMPLATE = "chat_template.jinja"
"""The official template, or the recipe's own."""


def copy_files(spec: RowsSpec, compiled: Path = COMPILED) -> None:
    """Copy those of the compiled files that `copied` names to where the rows are written. Raises OSError."""
    for name in spec.get("copied", []):
        write_beside_rows(spec, Path(name).name, (compiled / name).read_bytes())
    out = Path(spec["out"])
    own = Path(spec.get("chat_template") or out / CHAT_TEMPLATE)
    if own.parent != out and own.is_file():
        write_beside_rows(spec, CHAT_TEMPLATE, own.read_bytes())


def write_beside_rows(spec: RowsSpec, name: str, content: str | bytes) -> None:
    """Write a file into the folder of the rows, whole or not at all. Raises OSError, also for a link in its path."""
    output = spec.get("output_dir")
    replace_file(Path(spec["out"]) / name, content, Path(output) if output is not None else None)
