"""ms-swift makes text of every value of its YAML: `system: null` becomes the system prompt "None"."""

from __future__ import annotations

import tempfile
from pathlib import Path

from evidence_result import report_result
from swift.cli.main import parse_yaml_args

GUARDS = ("QR705",)
ENVIRONMENT = "ms-swift"


def parse_config(text: str) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "train.yaml"
        file.write_text(text, "utf-8")
        argv = [str(file)]
        parse_yaml_args(argv)
        return argv


seen = {"null": parse_config("model: x\nsystem: null\n"), "left out": parse_config("model: x\n")}
report_result(
    {"null is the text None": "None" in seen["null"]},
    {"left out: nothing": "None" not in seen["left out"]},
    seen,
    ("ms-swift",),
)
