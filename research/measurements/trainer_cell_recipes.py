"""A cell of trainer_cells.json as a recipe with its rows: the same for who predicts it and who measures it."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

GENERATIONS, COMPLETION = 4, 128
OVERHEAD = 32
"""Tokens left for the template's own, where rows are to be as long as the limit."""
SEED = 21
PROMPT = "Go on."
REWARDS = '''\
"""A reward that any completion gets some of."""


def score_length(completions: list[str]) -> list[float]:
    """The longer, the better."""
    return [len(completion) / 1000 for completion in completions]
'''
Cell = dict[str, Any]


def get_objective(cell: Cell) -> str:
    """`sft` where the recipe names none."""
    return str(cell["recipe"].get("objective", "sft"))


def count_rows(cell: Cell) -> int:
    """Rows that the steps read, and a few more."""
    if "row_count" in cell:
        return int(cell["row_count"])
    training = cell["recipe"]["training"]
    packs = training["sequence_length"] // 300 + 1 if training.get("packing") else 1
    return int(training["steps"] * training["batch_size"] * packs + 8)


def draw_lengths(cell: Cell, count: int) -> Iterator[int]:
    """Digits of each answer, a token each. Short ones are log-normal, about 300 in the mean."""
    draw = random.Random(SEED)
    most = cell["recipe"]["training"]["sequence_length"] - OVERHEAD
    for _ in range(count):
        yield most if cell["rows"] == "full" else max(16, min(most, int(draw.lognormvariate(5.4, 0.8))))


def make_rows(cell: Cell) -> list[dict[str, Any]]:
    """Rows in the layout of the objective."""
    draw, objective = random.Random(SEED), get_objective(cell)
    asked = [{"role": "user", "content": PROMPT}]
    found: list[dict[str, Any]] = []
    for number, length in enumerate(draw_lengths(cell, count_rows(cell))):
        said, other = ("".join(draw.choices("0123456789", k=length)) for _ in range(2))
        if objective == "pretrain":
            found.append({"text": said})
        elif objective == "grpo":
            found.append({"prompt": [{"role": "user", "content": said[:64]}]})
        elif objective == "kto":
            found.append({"prompt": asked, "completion": said, "label": number % 2 == 0})
        elif objective in ("dpo", "orpo", "reward"):
            found.append({"prompt": asked, "chosen": said, "rejected": other})
        else:
            found.append({"messages": [*asked, {"role": "assistant", "content": said}]})
    return found


def build_recipe(cell: Cell, model: Path, folder: Path) -> dict[str, Any]:
    """What a person would write for it."""
    objective = get_objective(cell)
    text: dict[str, Any] = {
        "version": 1,
        "name": cell["id"].lower(),
        "model": str(model),
        "data": {"train": str(folder / "rows.jsonl")},
        "output": {"dir": str(folder / "trained")},
        "hardware": {"gpu": "h200", "gpus": 1, "prefer": "memory"},
        **cell["recipe"],
    }
    text["training"] = {
        **cell["recipe"]["training"],
        "overlong": "drop",
        "learning_rate": 1e-5 if "full" in cell["id"] else 1e-4,
        "log_every": 1,
        "save_every": "never",
    }
    if objective == "grpo":
        rewards = [{"path": str(folder / "rewards.py"), "function": "score_length"}]
        text["objective"] = {
            "type": "grpo",
            "rewards": rewards,
            "generations": GENERATIONS,
            "max_completion_length": COMPLETION,
        }
        text["data"] = {"train": [{"path": str(folder / "rows.jsonl"), "format": "prompt"}]}
    if objective == "kto":
        text["data"] = {"train": [{"path": str(folder / "rows.jsonl"), "format": "kto"}]}
    return text


def write_recipe(cell: Cell, model: Path, folder: Path) -> Path:
    """`folder`/recipe.yaml with rows.jsonl beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(row) + "\n" for row in make_rows(cell))
    (folder / "rows.jsonl").write_text(lines, "utf-8")
    (folder / "rewards.py").write_text(REWARDS, "utf-8")
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(build_recipe(cell, model, folder), sort_keys=False), "utf-8")
    return path
