"""Look for words that do not come back: names that say nothing, and phrases of a private language.

    python -m tools.check_words    exit code 1 if one is found, each with its place

The list is `tools/words.yaml`; CONTRIBUTING has the glossary, with the words to use instead.
"""

from __future__ import annotations

import argparse
import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
LIST = Path(__file__).with_name("words.yaml")
CODE = ("qwen_recipes/", "tools/", "benchmarks/", "research/")
TEXT = ("docs/", "README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "templates/", "examples/")
TEXT_SUFFIXES = (".py", ".md", ".yaml", ".j2")
GENERATED = ("docs/guards/", "docs/reference/", "docs/how-to/examples.md", "docs/research/")
"""Pages whose text is that of the code: it is looked at there."""
FENCE = re.compile(r"^```.*?^```", re.M | re.S)
"""Output of commands, on a page."""


def list_tracked_files() -> list[str]:
    """Tracked files below the root, and new ones that git does not ignore."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return sorted(name for name in set(listed) if (ROOT / name).is_file())


def list_names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and name of each function, class and parameter, without leading underscores."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.lineno, node.name.strip("_")
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg.strip("_")


@cache
def list_texts(file: str) -> tuple[tuple[int, str], ...]:
    """Line and text of everything in a file that a person reads: its lines, or a module's strings and docstrings."""
    content = (ROOT / file).read_text("utf-8")
    if file.endswith(".md"):
        content = FENCE.sub(lambda match: "\n" * match[0].count("\n"), content)
    if not file.endswith(".py"):
        return tuple(enumerate(content.splitlines(), 1))
    nodes = ast.walk(ast.parse(content))
    return tuple((n.lineno, n.value) for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str))


def find_bad_names(files: list[str], banned: set[str]) -> Iterator[str]:
    """Places of names that are in the list."""
    for file in files:
        if file.startswith(CODE) and file.endswith(".py"):
            for line, name in list_names(ast.parse((ROOT / file).read_text("utf-8"))):
                if name in banned:
                    yield f"{file}:{line}: the name `{name}` tells nothing: a function is a verb with its object"


def find_phrase(pattern: str, files: list[str]) -> dict[str, list[int]]:
    """Lines at which a phrase stands, by file."""
    found: dict[str, list[int]] = {}
    for file in files:
        if (
            not file.endswith(TEXT_SUFFIXES)
            or file.startswith(("tools/words", *GENERATED))
            or not file.startswith((*CODE, *TEXT))
        ):
            continue
        lines = [line for line, text in list_texts(file) if re.search(pattern, text)]
        if lines:
            found[file] = lines
    return found


def main() -> int:
    """Print each bad name and phrase; 1 if there is one."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    listed, files = yaml.safe_load(LIST.read_text("utf-8")), list_tracked_files()
    problems = list(find_bad_names(files, set(listed["names"].split())))
    for entry in listed["phrases"]:
        for file, lines in find_phrase(entry["phrase"], files).items():
            problems.append(f"{file}:{lines[0]}: `{entry['phrase']}`; write {entry['write']}")
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
