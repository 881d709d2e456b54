"""Prepared rows as torchtune's dataset; copied beside the config, which names the class.

torchtune's own tokenizer trains on the header of an answer, and leaves its last token out of the loss.
"""

import json
import random
from pathlib import Path

IGNORED = -100


class LabelledRows:
    """`steps` batches of `examples_per_step` rows each: pass after pass over the rows, each in an order of its own."""

    packed = False

    def __init__(self, tokenizer: object, source: str, seed: int, steps: int, examples_per_step: int) -> None:
        self.rows = [json.loads(line) for line in Path(source).read_text("utf-8").splitlines() if line.strip()]
        if not self.rows:
            raise ValueError(f"{source} has no rows")
        self.order = order_rows(len(self.rows), seed, steps * examples_per_step)

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, index: int) -> dict[str, list[int]]:
        """Ids, and for each the id that follows it, or IGNORED."""
        row = self.rows[self.order[index]]
        return {"tokens": row["input_ids"], "labels": [*row["labels"][1:], IGNORED]}


def order_rows(rows: int, seed: int, count: int) -> list[int]:
    """Numbers of rows, `count` of them: all in a random order, then all in another, and so on."""
    chance = random.Random(seed)
    order: list[int] = []
    while len(order) < count:
        order += chance.sample(range(rows), rows)
    return order[:count]
