"""docs/gotchas.md: every demonstration, run."""

from __future__ import annotations

from importlib import import_module

from scripts.gotchas.telling import Telling, own_folder

NAMES = ("last_turn", "end_of_base", "assistant_mask", "think_tags")
HEAD = """# What goes wrong without a word

Four things about chat templates, ends of turns and loss masks that no framework reports, shown on the released Qwen3
tokenizers and templates, which this package brings, and what `recipes` says and does about each. Everything below was
run to write this page: `make gotchas` runs it again on a fresh clone, without a GPU, a framework or a model hub;
`python -m scripts.gotchas last_turn` runs one.
"""


def told(name: str) -> str:
    """One demonstration: its module's docstring, then what it shows."""
    shown = import_module(f"scripts.gotchas.{name}")
    telling = Telling()
    with own_folder():
        shown.show(telling)
    title, _, about = shown.__doc__.strip().partition("\n\n")
    return f"## {title.rstrip('.')}\n\n{about}\n\n{telling.text}"


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *map(told, NAMES)])
