"""Every field of a recipe, and how each framework is told it: seen by compiling a probe of each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from qwen_recipes.backends import Backend
from qwen_recipes.compile.compiler import Compiled, compile_for
from qwen_recipes.compile.probes import FIELDS, SHORTEST, merged, probe
from qwen_recipes.compile.view import fields_behind
from qwen_recipes.recipe.finding import RecipeError
from qwen_recipes.recipe.load import load_text

HOW = {
    "rows.json": "rows are prepared so",
    "chat_template.jinja": "rows are prepared so",
    "run.sh": "the launcher does it",
    "deepspeed.json": "in DeepSpeed's config",
    "fsdp.yaml": "in accelerate's config",
    "fsdp.json": "in the FSDP config",
    "dataset_info.json": "in the list of data sets",
}


@dataclass(frozen=True)
class Cell:
    """How one backend is told one field.

    `level` is native (by `keys` of its config), emulated (`how`: by other means, or by keys that other fields set as
    well) or unsupported (`why`). `limits` say where a field that is otherwise taken is refused.
    """

    field: str
    backend: str
    level: str
    keys: tuple[str, ...] = ()
    how: str = ""
    why: str = ""
    limits: tuple[str, ...] = ()


def said(cell: Cell) -> str:
    """A cell in one line."""
    if cell.level == "unsupported":
        return f"unsupported: {cell.why}"
    keys = ", ".join(f"`{key}`" for key in cell.keys)
    text = f"{cell.level}: {'; '.join(part for part in (keys, cell.how) if part)}"
    return text + "".join(f"; not where {limit}" for limit in cell.limits)


def matrix(backend: Backend) -> Iterator[Cell]:
    """A cell for every field that a framework can be told; those that only the tool reads have none."""
    without: dict[str, Compiled] = {}
    for field in FIELDS:
        before, after = probe(field)
        name = json.dumps(before, sort_keys=True)
        limits = tuple(limit.why for limit in backend.limits if limit.field == field and backend.holds(limit))
        try:
            without[name] = without.get(name) or _compiled(before, backend)
            made = _compiled(after, backend)
        except RecipeError as error:
            why = next(f"{f.message}: {f.why}".rstrip(": ") for f in error.findings if f.severity == "error")
            others = limits if len(limits) > 1 else ()
            yield Cell(field, backend.name, "unsupported", why=why, limits=others)
            continue
        yield _cell(field, backend, without[name], made, limits)


def _compiled(changes: dict[str, Any], backend: Backend) -> Compiled:
    text = yaml.safe_dump(merged(SHORTEST, changes), sort_keys=False)
    return compile_for(load_text(text, "probe.yaml", Path()), backend, Path("probe"))


def _cell(field: str, backend: Backend, before: Compiled, made: Compiled, limits: tuple[str, ...]) -> Cell:
    printed = {key for key, paths in made.keys.items() for p in paths if field in fields_behind(made.plan, p)}
    changed = _changed(before.files["train.yaml"], made.files["train.yaml"])
    told = {key for key in printed if key.split(".")[0].split("[")[0] in changed}
    other = [HOW[name] for name in HOW if _told(before, made, name)]
    how = "; ".join(dict.fromkeys(other)) or ("" if changed else "it does so in any case")
    keys = tuple(sorted(told or changed))
    return Cell(field, backend.name, "native" if told else "emulated", keys, how, limits=limits)


def _told(before: Compiled, made: Compiled, name: str) -> bool:
    """Whether a file differs in more than its header."""
    texts = [one.files.get(name, "") for one in (before, made)]
    plain = [[line for line in text.splitlines() if not line.startswith("#")] for text in texts]
    return plain[0] != plain[1]


def _changed(before: str, made: str) -> set[str]:
    old, new = yaml.safe_load(before), yaml.safe_load(made)
    return {key for key in {*old, *new} if old.get(key) != new.get(key)}
