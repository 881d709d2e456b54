"""Find dead links in the Markdown pages: files that are not there, headings that do not exist.

python -m tools.docs.links      exit code 1 where one is found
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tools.docs.markdown import list_anchors, list_links

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def list_pages() -> list[Path]:
    """Every Markdown page of the documentation, and those at the root."""
    return sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md"), *(ROOT / "examples").rglob("*.md")])


def find_dead_links(page: Path) -> Iterator[str]:
    """Each dead link of a page, as `file:line: reason`."""
    for line, target in list_links(page.read_text("utf-8")):
        if problem := check_link(page, target):
            yield f"{page.relative_to(ROOT)}:{line}: {target}: {problem}"


def check_link(page: Path, target: str) -> str:
    """What is wrong with a link; empty where it is alive. Addresses on the web are not opened."""
    if target.startswith(("http://", "https://", "mailto:")):
        return ""
    name, _, anchor = target.partition("#")
    file = (page.parent / name).resolve() if name else page
    if not file.exists():
        return "there is no such file"
    if page.is_relative_to(DOCS) and not file.is_relative_to(DOCS):
        return "outside docs/: the site does not have it; write its path as code"
    if anchor and (file.is_dir() or anchor not in _read_anchors(file)):
        return "no such heading"
    return ""


@cache
def _read_anchors(file: Path) -> set[str]:
    return list_anchors(file.read_text("utf-8")) if file.suffix == ".md" else set()


def main() -> int:
    """Print dead links; 1 where there is one."""
    dead = [problem for page in list_pages() for problem in find_dead_links(page)]
    print("\n".join(dead), end="\n" if dead else "")
    return 1 if dead else 0


if __name__ == "__main__":
    sys.exit(main())
