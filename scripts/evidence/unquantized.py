"""Axolotl quantizes to 4 bits for `adapter: qlora` alone: with `lora` the same switch passes and does nothing."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from axolotl.loaders.model import ModelLoader
from axolotl.utils.config import validate_config
from axolotl.utils.dict import DictDefault
from tell import tell

GUARDS = ("QR212",)
ENVIRONMENT = "axolotl"
CONFIG = {
    "base_model": "Qwen/Qwen3-4B", "learning_rate": 1e-4, "micro_batch_size": 1, "gradient_accumulation_steps": 1,
    "datasets": [{"path": "rows.jsonl", "type": "chat_template"}], "lora_target_linear": True, "lora_r": 8,
    "lora_alpha": 16, "load_in_4bit": True,
}  # fmt: skip


def quantized(adapter: str) -> bool:
    """Whether the model would be loaded with a quantization."""
    loader = ModelLoader.__new__(ModelLoader)
    loader.cfg = validate_config(DictDefault({**CONFIG, "adapter": adapter}))
    loader.cfg.torch_dtype = torch.bfloat16
    loader.model_kwargs, loader.model_config = {}, SimpleNamespace()
    loader._set_quantization_config()
    return "quantization_config" in loader.model_kwargs


seen = {adapter: quantized(adapter) for adapter in ("lora", "qlora")}
tell({"lora: not quantized": not seen["lora"]}, {"qlora: quantized": seen["qlora"]}, seen, ("axolotl",))
