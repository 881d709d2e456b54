"""What a framework has to tell us about itself: the contract behind the entry point `qwen_recipes.backends`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from qwen_recipes.backends.plan import Plan

Kind = Literal["yaml", "json", "shell"]


@dataclass(frozen=True)
class Limit:
    """Something this framework cannot be told.

    When `applies` is true of a plan, compiling is refused at `field` with `why`, and the backends that have no
    such limit are named.
    """

    field: str
    applies: Callable[[Plan], bool]
    why: str


@dataclass(frozen=True)
class Output:
    """One file to write: its name in the output folder, the template it comes from, and how its values are quoted."""

    name: str
    template: str
    kind: Kind
    config: bool = False
    """Whether this is the framework's own config, which its schema has to accept."""
    dialect: str = ""
    """A command of the framework with keys of its own: the name of a definition in the schema."""


@dataclass(frozen=True)
class Backend:
    """One framework at one released version.

    `words` translates our vocabulary: `words["overlong"]["drop"]` is what this framework calls it.
    `python` says which interpreter the framework is installed under, by device.
    """

    name: str
    title: str
    version: str
    package: str
    distribution: str
    templates: Path
    schema_file: Path
    words: Mapping[str, Mapping[Any, Any]]
    outputs: Callable[[Plan], list[Output]]
    row_shape: Callable[[Plan], str] = lambda plan: "messages"
    """The shape in which it reads the rows of a plan: a name in `qwen_recipes/data/rows/shapes.py`."""
    resume: str = ""
    """The argument that names the checkpoint to go on from, as a format with one place."""
    limits: tuple[Limit, ...] = ()
    python: Mapping[str, str] = field(default_factory=lambda: {"cpu": "3.11", "cuda": "3.12"})

    def schema(self) -> dict[str, Any]:
        """The framework's own vocabulary, as JSON Schema taken from its classes."""
        loaded: dict[str, Any] = json.loads(self.schema_file.read_text("utf-8"))
        return loaded

    def locks(self) -> Path:
        """The folder with this backend's locked requirements, one file per device and Python."""
        return Path(__file__).parent / self.package / "requirements"
