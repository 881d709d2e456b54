"""Fenced blocks, headings and links of a Markdown page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_FENCE = re.compile(
    r"^(?P<indent> *)(?P<marks>```+)(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=indent)(?P=marks) *$", re.M | re.S
)
_TITLE = re.compile(r'title="([^"]+)"')
_COMMENT_BEFORE = re.compile(r"<!-- docs: ([^>]*?) -->\s*\Z")
_LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.M)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the file that it is (`title="..."`), a comment before it, and where it stands."""

    language: str
    title: str
    note: str
    body: str
    line: int
    start: int
    end: int
    """`start` and `end` are the positions of `body` in the page."""


def list_blocks(text: str) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    for match in _FENCE.finditer(text):
        info = match["info"].strip()
        title = _TITLE.search(info)
        note = _COMMENT_BEFORE.search(text[: match.start()])
        yield Block(
            language=info.split(" ")[0] if info else "",
            title=title[1] if title else "",
            note=note[1] if note else "",
            body=match["body"],
            line=text.count("\n", 0, match.start()) + 1,
            start=match.start("body"),
            end=match.end("body"),
        )


def remove_blocks(text: str) -> str:
    """The page without its fenced blocks and inline code; lines are kept."""
    text = _FENCE.sub(lambda match: "\n" * match[0].count("\n"), text)
    return re.sub(r"`[^`\n]+`", lambda match: "x" * len(match[0]), text)


def list_links(text: str) -> Iterator[tuple[int, str]]:
    """Line and target of each link and image."""
    for match in _LINK.finditer(remove_blocks(text)):
        yield text.count("\n", 0, match.start()) + 1, match[1]


def list_anchors(text: str) -> set[str]:
    """Anchors of a page's headings, as GitHub and Python-Markdown both make them."""
    without_blocks = _FENCE.sub("", text)
    seen: dict[str, int] = {}
    anchors = set()
    for heading in _HEADING.findall(without_blocks):
        slug = make_anchor(heading)
        count = seen.get(slug, 0)
        seen[slug] = count + 1
        anchors.add(slug if count == 0 else f"{slug}-{count}")
    return anchors | set(re.findall(r'<a id="([^"]+)"', text))


def make_anchor(heading: str) -> str:
    """The anchor of a heading: lower case, punctuation removed, spaces as hyphens."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").replace("\\", "")
    return re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())
