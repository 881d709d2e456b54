"""A model's config and tokenizer without weights: enough to resolve a recipe."""

from __future__ import annotations

import json
from pathlib import Path

from qwen_recipes.qwen.tokenizer import build_tokenizer
from research.measurements.random_models import config_arguments, facts_for_shape

ARCHITECTURES = {"qwen3": "Qwen3ForCausalLM", "qwen3_moe": "Qwen3MoeForCausalLM"}


def write_shape(name: str, root: Path) -> Path:
    """`root`/<name>, written once."""
    folder, facts = root / name, facts_for_shape(name)
    if not folder.is_dir():
        folder.mkdir(parents=True)
        words = {**config_arguments(facts), "model_type": facts.model_type, "rope_theta": facts.rope_theta}
        config = {**words, "architectures": [ARCHITECTURES[facts.model_type]]}
        (folder / "config.json").write_text(json.dumps(config), "utf-8")
        build_tokenizer(folder, "hybrid")
    return folder
