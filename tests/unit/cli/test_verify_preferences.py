"""`recipes verify` of preferences: exit codes and output, with a program in a framework's place."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from qwen_recipes.backends import load_backend
from qwen_recipes.cli import main
from qwen_recipes.data.encoder import build_encoder
from qwen_recipes.recipe.load import load_recipe
from qwen_recipes.resolve import resolve
from qwen_recipes.verify.preference_sample import sample_preferences
from tests.unit.cli.stand_in_trainer import FRAMEWORK, RECIPE

ROWS = [
    {"prompt": "Which colour?", "chosen": "Blue.", "rejected": "Red."},
    {"prompt": "And now?", "chosen": "Nothing.", "rejected": "Everything."},
    {"prompt": "And then?"},
]


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe whose environment is a program that writes the observation it is given."""
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS), "utf-8")
    (tmp_path / "recipe.yaml").write_text(RECIPE + "objective: dpo\n", "utf-8")
    (tmp_path / "env" / "bin").mkdir(parents=True)
    python = tmp_path / "env" / "bin" / "python"
    python.write_text(FRAMEWORK.replace("/usr/bin/env python3", sys.executable), "utf-8")
    python.chmod(0o755)
    return tmp_path / "recipe.yaml"


def observe(recipe: Path, more: int = 0) -> dict[str, Any]:
    """The batches of our own definition, with `more` tokens that the first rejected answer should not have."""
    plan = resolve(load_recipe(str(recipe)), load_backend("axolotl"))
    encoder = build_encoder(plan, recipe.parent)
    values: dict[str, list[list[int]]] = {}
    for place, one in enumerate(sample_preferences(plan, recipe.parent, encoder, None).examples):
        for side, row in zip(("chosen", "rejected"), one.sides, strict=True):
            added = [198] * (more if side == "rejected" and place == 0 else 0)
            ids, labels = row.ids + added, row.labels + added
            columns = {"input_ids": ids, "labels": labels, "attention_mask": [1] * len(ids)}
            for name, column in columns.items():
                values.setdefault(f"{side}_{name}", []).append(column)
    return {"batches": {"micro_batches": [{"values": values}]}}


def verify(recipe: Path, monkeypatch: pytest.MonkeyPatch, observation: dict[str, Any], *words: str) -> Any:
    monkeypatch.setenv("OBSERVATION", json.dumps(observation))
    return CliRunner().invoke(main, ["verify", str(recipe), "--trust-recipe", *words])


def test_exit_0_where_every_example_is_the_same(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = verify(recipe, monkeypatch, observe(recipe))
    assert done.exit_code == 0, done.output
    assert "2 of 2" in done.stdout
    assert "1 invalid rows" in done.stderr
    assert sorted(file.name for file in recipe.parent.iterdir()) == ["env", "recipe.yaml", "rows.jsonl"]


def test_exit_1_with_the_place_where_an_answer_differs(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = verify(recipe, monkeypatch, observe(recipe, 1))
    assert done.exit_code == 1
    assert "the newline after `<|im_end|>` is in the loss" in done.stdout
    assert "rows.jsonl:1, token" in done.stdout


def test_json_has_counts_and_kinds(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = verify(recipe, monkeypatch, observe(recipe, 1), "--format", "json")
    (found,) = json.loads(done.stdout)["backends"]
    assert (found["rows"], found["ids"], found["labels"], found["kinds"]) == (2, 1, 1, {"newline": 1})
    assert found["first"]["newline"]["line"] == 1


@pytest.mark.parametrize(
    "observation", [{"error": "no such key"}, {"batches": {"micro_batches": [{"values": {"other": []}}]}}]
)
def test_exit_4_where_the_framework_drew_nothing(
    recipe: Path, monkeypatch: pytest.MonkeyPatch, observation: dict[str, Any]
) -> None:
    done = verify(recipe, monkeypatch, observation)
    assert done.exit_code == 4 and "failed to build its batches" in done.stderr
    assert done.stdout == ""


def test_exit_1_where_no_row_is_left(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (recipe.parent / "rows.jsonl").write_text(json.dumps(ROWS[2]) + "\n", "utf-8")
    done = verify(recipe, monkeypatch, {})
    assert done.exit_code == 1 and "no rows left" in done.stderr


def test_grpo_has_nothing_to_compare(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (recipe.parent / "rewards.py").write_text("def length(completions, **kwargs):\n    return [0.0]\n", "utf-8")
    rewards = "objective: {type: grpo, rewards: [{path: rewards.py, function: length}]}\n"
    recipe.write_text(RECIPE + rewards, "utf-8")
    done = verify(recipe, monkeypatch, {})
    assert done.exit_code == 2 and "GRPO cannot be verified without --trainer" in done.stderr
