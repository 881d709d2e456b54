"""The cells at the trainer cover what they say they cover."""

from __future__ import annotations

import itertools
from functools import partial

import pytest

from qwen_recipes.recipe.spec.objective import ObjectiveName
from qwen_recipes.recipe.spec.training import Optimizer, Scheduler
from tests.conformance.trainer_cells import CELLS, FOLDER, read_known_differences
from tests.conformance.trainer_rules import BACKEND_RULES
from tools.draw_trainer_cells import NO_RECIPES
from tools.trainer_cells.covering_array import draw_rows
from tools.trainer_cells.factors import FACTORS, is_allowed
from tools.trainer_cells.recipes import make_recipe

SMALL = {"a": [0, 1, 2], "b": [0, 1], "c": [0, 1, 2], "d": [0, 1]}


def forbid_one(row):
    return not (row.get("a") == 2 and row.get("b") == 1)


def test_every_allowed_pair_is_in_a_row_and_no_forbidden_one():
    rows, forbidden = draw_rows(SMALL, forbid_one, 1)
    assert forbidden == [("a", 2, "b", 1)]
    for a, b in itertools.combinations(SMALL, 2):
        for x, y in itertools.product(SMALL[a], SMALL[b]):
            covered = any(row[a] == x and row[b] == y for row in rows)
            assert covered is ((a, x, b, y) != ("a", 2, "b", 1))
    assert len(rows) < 3 * 2 * 3 * 2 / 2


def test_rows_are_the_same_for_a_seed():
    assert draw_rows(SMALL, forbid_one, 3) == draw_rows(SMALL, forbid_one, 3)


def list_recipes(backend):
    return [cell["recipe"] for cell in CELLS if backend in cell["backends"] and "recipe" in cell]


@pytest.mark.parametrize("backend", BACKEND_RULES)
def test_every_optimizer_and_scheduler_is_tried(backend):
    trained = [recipe["training"] for recipe in list_recipes(backend)]
    assert {one.get("optimizer") for one in trained} >= set(Optimizer.__args__)
    assert {one.get("scheduler") for one in trained} >= set(Scheduler.__args__)


def test_every_objective_is_tried_somewhere():
    tried = {recipe.get("objective", {}).get("type") for backend in BACKEND_RULES for recipe in list_recipes(backend)}
    assert tried >= set(ObjectiveName.__args__) - {"ppo"}, "PPO is refused everywhere"


@pytest.mark.parametrize("backend", BACKEND_RULES)
def test_cells_hold_all_pairs_that_a_framework_is_told(backend):
    drawn = [cell for cell in CELLS if cell["name"].startswith(f"{backend}-")]
    allowed = partial(is_allowed, rules=BACKEND_RULES[backend])
    assert len(drawn) > 45
    pairs = [({"optimizer": o, "scheduler": s}) for o in FACTORS["optimizer"] for s in FACTORS["scheduler"]]
    tried = {
        (c["recipe"]["training"].get("optimizer", ""), c["recipe"]["training"].get("scheduler", "")) for c in drawn
    }
    missing = [pair for pair in pairs if allowed(pair) and (pair["optimizer"], pair["scheduler"]) not in tried]
    assert [pair for pair in missing if pair["optimizer"] != "muon"] == []


def test_every_recipe_of_the_folder_is_a_cell_and_those_that_showed_faults_are_tried_at_every_change():
    files = {cell["file"] for cell in CELLS if "file" in cell}
    assert files == {file.name for file in FOLDER.glob("*.yaml")} - {f"{name}.yaml" for name in NO_RECIPES}
    faults = {
        "d1_dpo_dropout",
        "ep_epochs",
        "ex1",
        "lfpack",
        "mixpair",
        "r2_dpo_from",
        "r2_sft_from",
        "t_orpo",
        "t_reward",
    }
    assert {cell["file"] for cell in CELLS if "file" in cell and cell["ci"]} >= {f"{name}.yaml" for name in faults}
    assert 30 <= sum(cell["ci"] for cell in CELLS) <= 45


def test_a_field_that_is_not_written_is_not_in_the_recipe():
    row = {name: levels[0] for name, levels in FACTORS.items()}
    recipe = make_recipe("plain", row)
    assert "optimizer" not in recipe["training"] and "chat" not in recipe and "validation" not in recipe["data"]


def test_known_differences_have_a_reason_and_an_owner():
    assert all(one.reason and one.owner and one.cells for one in read_known_differences())
