"""Plan to text, through a backend's templates."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from qwen_recipes import __version__
from qwen_recipes.backends.base import Backend, Kind, Output
from qwen_recipes.backends.plan import Plan
from qwen_recipes.compile.leaves import Leaf, leaf, plain
from qwen_recipes.compile.scalars import Raw, printer
from qwen_recipes.compile.view import Record, View
from qwen_recipes.qwen.chat_templates import template_text
from qwen_recipes.shipped import shipped

CHAT_TEMPLATE = "chat_template.jinja"
_ROWS = Path(__file__).parent.parent / "data" / "rows"
_REWARDS = _ROWS.with_name("rewards.py")


class NoWord(Exception):
    """A backend has no word for a value; `field` is the plan's path."""

    def __init__(self, field: str, value: object) -> None:
        super().__init__(f"no word for {value!r}")
        self.field, self.value = field, value


@dataclass(frozen=True)
class Place:
    """Where the files go and where paths in them start: `folder` seen from the recipe's folder, and the reverse."""

    here: str
    base: str


def place(folder: Path, recipe_folder: Path) -> Place:
    """The two relative paths between the output folder and the recipe's folder, with forward slashes."""
    folder, recipe_folder = folder.resolve(), recipe_folder.resolve()
    here = os.path.relpath(folder, recipe_folder)
    return Place(
        PurePosixPath(Path(here)).as_posix(), PurePosixPath(Path(os.path.relpath(recipe_folder, folder))).as_posix()
    )


def header(plan: Plan, backend: Backend) -> str:
    """The comment on top of every file that can carry one."""
    lines = [
        f"{plan.name}: compiled by qwen-recipes {__version__} for {backend.title} {plan.backend_version}",
        f"recipe {plan.recipe_hash[:16]}; edit the recipe, not this file",
    ]
    lines += [f"{code} is allowed: {' '.join(reason.split())}" for code, reason in sorted(plan.allow.items())]
    return "\n".join(f"# {line}" for line in map(_one_line, lines))


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


class Renderer:
    """Renders the outputs of one plan and records what they read."""

    def __init__(self, plan: Plan, backend: Backend, where: Place) -> None:
        self.plan, self.backend, self.where = plan, backend, where
        self.record = Record(plan)

    def render(self, output: Output, *, marked: bool = False) -> str:
        """The text of one output. With `marked`, values carry the path of their field (see scalars)."""
        environment = _environment(self.backend.templates, output.kind, marked)
        text: str = environment.get_template(output.template).render(self._context())
        return text

    def _context(self) -> dict[str, Any]:
        view = View(self.plan, "", self.record)
        parts = (
            "model",
            "data",
            "chat",
            "objective",
            "method",
            "quantization",
            "training",
            "hardware",
            "output",
            "tracking",
        )
        return {
            **{part: getattr(view, part) for part in parts},
            "name": self.plan.name,
            "header": Raw(header(self.plan, self.backend)),
            "here": self.where.here,
            "base": self.where.base,
            "splits": ["train", "validation"] if self.plan.data.validates else ["train"],
            "gpu_list": Raw(",".join(str(index) for index in range(self.plan.hardware.gpus))),
            "template_file": self._template_file(view),
            "row_shape": self.backend.row_shape(self.plan),
            "backend": self.backend.name,
            "from_hub": any(s.hub for s in (*self.plan.data.train, *self.plan.data.validation)),
            "layer_pattern": _layer_pattern(self.plan),
            "words": self.backend.words,
            "since": self.backend.has,
        }

    def _template_file(self, view: View) -> str:
        official = self.plan.chat.official
        return f"{self.where.here}/{CHAT_TEMPLATE}" if official else view.chat.template

    def copied(self) -> dict[str, str]:
        """Files that are the same for every backend: the program that prepares rows, and the official template."""
        files = {f"rows/{path.name}": path.read_text("utf-8") for path in sorted(_ROWS.glob("*.py"))}
        if self.plan.objective.rewards:
            files["reward_functions.py"] = _REWARDS.read_text("utf-8")
        if self.plan.chat.official and self.plan.objective.chat:
            self.record.note("chat.template")
            files[CHAT_TEMPLATE] = template_text(self.plan.chat.template)
        return files


@cache
def _environment(templates: Path, kind: Kind, marked: bool) -> Any:
    """Jinja2, sandboxed and strict, over a backend's templates; kept, so that each is parsed once."""
    from jinja2 import FileSystemLoader, StrictUndefined, pass_context
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader([templates, shipped("templates") / "shared"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=printer(kind, marked=marked),
    )
    word = pass_context(lambda context, value, table: _word(context["words"][table], value, table))
    environment.filters.update(word=word, raw=Raw, comma=_comma, of=leaf, negated=_negated)
    return environment


def _word(words: Mapping[Any, Any], value: Any, table: str) -> Any:
    """The backend's word for a value of ours. Raises NoWord."""
    key = plain(value)
    path = value.path if isinstance(value, Leaf) else table
    if key not in words:
        raise NoWord(path, key)
    return leaf(words[key], path)


def _comma(values: Any) -> Any:
    """Several values as one comma-separated text that remembers its field."""
    text = ",".join(str(value) for value in values)
    return leaf(text, values.path) if isinstance(values, Leaf) else text


def _negated(value: Any) -> Any:
    """The opposite of a flag, which remembers its field."""
    return leaf(not value, value.path) if isinstance(value, Leaf) else not value


def _layer_pattern(plan: Plan) -> str:
    """A regular expression over the names of the adapted layers, where only some layers are."""
    layers = "|".join(str(number) for number in plan.method.layer_numbers)
    return rf"model\.layers\.({layers})\.(self_attn|mlp)\.({'|'.join(plan.method.targets)})"
