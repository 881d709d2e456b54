"""Pairs and labelled answers at a trainer, held against ours: every example that is another is noticed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qwen_recipes.backends import load_backend
from qwen_recipes.recipe.load import load_recipe_text
from qwen_recipes.resolve import resolve
from qwen_recipes.verify.trainer.batches import MOST_NUMBERS
from qwen_recipes.verify.trainer_comparison.batch_rows import ALL_MATCH
from qwen_recipes.verify.trainer_comparison.check import Case, NotSeen, Seen
from qwen_recipes.verify.trainer_comparison.data import look_at_rows, look_at_validation_rows
from qwen_recipes.verify.trainer_comparison.training import look_at_evaluation_batch, look_at_overlong

PAIRS = [
    {"prompt": "Which colour?", "chosen": "Blue.", "rejected": "<think>\nwell\n</think>\n\nRed."},
    {"prompt": "And now?", "chosen": "Nothing.", "rejected": "Everything."},
]
LABELLED = [
    {"prompt": "Which colour?", "completion": "Blue.", "label": True},
    {"prompt": "Which colour?", "completion": "Loud.", "label": False},
]
RECIPE = """\
version: 1
model: Qwen/Qwen3-4B
data: {train: rows.jsonl, validation: rows.jsonl}
objective: OBJECTIVE
training: {sequence_length: LENGTH, overlong: truncate, micro_batch_size: 2, batch_size: 2}
hardware: {gpu: l40s}
"""


@pytest.fixture
def case(tmp_path: Path) -> Any:
    def make(objective: str, length: int = 256) -> Case:
        folder = tmp_path / objective
        folder.mkdir(exist_ok=True)
        rows = LABELLED if objective == "kto" else PAIRS
        (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        text = RECIPE.replace("OBJECTIVE", objective).replace("LENGTH", str(length))
        return Case(resolve(load_recipe_text(text, "recipe.yaml", folder), load_backend("llamafactory")), {}, folder)

    return make


def make_batch(case: Case) -> dict[str, Any]:
    """LLaMA-Factory's columns, as every one of our examples makes them."""
    assert not isinstance(case.preferences, NotSeen)
    examples = case.preferences.examples
    if case.plan.objective.type == "kto":
        sides = [one.sides[0] for one in examples]
        values = {**pad("", sides), **pad("kl_", sides[::-1])}
        return {"values": {**values, "kto_tags": [one.row["label"] for one in examples]}}
    return {"values": pad("", [one.sides[side] for side in (0, 1) for one in examples])}


def pad(prefix: str, sides: list[Any]) -> dict[str, list[list[int]]]:
    length = max(len(side.ids) for side in sides)
    filled = [(side, [0] * (length - len(side.ids))) for side in sides]
    return {
        f"{prefix}input_ids": [[*side.ids, *rest] for side, rest in filled],
        f"{prefix}attention_mask": [[1] * len(side.ids) + rest for side, rest in filled],
        f"{prefix}labels": [[*side.labels, *rest] for side, rest in filled],
    }


def look(case: Case, batch: dict[str, Any]) -> Any:
    seen = {"batches": {"micro_batches": [batch]}, "evaluation": batch}
    one = replace(case, observation=seen)
    found, held_out = look_at_rows(one), look_at_validation_rows(one)
    assert found == held_out, "both have the same rows"
    return found.seen if isinstance(found, Seen) else found.reason


@pytest.mark.parametrize("objective", ["dpo", "orpo", "simpo", "kto", "reward"])
def test_our_examples_are_found_and_another_token_is_not(case: Any, objective: str) -> None:
    one = case(objective)
    batch = make_batch(one)
    assert look(one, batch) == ALL_MATCH
    batch["values"]["input_ids"][0][3] += 1
    assert look(one, batch) == "1 of 2 examples differ; example 0: the text differs, from token 3 on"


@pytest.mark.parametrize("objective", ["dpo", "kto"])
def test_another_mask_differs(case: Any, objective: str) -> None:
    one = case(objective)
    batch = make_batch(one)
    row = batch["values"]["labels"][1]
    row[max(place for place, label in enumerate(row) if label > 0)] = -100
    assert look(one, batch).startswith(
        "1 of 2 examples differ; example 1: the markers around a turn are not in the loss"
    )


def test_sides_that_are_exchanged_and_a_label_that_is_turned_differ(case: Any) -> None:
    pairs, labelled = case("dpo"), case("kto")
    batch = make_batch(pairs)
    for values in batch["values"].values():
        values[:] = [*values[2:], *values[:2]]
    assert look(pairs, batch) == "2 of 2 examples differ; example 0: its answers, or its label, are not of one row"
    batch = make_batch(case("kto"))
    batch["values"]["kto_tags"][1] = True
    assert look(labelled, batch).startswith("1 of 2 examples differ; example 1: its answers, or its label,")


def test_a_batch_that_is_too_large_is_not_seen(case: Any) -> None:
    one = case("dpo")
    batch = make_batch(one)
    batch["values"]["input_ids"] = [1] * MOST_NUMBERS
    assert look(one, batch) == "the batch is too large to be observed whole"


def test_length_is_seen_where_a_pair_is_truncated(case: Any) -> None:
    whole, cut = case("dpo"), case("dpo", 20)
    assert look_at_overlong(whole) == NotSeen("no row is too long")
    seen = {"batches": {"micro_batches": [make_batch(cut)]}}
    assert look_at_overlong(replace(cut, observation=seen)) == Seen(ALL_MATCH, ALL_MATCH)


def test_prompts_are_not_seen(case: Any) -> None:
    one = case("dpo")
    grpo = replace(one.plan, objective=replace(one.plan.objective, type="grpo"))
    assert "makes no prompts" in look(replace(one, plan=grpo), make_batch(one))


def test_the_evaluations_micro_batch_is_seen_where_there_is_one(case: Any) -> None:
    one = case("dpo")
    size = one.plan.training.evaluation_micro_batch_size
    seen = replace(one, observation={"arguments": {"per_device_eval_batch_size": 7}})
    assert look_at_evaluation_batch(seen) == Seen(size, 7)
    nothing = replace(seen, plan=replace(one.plan, data=replace(one.plan.data, validation=())))
    assert look_at_evaluation_batch(nothing) == NotSeen("nothing is evaluated")
