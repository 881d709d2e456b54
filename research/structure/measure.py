"""Measure how the package is laid out and named: `python -m research.structure.measure [ROOT] > after.json`.

Counts what a newcomer meets first: files by folder, function names of one word, classes that share a name, the longest
function, and the size of the wheel in bytes (built with pip, without dependencies).
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def measure(root: Path) -> dict[str, Any]:
    """The figures of the package below `root`, as plain data."""
    files = sorted((root / "qwen_recipes").rglob("*.py"))
    trees = {file: ast.parse(file.read_text("utf-8")) for file in files}
    functions = [node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    names = [node.name for node in functions if not (node.name.startswith("__") and node.name.endswith("__"))]
    one_word = [name for name in names if "_" not in name.strip("_")]
    longest = max(functions, key=_count_lines)
    return {
        "files_by_folder": dict(sorted(Counter(_folder(file, root) for file in files).items())),
        "functions": len(names),
        "one_word_functions": len(one_word),
        "one_word_percent": round(100 * len(one_word) / len(names), 1),
        "classes_of_one_name": _find_shared_class_names(trees, root),
        "longest_function": {"name": longest.name, "lines": _count_lines(longest)},
        "longest_file": max(len(file.read_text("utf-8").splitlines()) for file in files),
        "wheel_bytes": measure_wheel(root),
    }


def _folder(file: Path, root: Path) -> str:
    parts = file.relative_to(root / "qwen_recipes").parts
    return parts[0] if len(parts) > 1 else "."


def _count_lines(node: ast.FunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _find_shared_class_names(trees: dict[Path, ast.Module], root: Path) -> dict[str, int]:
    """Class names that several modules define. The plain copies that `tools/` writes from the spec are left out."""
    mirrored = root / "qwen_recipes" / "recipe" / "parts"
    names = Counter(
        node.name
        for file, tree in trees.items()
        if mirrored not in file.parents
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    )
    return {name: count for name, count in sorted(names.items()) if count > 1}


def measure_wheel(root: Path) -> int:
    """Bytes of the wheel that pip builds of a checkout. Raises CalledProcessError."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, str(root)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return next(Path(folder).glob("*.whl")).stat().st_size


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT), indent=1))
