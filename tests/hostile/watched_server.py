"""`recipes lsp` under the audit hook: writes what was seen to a file when the server ends.

python -m tests.hostile.watched_server FOLDER HOME RESULT
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from qwen_recipes.cli import main
from tests.hostile.watch import watch


def serve(folder: Path, home: Path, result: Path) -> None:
    """Serve an editor that has `folder` open."""
    try:
        with watch(folder, home) as seen:
            main(["lsp"], standalone_mode=False)
    finally:
        kinds = ("starts", "connects", "ran", "wrote")
        result.write_text(json.dumps({kind: sorted(getattr(seen, kind)) for kind in kinds}), "utf-8")


if __name__ == "__main__":
    serve(*map(Path, sys.argv[1:]))
