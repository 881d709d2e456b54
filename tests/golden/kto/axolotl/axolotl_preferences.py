"""Axolotl's plugin for preference rows that are tokenized already: `plugins` in train.yaml.

Copied beside the compiled config. TRL's trainers would make tokens of text themselves: they add an end of turn where an
answer was cut, and join the prompt's line end with one that begins an answer.
"""

from typing import Any

from axolotl.core.trainers import AxolotlCPOTrainer, AxolotlKTOTrainer, AxolotlORPOTrainer
from axolotl.core.trainers.dpo.trainer import AxolotlDPOTrainer
from axolotl.integrations.base import BasePlugin


class TokenizedPreferences(BasePlugin):  # type: ignore[misc,unused-ignore]
    """Hands a row's ids to the trainer as they are."""

    def register(self, cfg: object) -> None:
        """Replace what makes tokens of rows."""
        for trainer in (AxolotlDPOTrainer, AxolotlKTOTrainer):
            trainer._prepare_dataset = keep_dataset
        for trainer in (AxolotlORPOTrainer, AxolotlCPOTrainer):
            trainer.tokenize_row = read_pair


def keep_dataset(self: Any, dataset: Any, *_args: Any, **_options: Any) -> Any:
    """The rows' ids, and whether an answer is good."""
    return dataset.select_columns([name for name in dataset.column_names if name.endswith("_ids") or name == "label"])


def read_pair(self: Any, row: dict[str, Any], model: Any = None) -> dict[str, Any]:
    """Columns of the prompt and of both conversations; the prompt carries no loss."""
    prompt = row["prompt_ids"]
    made = {"prompt_input_ids": prompt, "prompt_attention_mask": [1] * len(prompt)}
    for side in ("chosen", "rejected"):
        answer = row[f"{side}_ids"]
        made[f"{side}_input_ids"] = prompt + answer
        made[f"{side}_attention_mask"] = [1] * (len(prompt) + len(answer))
        made[f"{side}_labels"] = [-100] * len(prompt) + answer
    return made
