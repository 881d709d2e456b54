"""Axolotl takes the end of a turn out of the loss for a Base model, unless its config names the token."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import yaml
from evidence_result import report_result

from qwen_recipes.backends.axolotl import row_encoder
from qwen_recipes.qwen.models import get_model_facts
from qwen_recipes.qwen.placeholder_model import write_placeholder_model
from qwen_recipes.verify.encoders import worker

GUARDS = ("QR301",)
ENVIRONMENT = "axolotl"
ROW = {"messages": [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "4"}]}
CONFIG = {"datasets": [{"path": "rows.jsonl", "ds_type": "json", "type": "chat_template"}], "sequence_len": 512}
CONFIG |= {"micro_batch_size": 1, "gradient_accumulation_steps": 1, "learning_rate": 1e-4, "num_epochs": 1}
IM_END_ID = 151_645


def end_carries_loss(model: str, **overrides: object) -> bool:
    """Whether the `<|im_end|>` of an answer has a label, in the rows that `axolotl train` makes."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        write_placeholder_model(get_model_facts(model), Path("model"))
        Path("rows.jsonl").write_text((json.dumps(ROW) + "\n") * 4, "utf-8")
        Path("train.yaml").write_text(yaml.safe_dump({**CONFIG, "base_model": f"{folder}/model", **overrides}), "utf-8")
        rows = row_encoder.encode({"config": "train.yaml", "out": f"{folder}/rows.json"})
        os.chdir(os.sep)
    assert IM_END_ID in rows[0]["input_ids"]
    return IM_END_ID in rows[0]["labels"]


os.environ.update({**worker.WORKER_ENVIRONMENT, **row_encoder.VARIABLES})
row_encoder.load()
seen = {
    "Qwen3-0.6B-Base": end_carries_loss("Qwen/Qwen3-0.6B-Base"),
    "Qwen3-0.6B-Base with eot_tokens": end_carries_loss("Qwen/Qwen3-0.6B-Base", eot_tokens=["<|im_end|>"]),
    "Qwen3-0.6B": end_carries_loss("Qwen/Qwen3-0.6B"),
}
report_result(
    {"Base: the end of an answer carries no loss": not seen["Qwen3-0.6B-Base"]},
    {
        "it does once eot_tokens names it": seen["Qwen3-0.6B-Base with eot_tokens"],
        "and in the hybrid model": seen["Qwen3-0.6B"],
    },
    seen,
    ("axolotl", "transformers"),
)
