"""docs/gotchas.md: every demonstration, run."""

from __future__ import annotations

from importlib import import_module

from research.gotchas.demonstration import Demonstration, temporary_workdir

NAMES = ("last_turn", "base_never_stops", "assistant_mask", "think_tags")
HEAD = """# What goes wrong without a word

Four things about chat templates, ends of turns and loss masks that no framework reports, shown on the released Qwen3
tokenizers and templates, which this package brings, and what `recipes` says and does about each. Everything below was
run to write this page: `make gotchas` runs it again on a fresh clone, without a GPU, a framework or a model hub;
`python -m research.gotchas last_turn` runs one.
"""


def render_demonstration(name: str) -> str:
    """One demonstration: its module's docstring, then what it shows."""
    module = import_module(f"research.gotchas.{name}")
    demo = Demonstration()
    with temporary_workdir():
        module.run_demonstration(demo)
    title, _, about = module.__doc__.strip().partition("\n\n")
    return f"## {title.rstrip('.')}\n\n{about}\n\n{demo.text}"


def render_page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *map(render_demonstration, NAMES)])
