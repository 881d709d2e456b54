"""Lint the frameworks' own examples, and draw the sample whose errors are judged by reading.

    python research/framework_examples/collect_errors.py BACKEND=REPOSITORY@VERSION=FOLDER ... [--write]

FOLDER holds the examples of that repository at that commit or version; they are not committed. Prints what was found;
with --write also `tests/wild/sample.json`: up to 60 of the files in which an error is reported, drawn with SEED.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qwen_recipes.finding import Finding, format_route
from qwen_recipes.guards.native.lint_native import detect_framework, lint_native

SAMPLE = Path(__file__).parents[2] / "tests" / "wild" / "sample.json"
SEED = 20261123
FILES_DRAWN = 60
SUFFIXES = (".yaml", ".yml", ".sh")


@dataclass(frozen=True)
class ExampleSource:
    """Where examples come from: a framework's repository at a commit or version, and a folder with its files."""

    backend: str
    repository: str
    version: str
    folder: Path

    @classmethod
    def parse(cls, text: str) -> ExampleSource:
        backend, place, folder = text.split("=", 2)
        repository, _, version = place.partition("@")
        return cls(backend, repository, version, Path(folder))

    def list_files(self) -> Iterator[Path]:
        return (file for file in sorted(self.folder.rglob("*")) if file.suffix in SUFFIXES and file.is_file())


def lint_files(source: ExampleSource) -> Iterator[tuple[str, str | None, list[Finding]]]:
    """Each file's path in the repository, the framework it was recognised for, and its findings."""
    for file in source.list_files():
        name = file.relative_to(source.folder).as_posix()
        text = file.read_text("utf-8", errors="replace")
        backend = detect_framework(text)
        yield name, backend, lint_native(text, name, backend) if backend else []


def describe_error(source: ExampleSource, finding: Finding) -> dict[str, Any]:
    return {
        "repository": source.repository,
        "version": source.version,
        "path": finding.file,
        "line": finding.span.line if finding.span else None,
        "key": format_route(finding.route),
        "code": finding.code,
        "message": finding.message,
    }


def collect_errors(sources: list[ExampleSource]) -> dict[str, Any]:
    """Counts by source, and the errors of the drawn files."""
    counts: list[dict[str, Any]] = []
    by_file: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for source in sources:
        seen: Counter[str] = Counter()
        for name, backend, findings in lint_files(source):
            seen["files"] += 1
            seen["recognised"] += backend == source.backend
            seen.update(f"{f.severity}s" for f in findings)
            errors = [describe_error(source, f) for f in findings if f.severity == "error"]
            if errors:
                by_file[source.repository, name] = errors
        about = {"backend": source.backend, "repository": source.repository, "version": source.version}
        counts.append({**about, **seen})
    drawn = random.Random(SEED).sample(sorted(by_file), min(FILES_DRAWN, len(by_file)))
    return {
        "seed": SEED,
        "sources": counts,
        "files_with_errors": len(by_file),
        "files_drawn": len(drawn),
        "errors": [one for place in sorted(drawn) for one in by_file[place]],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="+", type=ExampleSource.parse, metavar="BACKEND=REPOSITORY@VERSION=FOLDER")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    found = collect_errors(options.sources)
    if options.write:
        SAMPLE.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(json.dumps({key: value for key, value in found.items() if key != "errors"}, indent=1))
    print(Counter(one["code"] for one in found["errors"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
