"""What is put through the frameworks: each variant, both encodings, and the options that change what carries loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

BACKENDS = ("axolotl", "llamafactory", "ms-swift", "trl")
MODELS = {
    "hybrid": "Qwen/Qwen3-4B",
    "base": "Qwen/Qwen3-4B-Base",
    "instruct-2507": "Qwen/Qwen3-4B-Instruct-2507",
    "thinking-2507": "Qwen/Qwen3-4B-Thinking-2507",
}
ENCODINGS = ("native", "exact")
DEFAULT_OPTION = "as it comes"
TRUNCATE_AT = 128
"""Tokens; of 204 made conversations it cuts about 120, and of about 40 it leaves nothing that carries loss."""
OPTIONS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    DEFAULT_OPTION: {},
    "train_on: last-assistant": {"chat": {"train_on": "last-assistant"}},
    "train_on: all": {"chat": {"train_on": "all"}},
    "thinking: train-empty": {"chat": {"thinking": "train-empty"}},
    "overlong: truncate": {"training": {"overlong": "truncate", "sequence_length": TRUNCATE_AT}},
    "objective: pretrain": {"objective": {"type": "pretrain"}},
}
"""What each says beside the recipe that all have. All but the first are run on a tenth of the rows."""


@dataclass(frozen=True)
class ParityCell:
    """One recipe: a model's variant, who makes tokens of text, and an option by its name in OPTIONS."""

    variant: str
    encoding: str
    option: str = DEFAULT_OPTION

    @property
    def rows_file(self) -> str:
        """The file of its rows."""
        if self.option == "objective: pretrain":
            return "texts.jsonl"
        return "rows.jsonl" if self.option == DEFAULT_OPTION else "some.jsonl"

    def render_recipe(self) -> str:
        """The recipe's text."""
        train = {"path": self.rows_file, **({"format": "text"} if self.rows_file == "texts.jsonl" else {})}
        said: dict[str, Any] = {
            "version": 1,
            "model": MODELS[self.variant],
            "data": {"train": [train]},
            "chat": {"encoding": self.encoding},
            "training": {"sequence_length": 16384, "micro_batch_size": 1, "batch_size": 1},
            "hardware": {"device": "cpu"},
        }
        for part, fields in OPTIONS[self.option].items():
            said[part] = {**said.get(part, {}), **fields}
        return yaml.safe_dump(said, sort_keys=False)


def list_cells() -> list[ParityCell]:
    """All of them, those of one option together."""
    return [ParityCell(variant, encoding, option) for option in OPTIONS for variant in MODELS for encoding in ENCODINGS]
