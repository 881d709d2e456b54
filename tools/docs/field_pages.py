"""docs/reference/fields: a page for each part of a recipe."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from qwen_recipes.backends import load_backend, load_backends
from qwen_recipes.backends.plan import Plan
from qwen_recipes.compile.support_matrix import SupportCell
from qwen_recipes.compile.traced_plan import DERIVED_FROM
from qwen_recipes.guards import list_guard_codes
from qwen_recipes.guards.catalog import get_guard_module
from qwen_recipes.recipe.load import load_recipe_text
from qwen_recipes.resolve import resolve
from qwen_recipes.resolve.plan_table import PlanValue
from tools.docs.field_notes import DEFAULTS, PLAN_FIELDS, UNITS
from tools.docs.spec_fields import DocumentedField, list_documented_fields
from tools.support_cells import load_support_cells

TYPICAL_RECIPE = """version: 1
model: Qwen/Qwen3-4B-Instruct-2507
data: {train: data.jsonl}
method: qlora
hardware: {gpu: rtx-4090}
"""
GUARDS_FOLDER = Path(__file__).parents[2] / "qwen_recipes" / "guards"
ABOUT_SECTIONS = {
    "recipe": "The fields at the top of a recipe. Three are required, here, in what it extends or in its stages: "
    "`version`, `model` and `data.train`.",
    "model": "Which model is fine-tuned. `model: Qwen/Qwen3-4B` is short for `model: {id: Qwen/Qwen3-4B}`.",
    "data": "The examples to train and validate on. `train: data.jsonl` is short for `train: [{path: data.jsonl}]`.",
    "chat": "How a conversation becomes tokens, and which tokens are in the loss.",
    "method": "What is trained: every weight, the last layers, or an adapter. `method: qlora` is short for "
    "`method: {type: qlora}`.",
    "quantization": "How the frozen base model is stored under an adapter.",
    "objective": "The loss. `objective: dpo` is short for `objective: {type: dpo}`.",
    "training": "Length of the run, batches, optimizer, learning rate, precision, checkpoints.",
    "hardware": "GPUs, and how the work is spread over them.",
    "output": "Where the run writes.",
    "tracking": "Where metrics are sent. `tracking: wandb` is short for `tracking: {to: wandb}`.",
    "run": "Which framework trains, and in which environment.",
    "stages": "Stages of a pipeline. A stage is a map with a `name` and any fields of the recipe, which it overrides, "
    "or with `merge`. See [pipelines](../../how-to/pipelines.md).",
    "sweep": "Several trials of one recipe. See [sweep over values](../../how-to/sweeps.md).",
    "backends": "Keys of a framework's own config that have no field of their own.",
}
HOW = {
    "rows are prepared so": "in the prepared examples",
    "the launcher does it": "in run.sh",
    "in DeepSpeed's config": "in deepspeed.json",
    "in accelerate's config": "in fsdp.yaml",
    "in the FSDP config": "in fsdp.json",
    "in the list of data sets": "in dataset_info.json",
    "it does so in any case": "always",
}


def render_field_pages() -> dict[str, str]:
    """Pages by file name, below docs/reference/fields."""
    fields = list_documented_fields()
    sections = ["recipe", *(name for name in ABOUT_SECTIONS if name != "recipe")]
    pages = {f"{section}.md": _render_section(section, fields) for section in sections}
    return {"README.md": _render_index(fields), **pages}


def _is_in_section(field: DocumentedField, section: str) -> bool:
    if section == "recipe":
        return "." not in field.path
    return field.path.startswith((f"{section}.", f"{section}[]."))


def _render_index(fields: list[DocumentedField]) -> str:
    lines = [
        "# Fields of a recipe",
        "",
        "Every field, with its type, default, unit, what each framework receives, and the guards that look at it.",
        "`recipes show --resolved RECIPE` prints the value of each for a recipe of yours, with the reason.",
        "",
        "| field | about |",
        "|---|---|",
    ]
    for field in fields:
        if "." not in field.path and field.section in ABOUT_SECTIONS:
            lines.append(f"| **[{field.path}]({field.path}.md)** | {_escape(field.description)} |")
        elif "." not in field.path:
            lines.append(f"| **[{field.path}](recipe.md#{field.path})** | {_escape(field.description)} |")
        else:
            target = f"{field.section}.md#{_make_anchor(field.path)}"
            lines.append(f"| [`{field.path}`]({target}) | {_escape(_take_first_sentence(field.description))} |")
    return "\n".join(lines) + "\n"


def _take_first_sentence(text: str) -> str:
    head, dot, _ = text.partition(". ")
    return head + dot.strip() if text.count("`") % 2 == 0 and head.count("`") % 2 == 0 else text


def _make_anchor(path: str) -> str:
    return "".join(c for c in path if c.isalnum() or c in "_-")


def _render_section(section: str, fields: list[DocumentedField]) -> str:
    title = "Top level" if section == "recipe" else f"`{section}`"
    mine = [field for field in fields if _is_in_section(field, section)]
    about = f"# {title}\n\n{ABOUT_SECTIONS[section]}\n\n"
    note = (
        "Defaults are those of a QLoRA recipe for one 24 GB card that says nothing else; some depend on the model, the "
        "objective or the GPU, as their reason says.\n"
    )
    return about + note + "\n" + "\n".join(_render_field(field) for field in mine)


def _render_field(field: DocumentedField) -> str:
    rows = [("type", field.type), ("default", describe_default(field))]
    if field.path in UNITS:
        rows.append(("unit", UNITS[field.path]))
    if field.example:
        rows.append(("example", f"`{field.path.rpartition('.')[2]}: {field.example}`"))
    rows += [(title, text) for title, text in _describe_received(field)]
    if codes := find_guards_of_field(field.path):
        rows.append(("guards", ", ".join(f"[{code}](../../guards/{code}.md)" for code in codes)))
    lines = [f"| {name} | {_escape(text)} |" for name, text in rows]
    table = "\n".join([lines[0], "|---|---|", *lines[1:]])
    values = "".join(f"- `{value}`{': ' + words if words else ''}\n" for value, words in dict(field.values).items())
    return f"## {field.path}\n\n{field.description}\n\n{table}\n" + (f"\n{values}" if values else "")


def _escape(text: str) -> str:
    return text.replace("|", "\\|")


@cache
def _resolve_typical() -> Plan:
    loaded = load_recipe_text(TYPICAL_RECIPE, "recipe.yaml", Path())
    return resolve(loaded, load_backend("axolotl"))


def describe_default(field: DocumentedField) -> str:
    """The default with its reason."""
    if field.required:
        return "required"
    if field.path in DEFAULTS:
        return DEFAULTS[field.path]
    plan, values, why = _resolve_typical(), [], ""
    for path in PLAN_FIELDS.get(field.path, (field.path,)):
        reason = plan.reasons.get(path)
        if reason is None or (reason.origin == "recipe" and field.path not in ("method.type",)):
            continue
        part, _, rest = path.partition(".")
        value: object = getattr(plan, part)
        for step in rest.split("."):
            value = getattr(value, step)
        values.append(PlanValue(path, value, reason.origin, reason.text).display_text)
        why = reason.text
    if not values or field.path == "method.type":
        return (
            "`lora`: an adapter learns as well on most data and fits most cards"
            if field.path == "method.type"
            else "none"
        )
    text = f"[{', '.join(values)}]" if len(values) > 1 else values[0]
    return f"`{text}`: {why}" if text != "none" else f"none: {why}"


def _describe_received(field: DocumentedField) -> Iterator[tuple[str, str]]:
    """For each framework, the keys that carry the field."""
    for backend in load_backends():
        cell = load_support_cells().get((field.path, backend.name))
        if cell is not None:
            yield backend.title, describe_support(cell)


def describe_support(cell: SupportCell) -> str:
    """What a framework receives of a field, in one line."""
    if cell.level == "unsupported":
        return f"unsupported: {cell.why}"
    how = "; ".join(HOW.get(part, part) for part in cell.how.split("; ") if part)
    keys = ", ".join(f"`{key}`" for key in cell.keys)
    text = "; ".join(part for part in (keys, how) if part)
    return text + (f"; refused in some recipes: {'; '.join(cell.limits)}" if cell.limits else "")


@cache
def _scan_guards() -> dict[str, frozenset[str]]:
    """The paths of the plan that each guard's module names."""
    return {code: frozenset(_list_paths(code)) for code in list_guard_codes()}


def _list_paths(code: str) -> Iterator[str]:
    file = GUARDS_FOLDER / (get_guard_module(code).replace(".", "/") + ".py")
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Attribute):
            yield ast.unparse(node).rpartition("plan.")[2]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def find_guards_of_field(path: str) -> list[str]:
    """Codes of the guards whose check reads a field or points at it."""
    derived = (name for name, fields in DERIVED_FROM.items() if path in fields)
    names = {path, *PLAN_FIELDS.get(path, ()), *derived}
    return [code for code, paths in _scan_guards().items() if "." in path and names & paths]
