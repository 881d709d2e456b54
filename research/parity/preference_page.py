"""The part of docs/research/token-parity.md about preferences, from research/parity/preference_results.json."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from qwen_recipes.backends import load_backend
from research.parity.made_preferences import KINDS
from research.parity.measure_preferences import RESULTS
from research.parity.preference_cells import BACKENDS, LENGTH, OBJECTIVES

HEAD = """\
`python -m research.parity.measure_preferences --examples {count}` drew {all} made examples ({count} of each of
{kinds} kinds, `research/parity/made_preferences.py`) for each objective through each framework, up to the batches at
its trainer. What is compared: ids of both conversations and which of them carry loss (of a reward model the ids
alone); for KTO the label too, and that the mismatched answer is another example's behind the example's own prompt.
Examples are cut at {length} tokens; those of which nothing to compare is left are left out. {compiling} of {cells}
cells (framework, objective, kind) compile.

Losses and log-probabilities are those of the first step, in float32, on a tiny model whose adapter was moved by drawn
numbers, so that policy and reference differ; plain torch computes them one conversation at a time
(`research/parity/plain_losses.py`). The largest difference of a batch's loss, and the largest relative one of a mean
log-probability (of policy, and of the reference in DPO and KTO):
"""


def load_results() -> dict[str, Any]:
    """What `research.parity.measure_preferences` wrote."""
    found: dict[str, Any] = json.loads(RESULTS.read_text("utf-8"))
    return found


def render_block() -> str:
    """Both tables, and what was measured how."""
    found = load_results()
    measured = [name for name in BACKENDS if name in found["backends"]]
    backends = {name: found["backends"][name]["objectives"] for name in measured}
    compiling = sum(len(KINDS) for held in backends.values() for one in held.values() if "refused" not in one)
    head = HEAD.format(
        count=found["of_a_kind"],
        all=found["of_a_kind"] * len(KINDS),
        kinds=len(KINDS),
        length=LENGTH,
        compiling=compiling,
        cells=len(measured) * len(OBJECTIVES) * len(KINDS),
    )
    titles = [f"{load_backend(name).title} {found['backends'][name]['version']}" for name in measured]
    lines = ["| objective | " + " | ".join(titles) + " |", "|---|" + "---|" * len(titles)]
    lines += [_render_objective(objective, backends) for objective in OBJECTIVES]
    lines += ["", "By kind, all objectives together:", ""]
    lines += ["| kind | " + " | ".join(titles) + " |", "|---|" + "---|" * len(titles)]
    lines += [_render_kind(kind, backends) for kind in KINDS]
    missing = [load_backend(name).title for name in BACKENDS if name not in measured]
    lines += [f"\nNot measured with {one} yet." for one in missing]
    return "\n".join([head, *lines, *_list_refusals(backends)]) + "\n"


def _render_objective(objective: str, backends: dict[str, Any]) -> str:
    return f"| {objective} | " + " | ".join(_render_cell(held[objective]) for held in backends.values()) + " |"


def _render_cell(one: dict[str, Any]) -> str:
    if "refused" in one:
        return "refused"
    same, expected = sum(one["same"].values()), sum(one["examples"].values())
    text = f"{same} of {expected}; loss {one['loss']:.0e}"
    return f"{text}, log-probabilities {one['log_probability']:.0e}" if one["compared"] else text


def _render_kind(kind: str, backends: dict[str, Any]) -> str:
    cells = []
    for held in backends.values():
        counted = [one for one in held.values() if "refused" not in one]
        cells.append(f"{sum(o['same'][kind] for o in counted)} of {sum(o['examples'][kind] for o in counted)}")
    return f"| {kind} | " + " | ".join(cells) + " |"


def _list_refusals(backends: dict[str, Any]) -> Iterator[str]:
    for name, held in backends.items():
        for objective, one in held.items():
            if "refused" in one:
                yield f"\n{load_backend(name).title}, {objective}: {'; '.join(one['refused'])}."
