"""A combined adapter in PEFT's own files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from safetensors.torch import save_file

from .adapters import WEIGHTS_FILE, Adapter

CARRIED_FILES = (
    *("tokenizer*", "chat_template*", "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt"),
)
"""What belongs to a tokenizer."""


def write_adapter(adapter: Adapter, output: Path) -> dict[str, object]:
    """Write the adapter, whose factors have scale 1, with the tokenizer that lies beside the first one."""
    tensors, ranks = {}, {}
    for module, one in adapter.factors.items():
        assert one.a is not None and one.b is not None
        tensors[f"base_model.model.{module}.lora_A.weight"] = one.a.float().contiguous()
        tensors[f"base_model.model.{module}.lora_B.weight"] = (one.b.float() * one.scale).contiguous()
        ranks[module] = one.a.shape[0]
    rank = max(ranks.values())
    others = {module: size for module, size in ranks.items() if size != rank}
    config = {**adapter.config, "r": rank, "lora_alpha": rank, "use_rslora": False, "init_lora_weights": True}
    config |= {"rank_pattern": others, "alpha_pattern": others, "target_modules": sorted(ranks)}
    config |= {"layers_to_transform": None, "layers_pattern": None}
    save_file(tensors, str(output / WEIGHTS_FILE), {"format": "pt"})
    (output / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")
    copy_files(adapter.folder, output, CARRIED_FILES)
    return {"rank": rank, "weights": len(ranks)}


def copy_files(source: Path, target: Path, patterns: tuple[str, ...]) -> list[str]:
    """Copy the regular files that match; their names."""
    found = sorted({file for pattern in patterns for file in source.glob(pattern) if file.is_file()})
    for file in found:
        shutil.copyfile(file, target / file.name)
    return [file.name for file in found]
