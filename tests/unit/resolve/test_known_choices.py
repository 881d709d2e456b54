"""A choice for speed is made once for runs that differ in nothing that speed depends on, and is the same then."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen_recipes.backends import load_backend
from qwen_recipes.recipe.example_lengths import summarize_lengths
from qwen_recipes.recipe.load import load_recipe_text
from qwen_recipes.resolve import known_choices
from qwen_recipes.resolve.known_choices import forget_choices
from qwen_recipes.resolve.resolve import resolve
from tests.conftest import BACKENDS, deep_merge

RECIPE = {
    "version": 1,
    "name": "first",
    "model": "Qwen/Qwen3-4B",
    "data": {"train": "rows.jsonl"},
    "hardware": {"gpu": "h200"},
}
SAME = [
    {"name": "second"},
    {"data": {"train": "others.jsonl"}},
    {"output": {"dir": "elsewhere"}},
    {"tracking": "wandb"},
]
OTHER = [
    {"method": {"type": "lora", "rank": 128}},
    {"method": "qlora"},
    {"model": "Qwen/Qwen3-8B"},
    {"hardware": {"gpu": "rtx-4090"}},
    {"hardware": {"gpus": 4}},
    {"training": {"batch_size": 64}},
    {"training": {"sequence_length": 8192}},
    {"training": {"neftune": 5}},
    {"objective": "dpo"},
    {"data": {"validation": "some.jsonl"}},
    {"chat": {"encoding": "exact"}},
    {"run": {"environment": "env"}},
    {"backends": {"axolotl": {"extra": {"xformers_attention": True}}}},
]
SHORT = summarize_lengths([120, 200, 260, 325, 420, 640] * 100)
FULL = summarize_lengths([2000, 2032, 2040] * 100)


def make_plan(changes, backend="axolotl", lengths=SHORT):
    loaded = load_recipe_text(yaml.safe_dump(deep_merge(RECIPE, changes)), "a.yaml", Path())
    return resolve(replace(loaded, lengths=lengths), load_backend(backend))


@pytest.fixture
def count_searches(monkeypatch):
    """How often a search was made: what `recall_choice` was given and called."""
    made = []
    recall = known_choices.recall_choice
    monkeypatch.setattr(
        "qwen_recipes.resolve.speed.recall_choice", lambda key, find: recall(key, lambda: made.append(key) or find())
    )
    return made


@pytest.mark.parametrize("changes", SAME, ids=lambda one: next(iter(one)))
def test_a_run_that_costs_the_same_is_not_searched_again(changes, count_searches):
    make_plan({})
    assert make_plan(changes).training == make_plan({}).training
    assert len(count_searches) == 1


def test_rates_and_seeds_make_no_other_search(count_searches):
    plans = [make_plan({"training": {"learning_rate": rate, "seed": seed}}) for rate, seed in [(1e-4, 1), (2e-5, 7)]]
    assert [plan.training.learning_rate for plan in plans] == [1e-4, 2e-5]
    assert len(count_searches) == 1


@pytest.mark.parametrize("changes", OTHER, ids=str)
def test_whatever_may_change_speed_is_searched_anew(changes):
    make_plan({})
    after_another = make_plan(changes)
    forget_choices()
    assert after_another == make_plan(changes)


def test_lengths_and_frameworks_have_choices_of_their_own():
    plans = {(backend, known): make_plan({}, backend, known) for backend in BACKENDS for known in (SHORT, FULL, None)}
    for (backend, known), plan in plans.items():
        forget_choices()
        assert make_plan({}, backend, known) == plan


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from([*SAME, *OTHER]), min_size=2, max_size=4), st.sampled_from(BACKENDS))
def test_recipes_in_any_order_get_what_each_gets_alone(changes, backend):
    forget_choices()
    together = [make_plan(one, backend) for one in changes]
    for one, plan in zip(changes, together, strict=True):
        forget_choices()
        assert make_plan(one, backend) == plan


def test_no_more_choices_are_kept_than_fit(monkeypatch):
    monkeypatch.setattr(known_choices, "MOST", 2)
    for size in (8, 16, 32, 64):
        make_plan({"training": {"batch_size": size}})
    assert len(known_choices._known) <= 2
