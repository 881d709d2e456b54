"""How each framework receives every field of a recipe, found by compiling a probe of each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from qwen_recipes.backends import Backend
from qwen_recipes.backends.tested_objectives import Level, describe_levels
from qwen_recipes.compile.compiler import CompiledRecipe, compile_recipe
from qwen_recipes.compile.field_probes import (
    FIELD_PROBES,
    GRPO,
    MINIMAL_RECIPE,
    add_required_values,
    deep_merge,
    make_probe,
    nest_value,
)
from qwen_recipes.compile.traced_plan import find_source_fields
from qwen_recipes.finding import RecipeError
from qwen_recipes.recipe.load import load_recipe_text
from qwen_recipes.resolve import resolve

EMULATION_BY_FILE = {
    "rows.json": "in the prepared data",
    "chat_template.jinja": "in the prepared data",
    "run.sh": "by the launcher",
    "deepspeed.json": "in DeepSpeed's config",
    "fsdp.yaml": "in accelerate's config",
    "fsdp.json": "in the FSDP config",
    "dataset_info.json": "in dataset_info.json",
}


@dataclass(frozen=True)
class SupportCell:
    """How one backend receives one field.

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


def describe_cell(cell: SupportCell) -> str:
    """A cell in one line."""
    if cell.level == "unsupported":
        return f"unsupported: {cell.why}"
    keys = ", ".join(f"`{key}`" for key in cell.keys)
    text = f"{cell.level}: {'; '.join(part for part in (keys, cell.how) if part)}"
    return text + "".join(f"; except: {limit}" for limit in cell.limits)


def describe_tested_objective(backend: Backend, objective: str, tested: Mapping[str, tuple[Level, ...]]) -> str:
    """What was run with an objective, `not run`, or `unsupported`."""
    if levels := tested.get(objective):
        return describe_levels(levels)
    changes = GRPO if objective == "grpo" else nest_value("objective.type", objective)
    text = yaml.safe_dump(deep_merge(MINIMAL_RECIPE, add_required_values(backend, changes)), sort_keys=False)
    try:
        plan = resolve(load_recipe_text(text, "objective.yaml", Path()), backend)
    except RecipeError:
        return "not run"
    refused = any(limit.field == "objective.type" for limit in backend.find_unsupported(plan))
    return "unsupported" if refused else "not run"


def build_support_matrix(backend: Backend) -> Iterator[SupportCell]:
    """A cell for every field that frameworks receive; fields that only `recipes` reads have none."""
    without: dict[str, CompiledRecipe] = {}
    for field in FIELD_PROBES:
        before, after = make_probe(field)
        name = json.dumps(before, sort_keys=True)
        limits = tuple(
            limit.why for limit in backend.unsupported_settings if limit.field == field and backend.is_in_effect(limit)
        )
        try:
            without[name] = without.get(name) or _compile_probe(before, backend)
            made = _compile_probe(after, backend)
        except RecipeError as error:
            why = next(f"{f.message}: {f.why}".rstrip(": ") for f in error.findings if f.severity == "error")
            others = limits if len(limits) > 1 else ()
            yield SupportCell(field, backend.name, "unsupported", why=why, limits=others)
            continue
        yield _make_cell(field, backend, without[name], made, limits)


def _compile_probe(changes: dict[str, object], backend: Backend) -> CompiledRecipe:
    text = yaml.safe_dump(deep_merge(MINIMAL_RECIPE, add_required_values(backend, changes)), sort_keys=False)
    return compile_recipe(load_recipe_text(text, "probe.yaml", Path()), backend, Path("probe"))


def _make_cell(
    field: str, backend: Backend, before: CompiledRecipe, after: CompiledRecipe, limits: tuple[str, ...]
) -> SupportCell:
    printed = {key for key, paths in after.keys.items() for p in paths if field in find_source_fields(after.plan, p)}
    changed = _find_changed_keys(before.files["train.yaml"], after.files["train.yaml"])
    told = {key for key in printed if key.split(".")[0].split("[")[0] in changed}
    other = [EMULATION_BY_FILE[name] for name in EMULATION_BY_FILE if _file_differs(before, after, name)]
    how = "; ".join(dict.fromkeys(other)) or ("" if changed else "always on")
    keys = tuple(sorted(told or changed))
    return SupportCell(field, backend.name, "native" if told else "emulated", keys, how, limits=limits)


def _file_differs(before: CompiledRecipe, after: CompiledRecipe, name: str) -> bool:
    """Whether a file differs in more than its header."""
    texts = [one.files.get(name, "") for one in (before, after)]
    plain = [[line for line in text.splitlines() if not line.startswith("#")] for text in texts]
    return plain[0] != plain[1]


def _find_changed_keys(before: str, after: str) -> set[str]:
    old, new = yaml.safe_load(before), yaml.safe_load(after)
    return {key for key in {*old, *new} if old.get(key) != new.get(key)}
