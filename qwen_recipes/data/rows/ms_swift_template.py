"""ms-swift's plugin for rows that are tokenized already (`chat.encoding: exact`): `external_plugins` in train.yaml.

ms-swift encodes each row by its template. Here the template of Qwen3 reads ids and labels out of the answer's text.
"""

import json
from typing import Any

from swift.template import TEMPLATE_MAPPING, Template

TEMPLATE_NAMES = ("qwen3", "qwen3_thinking", "qwen3_nothinking")


class TokenizedRows(Template):  # type: ignore[misc,unused-ignore]
    """Takes a row's ids and labels as they are."""

    def _encode(self, inputs: Any) -> dict[str, Any]:
        if not self.is_training:
            encoded: dict[str, Any] = super()._encode(inputs)
            return encoded
        row = json.loads(inputs.messages[-1]["content"])
        return {"input_ids": row["input_ids"], "labels": row["labels"], "loss_scale": None}


for _name in TEMPLATE_NAMES:
    TEMPLATE_MAPPING[_name].template_cls = TokenizedRows
