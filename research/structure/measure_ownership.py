"""Size of the package, its generated files and its tests: `python research/structure/measure_ownership.py [ROOT]`.

`--cases` also collects the tests (half a minute), `--wheel` builds a wheel, `--start-up` takes CPU time of commands,
all of the checkout at ROOT with the packages of this Python. ownership_before.json and
ownership_after.json are its output.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

GENERATED = (
    *(
        "schemas/*.json",
        "schemas/backends/*.json",
        "schemas/native/*.json",
        "qwen_recipes/recipe/spec/core_schema.json",
    ),
    *("qwen_recipes/recipe/parts/*.py", "qwen_recipes/guards/*.json", "docs/reference/**/*.md", "docs/guards/*.md"),
    "tests/golden/**/*",
)
DRAWING = ("<svg", "<style", "<!doctype")


def list_modules(root: Path) -> list[Path]:
    return sorted((root / "qwen_recipes").rglob("*.py"))


def count_any(files: list[Path]) -> int:
    """Parameters and results that are annotated with `Any`, alone or within another type."""
    return sum(
        any(isinstance(part, ast.Name) and part.id == "Any" for part in ast.walk(annotation))
        for file in files
        for annotation in list_annotations(ast.parse(file.read_text("utf-8")))
    )


def list_annotations(tree: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
            yield from (one.annotation for one in every if one is not None and one.annotation is not None)
            if node.returns is not None:
                yield node.returns


def count_lines(files: list[Path]) -> int:
    return sum(file.read_bytes().count(b"\n") for file in files if file.is_file())


def measure_checkout(root: Path) -> dict[str, int]:
    modules = list_modules(root)
    generated = [file for pattern in GENERATED for file in root.glob(pattern)]
    scripts = [*modules, *(root / "research").rglob("*.py"), *(root / "tools").rglob("*.py")]
    drawing = [file for file in scripts if any(f"{mark}" in file.read_text("utf-8") for mark in DRAWING)]
    return {
        "modules of the package": len(modules),
        "lines of the package": count_lines(modules),
        "generated lines": count_lines(generated),
        "golden files": sum(file.is_file() for file in (root / "tests/golden").rglob("*")),
        "signatures with Any": count_any(modules),
        "modules that write HTML or SVG": len(drawing) - (Path(__file__).name in {file.name for file in drawing}),
        "requirements of the package": count_requirements(root),
        "pages in docs/": sum(1 for _ in (root / "docs").rglob("*.md")),
    }


def count_requirements(root: Path) -> int:
    """Libraries that the package installs."""
    text = (root / "pyproject.toml").read_text("utf-8")
    return text.partition("\ndependencies = [")[2].partition("\n]")[0].count('"') // 2


def count_cases(root: Path) -> int:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-o", "addopts=", "tests/unit", "tests/why"]
    done = subprocess.run(command, cwd=root, env={**os.environ, "PYTHONPATH": "."}, capture_output=True, text=True)
    return sum("::" in line for line in done.stdout.splitlines())


START_UP = {
    "version": ["--version"],
    "help": ["--help"],
    "lint of a file": ["lint", "examples/dora.yaml"],
}


def measure_start_up(root: Path, rounds: int = 9) -> dict[str, int]:
    """Milliseconds of the processor that commands take; the smallest of some rounds."""
    return {
        f"ms of the processor, {name}": min(_time_command(root, arguments) for _ in range(rounds))
        for name, arguments in START_UP.items()
    }


def _time_command(root: Path, arguments: list[str]) -> int:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "qwen_recipes", *arguments]
    subprocess.run(command, cwd=root, env={**os.environ, "PYTHONPATH": "."}, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return round(1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime))


def measure_wheel(root: Path) -> int:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=root, check=True)
        return next(Path(folder).glob("*.whl")).stat().st_size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path, nargs="?", default=Path())
    parser.add_argument("--cases", action="store_true")
    parser.add_argument("--wheel", action="store_true")
    parser.add_argument("--start-up", action="store_true")
    asked = parser.parse_args()
    found = measure_checkout(asked.root)
    if asked.cases:
        found["test cases"] = count_cases(asked.root)
    if asked.start_up:
        found |= measure_start_up(asked.root)
    if asked.wheel:
        found["bytes of the wheel"] = measure_wheel(asked.root)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
