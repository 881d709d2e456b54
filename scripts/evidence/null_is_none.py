"""ms-swift makes text of every value of its YAML: `system: null` becomes the system prompt "None"."""

from __future__ import annotations

import tempfile
from pathlib import Path

from swift.cli.main import parse_yaml_args
from tell import tell

GUARDS = ("QR705",)
ENVIRONMENT = "ms-swift"


def words(text: str) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "train.yaml"
        file.write_text(text, "utf-8")
        argv = [str(file)]
        parse_yaml_args(argv)
        return argv


seen = {"null": words("model: x\nsystem: null\n"), "left out": words("model: x\n")}
tell(
    {"null is the text None": "None" in seen["null"]},
    {"left out: nothing": "None" not in seen["left out"]},
    seen,
    ("ms-swift",),
)
