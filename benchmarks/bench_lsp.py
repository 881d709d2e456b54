"""How long the language server works on one change of a file, on each example: judging, and what the editor is sent.

No process starts and no message travels: the time is the server's own. Prints milliseconds; asserts nothing.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.workspace import Workspace

from qwen_recipes.lsp.completion import find_completions
from qwen_recipes.lsp.hover import build_hover
from qwen_recipes.lsp.linted_document import lint_document
from qwen_recipes.lsp.server import to_diagnostic

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.yaml"))
LIMIT = 50.0


def time_rounds(work: Callable[[], Any], rounds: int) -> list[float]:
    """CPU milliseconds of each round."""
    spent = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        spent.append((time.process_time() - start) * 1000)
    return spent


def compute_diagnostics(path: Path, text: str) -> list[types.Diagnostic]:
    workspace = Workspace(None)
    uri = path.as_uri()
    workspace.put_text_document(types.TextDocumentItem(uri, "yaml", 1, text))
    document = workspace.get_text_document(uri)
    return [to_diagnostic(document, finding) for finding in lint_document(path, text).findings]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    print(f"{'file':<28}{'first':>8}{'median':>8}{'slowest':>9}{'hover':>8}{'complete':>10}  (ms of CPU time)")
    slowest = 0.0
    for path in EXAMPLES:
        text = path.read_text("utf-8")
        spent = time_rounds(partial(compute_diagnostics, path, text), rounds)
        judged = lint_document(path, text)
        over = time_rounds(partial(build_hover, judged, 3, 2), rounds)
        offered = time_rounds(partial(find_completions, judged.lines, len(judged.lines) - 1, 0), rounds)
        columns = (spent[0], statistics.median(spent), max(spent[1:]))
        slowest = max(slowest, columns[1])
        print(
            f"{path.stem:<28}{columns[0]:>8.1f}{columns[1]:>8.1f}{columns[2]:>9.1f}"
            f"{statistics.median(over):>8.2f}{statistics.median(offered):>10.2f}"
        )
    print(f"slowest median {slowest:.1f} ms; the limit is {LIMIT:.0f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
