"""Preference examples in each framework's batches: our ids, and loss where we have it, for ten kinds of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qwen_recipes.backends.plan import Plan
from qwen_recipes.data.encoder import build_encoder
from qwen_recipes.data.rows.formats import normalize_row
from qwen_recipes.data.rows.preferences import EncodedAnswers, TooLongError

from .made_preferences import KINDS, make_labelled, make_pairs
from .preference_batches import MICRO_BATCH, make_case, place_recipe, read_examples, run_cases

pytestmark = [pytest.mark.training, pytest.mark.full]

BACKENDS = ("axolotl", "llamafactory", "ms-swift")
OBJECTIVES = ("dpo", "orpo", "simpo", "kto", "reward")
EXAMPLES_OF_A_KIND = 10


def expect_examples(plan: Plan, rows: list[dict[str, Any]], objective: str, folder: Path) -> Counter[Any]:
    """What the definition in `rows/preferences.py` makes of these rows, cut to length; without mismatched answers."""
    encoder = build_encoder(plan, folder)
    made: Counter[Any] = Counter()
    for row in rows:
        normal = normalize_row(row, "kto" if objective == "kto" else "preference", {})
        try:
            encoded = encoder.encode_preference(normal).truncate(plan.training.sequence_length)
        except TooLongError:
            continue
        sides = list_sides(encoded, scored=objective != "reward")
        made[(*sides, normal["label"]) if objective == "kto" else sides] += 1
    return made


def list_sides(encoded: EncodedAnswers, *, scored: bool) -> tuple[Any, ...]:
    """Each conversation's ids, and those of them that are scored; a reward model scores the conversation."""
    return tuple((tuple(encoded.prompt + answer), tuple(answer) if scored else ()) for answer in encoded.answers)


@pytest.mark.parametrize("name", BACKENDS)
def test_every_objective_trains_on_our_ids_and_masks(
    name: str, interpreter: Callable[[str], Path], tiny_model: Callable[[str], Path], tmp_path: Path
) -> None:
    rows: dict[str, list[dict[str, Any]]] = {}
    plans, cases, model = {}, [], tiny_model(name)
    for objective in OBJECTIVES:
        make = make_labelled if objective == "kto" else make_pairs
        rows[objective] = [row for kind in KINDS for row in make(kind, EXAMPLES_OF_A_KIND)]
        recipe = place_recipe(tmp_path / objective, objective, rows[objective], model=model)
        case, plans[objective] = make_case(name, recipe, len(rows[objective]) // MICRO_BATCH)
        cases.append(case)
    observed = run_cases(name, interpreter(name), cases, tmp_path)
    for objective, observation in zip(OBJECTIVES, observed, strict=True):
        found = read_examples(observation, objective)
        expected = expect_examples(plans[objective], rows[objective], objective, tmp_path / objective)
        if objective == "kto":
            check_mismatched(found)
            found = [(own, label) for own, _, label in found]
        assert len(found) == len(rows[objective])
        assert Counter(found) == expected, objective


def check_mismatched(examples: list[tuple[Any, ...]]) -> None:
    """Each mismatched answer stands behind the example's own prompt and is another example's."""
    for (ids, answer), (other_ids, other), _ in examples:
        prompt = ids[: len(ids) - len(answer)]
        assert other_ids[: len(prompt)] == prompt
        assert other_ids[len(prompt) :] == other != answer
