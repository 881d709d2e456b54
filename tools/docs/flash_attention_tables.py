"""The tables of docs/how-to/flash-attention.md, from qwen_recipes/backends/flash_attention.yaml."""

from __future__ import annotations

import re

from qwen_recipes.backends import load_backend
from qwen_recipes.backends.flash_attention import FlashPackage, FlashUse, load_flash_table

HOW = {
    "wheels": "from wheels",
    "source": "built from source",
    "hub": "a client; the kernel is downloaded at the first run",
    "none": "not by `recipes env create`",
}


def render_packages() -> str:
    """One row a package: what it runs on, how it is installed, how long that takes, and where that is from."""
    rows = [_render_package(one) for one in load_flash_table().packages.values()]
    head = "| package | attention | GPUs | installed | needs | time |\n|---|---|---|---|---|---|"
    return "\n".join([head, *rows])


def render_sources() -> str:
    """Where the rows of the packages are from."""
    lines = [f"- {one.name}: {'; '.join(map(_link, one.sources))}" for one in load_flash_table().packages.values()]
    return "\n".join(lines)


def render_frameworks() -> str:
    """One row for each attention of a framework."""
    head = "| framework | attention | needs one of | without it | packed | known from |\n|---|---|---|---|---|---|"
    return "\n".join([head, *map(_render_use, load_flash_table().uses)])


def _render_package(one: FlashPackage) -> str:
    version = f" {one.version}" if one.version else ""
    return f"| {one.name}{version} | `{one.attention}` | {one.gpus} | {HOW[one.install]} | {one.needs} | {one.time} |"


def _render_use(use: FlashUse) -> str:
    without = f"**{use.falls_back_to}, silently**" if use.falls_back_to else use.without
    without = f"{without}; {use.hub}" if use.hub else without
    since = f" (since {use.since})" if use.since != "0" else ""
    title = load_backend(use.framework).title
    names = ", ".join(use.packages)
    source = re.sub(r"([\w/]+\.py)", r"`\1`", use.source)
    return f"| {title}{since} | `{use.attention}` | {names} | {_link(without)} | {_link(use.packed)} | {source} |"


def _link(text: str) -> str:
    """Issue numbers and addresses as links."""
    text = re.sub(r"https://(\S+)", r"[\1](https://\1)", text)
    return re.sub(r"\(([\w-]+/[\w-]+)#(\d+)\)", r"([\1#\2](https://github.com/\1/issues/\2))", text)
