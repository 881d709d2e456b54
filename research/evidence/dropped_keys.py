"""Axolotl silently drops unknown keys: no error, no warning, no value."""

from __future__ import annotations

import io
import logging

from axolotl.utils.config import validate_config
from axolotl.utils.dict import DictDefault
from evidence_result import report_result

GUARDS = ("QR702",)
ENVIRONMENT = "axolotl"
CONFIG = {
    "base_model": "Qwen/Qwen3-4B", "learning_rate": 1e-4, "micro_batch_size": 1, "gradient_accumulation_steps": 1,
    "datasets": [{"path": "rows.jsonl", "type": "chat_template"}], "adapter": "lora", "lora_target_linear": True,
}  # fmt: skip
log = io.StringIO()
logging.getLogger().addHandler(logging.StreamHandler(log))
made = validate_config(DictDefault({**CONFIG, "lora_rank": 64, "lora_r": 8}))
report_result(
    {"lora_rank is gone": "lora_rank" not in made, "nothing was logged of it": "lora_rank" not in log.getvalue()},
    {"lora_r is kept": made["lora_r"] == 8},
    {"kept": sorted(key for key in made if key.startswith("lora_r") and made[key] is not None)},
    ("axolotl",),
)
