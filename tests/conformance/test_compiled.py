"""Every example, through each framework's own parser: taken, and resolved to the plan's values."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conformance.framework_parser import FrameworkParser

from .compiled import EXAMPLES, PARSED, UNPARSED, parse_compiled
from .expected_arguments import expected, max_length, warmup_at

RECIPES = sorted([*EXAMPLES.glob("*.yaml"), *(Path(__file__).parent / "recipes").glob("*.yaml")])


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.stem)
@pytest.mark.parametrize("backend", PARSED)
def test_framework_resolves_the_plan(
    recipe: Path, backend: str, tmp_path: Path, framework_parser: Callable[[str], FrameworkParser]
) -> None:
    if (recipe.stem, backend) in UNPARSED:
        pytest.skip(f"needs {UNPARSED[recipe.stem, backend]}")
    found = parse_compiled(recipe, backend, tmp_path, framework_parser)
    if found is None:
        pytest.skip(f"{backend} is refused for this recipe, which tests/golden shows")
    made, answer = found
    assert answer.ok, answer.error
    wanted = expected(made.plan, backend)
    wanted["output_dir"] = os.path.relpath(wanted["output_dir"], recipe.parent)
    got = {key: answer.arguments.get(key) for key in wanted}
    assert got == wanted
    assert answer.arguments["max_length"] == max_length(made.plan, backend)
    for steps in (100, 1000):
        assert answer.arguments[f"warmup_steps_at_{steps}"] == warmup_at(made.plan, steps, backend)


SAME = [
    *("learning_rate", "scheduler", "adam_beta1", "adam_beta2", "weight_decay", "effective_batch_size", "max_length"),
    *("rank", "alpha", "dropout", "target_modules", "precision", "seed"),
]


@pytest.mark.parametrize(
    ("recipe", "length", "fields"),
    [
        ("moe-lora", "training.steps=200", ["max_steps", "warmup_steps"]),
        ("two-gpus-lora", "training.epochs=5", ["epochs"]),
    ],
)
def test_one_recipe_is_the_same_run_in_all(
    recipe: str, length: str, fields: list[str], tmp_path: Path, framework_parser: Callable[[str], FrameworkParser]
) -> None:
    """The same run, field by field, from the frameworks' own resolved arguments."""
    sets = (length, "training.learning_rate=1.3e-4", "training.betas=[0.8, 0.98]", "training.seed=11")
    answers = {}
    for backend in PARSED:
        found = parse_compiled(EXAMPLES / f"{recipe}.yaml", backend, tmp_path, framework_parser, sets)
        assert found is not None
        assert found[1].ok, found[1].error
        answers[backend] = found[1].arguments
    for field in [*SAME, *fields]:
        ours, *others = (answers[backend][field] for backend in PARSED)
        assert ours is not None, field
        assert all(other == ours for other in others), (field, ours, others)
