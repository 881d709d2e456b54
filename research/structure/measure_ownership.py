"""Size of the package, its generated files and its tests: `python -m research.structure.measure_ownership [ROOT]`.

    python -m research.structure.measure_ownership --commit 02bfae15 --all --write FILE

`--commit` measures a commit of this repository, checked out and installed in a temporary folder. `--cases` collects the
tests (half a minute), `--suite` runs them (ten minutes or more), `--start-up` takes the CPU time of commands and
`--wheel` builds a wheel; `--all` does all four. Times need an idle machine. The table in README.md is filled from
ownership_before.json and ownership_after.json by `python -m tools.generate_docs`.
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
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from research.structure.measure import ROOT, measure_wheel

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
DRAWING = ("<svg", "<style", "<!doctype html>")


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
        "guards": sum(1 for _ in (root / "qwen_recipes/guards").rglob("qr[0-9][0-9][0-9]*.py")),
    }


def count_requirements(root: Path) -> int:
    """Libraries that the package installs."""
    text = (root / "pyproject.toml").read_text("utf-8")
    return text.partition("\ndependencies = [")[2].partition("\n]")[0].count('"') // 2


def find_python(root: Path) -> str:
    """The Python in which a checkout is installed; this one where it has no environment of its own."""
    own = root / ".venv" / "bin" / "python"
    return str(own) if own.is_file() else sys.executable


def count_cases(root: Path) -> int:
    command = [find_python(root), "-m", "pytest", "--collect-only", "-q", "-o", "addopts=", "tests/unit", "tests/why"]
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
    command = [find_python(root), "-m", "qwen_recipes", *arguments]
    subprocess.run(command, cwd=root, env={**os.environ, "PYTHONPATH": "."}, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return round(1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime))


def measure_suite(root: Path) -> dict[str, int]:
    """Seconds of the unit tests in two processes, by the clock and of the CPU. Raises SystemExit if one fails."""
    command = [find_python(root), "-m", "pytest", "-n", "2", "tests/unit", "tests/why"]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, cwd=root, env={**os.environ, "PYTHONPATH": "."}, capture_output=True, text=True)
    seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"the tests of {root} fail:\n{done.stdout[-2000:]}{done.stderr[-500:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds of the suite": round(seconds), "CPU seconds of the suite": round(cpu)}


@contextmanager
def check_out(commit: str | None, root: Path) -> Iterator[Path]:
    """A commit of the repository at `root` in a temporary folder, or `root` itself. Raises CalledProcessError."""
    if commit is None:
        yield root
        return
    with tempfile.TemporaryDirectory() as folder:
        place = str(Path(folder) / "checkout")
        subprocess.run(["git", "clone", "--quiet", "--shared", str(root), place], check=True)
        subprocess.run(["git", "-C", place, "checkout", "--quiet", commit], check=True)
        subprocess.run(["make", "--quiet", "-C", place, ".venv/ready"], check=True)
        if (shared := root.parent / "shared").is_dir():
            (Path(folder) / "shared").symlink_to(shared)
        yield Path(place)


def read_commit(root: Path) -> str:
    """The commit of a checkout, eight digits. Raises CalledProcessError."""
    command = ["git", "-C", str(root), "rev-parse", "--short=8", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def measure_all(root: Path, options: argparse.Namespace) -> dict[str, int | str]:
    """What the options ask for, with the commit and the date."""
    found: dict[str, int | str] = {"commit": read_commit(root), "date": date.today().isoformat()}
    found |= measure_checkout(root)
    if options.cases or options.all:
        found["test cases"] = count_cases(root)
    if options.start_up or options.all:
        found |= measure_start_up(root)
    if options.wheel or options.all:
        found["bytes of the wheel"] = measure_wheel(root)
    if options.suite or options.all:
        found |= measure_suite(root)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path, nargs="?", default=ROOT)
    parser.add_argument("--commit", help="measure this commit instead of the checkout")
    for name in ("--cases", "--suite", "--start-up", "--wheel", "--all"):
        parser.add_argument(name, action="store_true")
    parser.add_argument("--write", type=Path, help="file for the figures, as JSON")
    options = parser.parse_args()
    with check_out(options.commit, options.root.resolve()) as root:
        text = json.dumps(measure_all(root, options), indent=2) + "\n"
    if options.write:
        options.write.write_text(text, "utf-8")
    print(text, end="")


if __name__ == "__main__":
    main()
