"""Print the sampled errors for reading, without what others said of them; enter verdicts; tell the precision.

    python research/framework_examples/review_errors.py REPOSITORY=FOLDER ...
        every error with the lines around it, numbered
    python research/framework_examples/review_errors.py --enter B FILE
        verdicts of reader B: lines `number true|false [note]`
    python research/framework_examples/review_errors.py --precision
        by reader, and where the readers differ

QR101 is counted apart as well: an adapter under ZeRO-3 is an error by this project's rule, and may train well.

A verdict is true where the file has what the message says and, in the framework's version that we know, the message's
consequence is real. A key that the framework accepts is a false positive. `tests/wild/sample.json` has the errors,
`tests/wild/verdicts.json` what readers said of them.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

WILD = Path(__file__).parents[2] / "tests" / "wild"
FIELDS = ("repository", "version", "path", "line", "key", "code", "message")
CONTEXT_LINES = 3


def load_sample() -> list[dict[str, Any]]:
    errors: list[dict[str, Any]] = json.loads((WILD / "sample.json").read_text("utf-8"))["errors"]
    return errors


def load_verdicts() -> list[dict[str, Any]]:
    file = WILD / "verdicts.json"
    said: list[dict[str, Any]] = json.loads(file.read_text("utf-8"))["verdicts"] if file.is_file() else []
    return said


def format_error(number: int, error: dict[str, Any], folder: Path) -> str:
    """The error, and its file's lines around it."""
    place = f"{error['repository']}@{error['version']} {error['path']}:{error['line']}"
    head = f"#{number} {place}\n{error['code']}: {error['message']}"
    lines = (folder / error["path"]).read_text("utf-8", errors="replace").splitlines()
    first = max(0, (error["line"] or 1) - 1 - CONTEXT_LINES)
    shown = [f"{at + 1:5} | {lines[at]}" for at in range(first, min(len(lines), first + 2 * CONTEXT_LINES + 1))]
    return "\n".join([head, *shown, ""])


def parse_verdicts(reader: str, text: str) -> list[dict[str, Any]]:
    """The reader's lines as rows; every error has to have one."""
    errors, rows = load_sample(), []
    for line in text.splitlines():
        if not line.strip():
            continue
        number, verdict, *note = line.split(maxsplit=2)
        one = errors[int(number.lstrip("#")) - 1]
        said = {"verdict": {"true": True, "false": False}[verdict], "reader": reader, "note": "".join(note)}
        rows.append({**{field: one[field] for field in FIELDS}, **said})
    missing = [n + 1 for n, one in enumerate(errors) if not any(all(row[f] == one[f] for f in FIELDS) for row in rows)]
    if missing:
        raise SystemExit(f"no verdict for {missing}")
    return rows


def compute_precision(excluded_guard: str = "") -> dict[str, float]:
    """Share of errors that are true, by reader; without one guard's, where one is named.

    `strict` counts an error only where what it says changes the training, as reader B judged.
    """
    by_reader: dict[str, list[bool]] = {}
    for row in load_verdicts():
        if row["code"] != excluded_guard:
            by_reader.setdefault(row["reader"], []).append(row["verdict"])
            if "strict" in row:
                by_reader.setdefault("strict", []).append(row["strict"])
    return {reader: sum(said) / len(said) for reader, said in by_reader.items()}


def find_disagreements() -> list[str]:
    """Errors of which readers say different things."""
    by_error: dict[tuple[Any, ...], set[bool]] = {}
    for row in load_verdicts():
        by_error.setdefault(tuple(row[f] for f in FIELDS), set()).add(row["verdict"])
    return [f"{key[2]}:{key[3]} {key[5]} {key[6]}" for key, said in by_error.items() if len(said) > 1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="*", metavar="REPOSITORY=FOLDER")
    parser.add_argument("--enter", nargs=2, metavar=("READER", "FILE"))
    parser.add_argument("--precision", action="store_true")
    options = parser.parse_args()
    if options.enter:
        reader, file = options.enter
        rows = [row for row in load_verdicts() if row["reader"] != reader] + parse_verdicts(
            reader, Path(file).read_text("utf-8")
        )
        text = json.dumps({"verdicts": rows}, indent=1, ensure_ascii=False)
        (WILD / "verdicts.json").write_text(text + "\n", "utf-8")
    if options.precision:
        print(
            json.dumps({"all": compute_precision(), "without QR101": compute_precision("QR101")}),
            *find_disagreements(),
            sep="\n",
        )
    folders = dict(source.split("=", 1) for source in options.sources)
    for number, one in enumerate(load_sample(), start=1):
        if one["repository"] in folders:
            print(format_error(number, one, Path(folders[one["repository"]])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
