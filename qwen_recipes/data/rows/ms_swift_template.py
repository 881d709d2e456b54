"""ms-swift's plugin for rows that are tokenized already: `external_plugins` in train.yaml.

ms-swift encodes each row by its template. Here the template of Qwen3 reads ids and labels out of the answer's text, and
the tokenizer, which is saved with what is trained, gets the chat template that they were made by. In KTO the mismatched
answers are those that stand in the rows; ms-swift would draw others from its global batch.
"""

import json
from pathlib import Path
from typing import Any

from swift.pipelines.train import kto
from swift.template import TEMPLATE_MAPPING, Template

TEMPLATE_NAMES = ("qwen3", "qwen3_thinking", "qwen3_nothinking")
CHAT_TEMPLATE = Path(__file__).with_name("chat_template.jinja")


class TokenizedRows(Template):  # type: ignore[misc,unused-ignore]
    """Takes a row's ids and labels as they are."""

    def init_processor(self, processor: object) -> None:
        """Give the tokenizer the recipe's chat template."""
        super().init_processor(processor)
        if processor is not None and CHAT_TEMPLATE.is_file():
            self.tokenizer.chat_template = CHAT_TEMPLATE.read_text("utf-8").rstrip("\n")

    def _encode(self, inputs: Any) -> dict[str, Any]:
        if not self.is_training:
            encoded: dict[str, Any] = super()._encode(inputs)
            return encoded
        row = json.loads(inputs.messages[-1]["content"])
        return {"input_ids": row["input_ids"], "labels": row["labels"], "loss_scale": None}


def keep_mismatched(self: Any, rows: dict[str, Any], **options: Any) -> dict[str, Any]:
    """The rows with their own mismatched answers, which ms-swift holds as `rejected_response`."""
    said = [json.loads(messages[-1]["content"])["mismatched"] for messages in rows["messages"]]
    return {**rows, "rejected_response": said}


for _name in TEMPLATE_NAMES:
    TEMPLATE_MAPPING[_name].template_cls = TokenizedRows
kto.KTOPreprocessor.batched_preprocess = keep_mismatched
