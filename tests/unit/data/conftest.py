"""The program that prepares rows, with lengths in words."""

from __future__ import annotations

import json

import pytest

from qwen_recipes.data.rows import prepare as preparing
from qwen_recipes.data.rows.encode import LossRule
from qwen_recipes.data.rows.prepare import RowPreparation

from .row_values import SOURCE


class Words:
    """Lengths in words instead of tokens."""

    def __init__(self, spec):
        self.spec = spec
        self.loss_rule = LossRule(spec.get("train_on", "assistant"))
        self.strips_reasoning = spec.get("strips", True)

    def count_tokens(self, rows):
        return [sum(len(m["content"].split()) for m in row["messages"]) for row in rows]

    def has_loss_within_limit(self, row):
        return not row["messages"][0]["content"].startswith("long")

    def render_prompt_and_answer(self, prompt, answer):
        return "|".join(m["content"] for m in prompt), answer


@pytest.fixture
def prepare(tmp_path, monkeypatch):
    """Prepare rows given as Python values; what was written."""
    monkeypatch.setattr(preparing, "RowRenderer", Words)

    def run(rows, validation=(), weight=1, **changes):
        spec = {"train": [], "validation": [], "validation_share": None, "shape": "messages", "seed": 42,
                "tokenizer": "x", "revision": None, "chat_template": "x", "sequence_length": 10, "overlong": "drop",
                "out": str(tmp_path / "out"), **changes}  # fmt: skip
        for split, items in (("train", rows), ("validation", validation)):
            if items:
                file = tmp_path / f"{split}.jsonl"
                file.write_text("".join(i if isinstance(i, str) else json.dumps(i) + "\n" for i in items), "utf-8")
                spec[split] = [{**SOURCE, "path": str(file), "weight": weight}]
        RowPreparation(spec).run()
        out = tmp_path / "out"
        made = {s: [json.loads(line) for line in (out / f"{s}.jsonl").read_text("utf-8").splitlines()]
                for s in ("train", "validation")}  # fmt: skip
        return made, json.loads((out / "rows.json").read_text("utf-8"))

    return run
