"""docs/research/trainer-values.md: which fields were seen at each framework's trainer.

From tests/conformance/trainer/results.json."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qwen_recipes.backends import load_backends
from qwen_recipes.verify.trainer_comparison.check import Leaf, UnseenLeaf
from qwen_recipes.verify.trainer_comparison.leaves import LEAVES
from qwen_recipes.verify.trainer_comparison.whole_trainer import WHOLE_TRAINER
from tools.support_cells import load_support_cells
from tools.trainer_gpu_section import render_gpu_section

FOLDER = Path(__file__).parents[1] / "tests" / "conformance" / "trainer"
RESULTS, REFUSALS, CELLS = FOLDER / "results.json", FOLDER / "refusals.json", FOLDER / "cells.json"
Results = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""By cell and framework: version, date, outcome, and the fields that are as planned, differ or are not seen."""
HEAD = """# Seen at the trainer

What a framework's parser reads, its trainer may still drop. So each framework's own entry point is started on compiled
recipes, on a CPU, up to its first batch, and what stands there is compared with the plan, field by field.
`recipes verify RECIPE --trainer` shows the same table for a recipe of yours.

- **seen (n)**: in n recipes the trainer had what was planned
- **differs (n of m)**: in n of m recipes it had not; the second table says what
- **refused**: unsupported; compiling is an error
- **not seen**: why no trainer on a CPU shows it, and which test does

The recipes are those of `tests/conformance/trainer/cells.json`: some written by hand, each optimizer with whole weights
and with an adapter over all schedules, and for each framework a covering array in which every two settings that it is
told stand together once. Settings that the same code of a framework makes stand for each other in the array.
`make conformance` tries those marked `ci`: the written ones that once showed a fault, and of each array the five that
hold most settings. `make conformance-full` tries all and writes `results.json` beside them, from which
`tools/generate_docs.py` makes this page.
"""
NOT_RUN = """## Refusals that no CPU shows

Not run: these start on GPUs alone.

- `training.weights_dtype: bfloat16` under DeepSpeed, Megatron or FSDP, and with an adapter in LLaMA-Factory
- `training.micro_batch_size` above 1 with packing and FlashAttention 2 in LLaMA-Factory
- `training.packing` in ms-swift's managed environment, which has no FlashAttention
- everything that is refused under Megatron-Core, ms-swift's alone
"""
RECIPE_FIELDS = {"training.beta1": "training.betas", "training.beta2": "training.betas", "output.hub": "output.hub.id"}
"""Fields of a recipe that are named otherwise in the plan."""
SHOWN_CELLS = 3


def render_page() -> str:
    """The page; without results it says that nothing was run."""
    results, refusals = _read_results(RESULTS), _read_results(REFUSALS)
    tables = [*_render_counts(results), *_render_fields(results), *_render_differences(results)]
    return "\n".join([HEAD, *tables, *_render_refusals(refusals), NOT_RUN, *render_gpu_section()])


def _read_results(file: Path) -> Results:
    found: Results = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    return found


def _render_counts(results: Results) -> list[str]:
    lines = [
        "| framework | version | recipes | observed | refused | package missing | failed | not tried | last run |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    planned = Counter(name for cell in json.loads(CELLS.read_text("utf-8"))["cells"] for name in cell["backends"])
    for backend in load_backends():
        found = [cell[backend.name] for cell in results.values() if backend.name in cell]
        count = Counter(one["outcome"] for one in found)
        versions = ", ".join(sorted({one["version"] for one in found})) or "-"
        latest = max((one["date"] for one in found), default="-")
        outcomes = " | ".join(str(count[name]) for name in ("observed", "refused", "not run", "failed"))
        recipes, left = planned[backend.name], planned[backend.name] - len(found)
        lines.append(f"| {backend.title} | {versions} | {recipes} | {outcomes} | {left} | {latest} |")
    return [*lines, "", "Package missing: the locked environment lacks the optimizer's package.", ""]


def _render_refusals(refusals: Results) -> list[str]:
    """What was refused with the probe, and what the trainer did without the refusal."""
    lines = ["## Refusals, shown", "", "Compiled as if nothing were unsupported, and started.", ""]
    lines += ["| framework | field | what the trainer does | version | date |", "|---|---|---|---|---|"]
    for name in sorted(refusals):
        for backend, one in refusals[name].items():
            lines.append(
                f"| {backend} | `{one['field']}` | {_describe_fault(one)} | {one['version']} | {one['date']} |"
            )
    return [*lines, "", "Recipes: `tests/conformance/trainer/refusals.yaml`.", ""]


def _describe_fault(one: Mapping[str, Any]) -> str:
    if "error" in one:
        return f"ends with {_show(one['error'])}"
    return f"`{one['differs']}`: planned {_show(one['planned'])}, seen {_show(one['seen'])}"


def _render_fields(results: Results) -> list[str]:
    refused = {key: cell.why for key, cell in load_support_cells().items() if cell.level == "unsupported"}
    titles = " | ".join(backend.title for backend in load_backends())
    lines = ["## Fields", "", f"| of the plan | seen as | {titles} |", "|---|---|" + "---|" * len(load_backends())]
    for field, leaf in {**LEAVES, **WHOLE_TRAINER}.items():
        cells = [_describe(field, leaf, backend.name, results, refused) for backend in load_backends()]
        where = "-" if isinstance(leaf, UnseenLeaf) else leaf.where
        lines.append(f"| `{field}` | {where} | {' | '.join(cells)} |".replace("[]|", "[] |"))
    return [*lines, ""]


def _describe(field: str, entry: Leaf, backend: str, results: Results, refused: Mapping[tuple[str, str], str]) -> str:
    if isinstance(entry, UnseenLeaf):
        return _escape(f"not seen: {entry.reason}; shown by {entry.shown_by}")
    found = [cell[backend] for cell in results.values() if cell.get(backend, {}).get("outcome") == "observed"]
    seen = sum(field in one["ok"] for one in found)
    differs = sum(field in one["differs"] for one in found)
    if differs:
        return f"**differs ({differs} of {seen + differs})**"
    if seen:
        return f"seen ({seen})"
    if why := refused.get((RECIPE_FIELDS.get(field, field), backend)):
        return _escape(f"refused: {why}")
    reasons = Counter(reason for one in found for reason, fields in one["not seen"].items() if field in fields)
    return _escape(f"not seen: {reasons.most_common(1)[0][0]}" if reasons else "not seen: no recipe was observed")


def _render_differences(results: Results) -> list[str]:
    grouped: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for cell, by_backend in results.items():
        for backend, one in by_backend.items():
            for field, values in one.get("differs", {}).items():
                said = f"{_show(values['planned'])} | {_show(values['seen'])}"
                grouped[field, backend, said].append(cell)
    lines = ["## What differs", ""]
    if not grouped:
        return [*lines, "Nothing, in the recipes that were observed.", ""]
    lines += ["| field | framework | planned | seen | recipes |", "|---|---|---|---|---|"]
    for (field, backend, said), cells in sorted(grouped.items()):
        more = f" and {len(cells) - SHOWN_CELLS} more" if len(cells) > SHOWN_CELLS else ""
        lines.append(f"| `{field}` | {backend} | {said} | {', '.join(sorted(cells)[:SHOWN_CELLS])}{more} |")
    return [*lines, "", "Recipes are named as in `tests/conformance/trainer/cells.json`.", ""]


def _show(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return _escape(f"`{text[:120].replace('`', '')}`")


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
