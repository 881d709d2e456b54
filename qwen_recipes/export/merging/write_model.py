"""A merged model, written shard by shard, with its config, tokenizer, chat template and generation config."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from .adapters import Adapter
from .base_weights import (
    MAX_SHARD_BYTES,
    StoredTensor,
    dequantize,
    group_by_size,
    list_stored_tensors,
    read_tensor,
)
from .read_config import MergeError, read_config
from .updates import apply_adapter, list_changes
from .write_adapter import CARRIED_FILES, copy_files

EMBEDDINGS, HEAD = "model.embed_tokens.weight", "lm_head.weight"
_DTYPES = {"bfloat16": torch.bfloat16, "float32": torch.float32, "float16": torch.float16}


def write_model(adapter: Adapter, base: Path, output: Path, job: dict[str, Any]) -> dict[str, Any]:
    """Merge the adapter into its base, one shard at a time. Raises MergeError."""
    stored = list_stored_tensors(base)
    config: dict[str, Any] = read_config(base / "config.json")
    names = {one.name for one in stored}
    changed = list_changes(adapter.factors, adapter.whole, names)
    unties = _unties(adapter, changed, config, names)
    if HEAD in adapter.whole and not unties and HEAD not in names:
        adapter.whole.setdefault(EMBEDDINGS, adapter.whole[HEAD])
        changed.add(EMBEDDINGS)
    targets = [(one.name, one) for one in stored]
    targets += [(HEAD, one) for one in stored if one.name == EMBEDDINGS and unties]
    written: dict[str, str] = {}
    dtypes: set[str] = set()
    total = 0
    groups = group_by_size(targets, job.get("shard_bytes") or MAX_SHARD_BYTES)
    for number, group in enumerate(groups, 1):
        file = f"model-{number:05d}-of-{len(groups):05d}.safetensors" if len(groups) > 1 else "model.safetensors"
        tensors = {name: _merge_tensor(name, one, adapter, changed, job) for name, one in group}
        written |= dict.fromkeys(tensors, file)
        dtypes |= {str(tensor.dtype).removeprefix("torch.") for tensor in tensors.values()}
        total += sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
        save_file(tensors, str(output / file), {"format": "pt"})
        del tensors
    if len(groups) > 1:
        index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(written.items()))}
        (output / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n", "utf-8")
    _write_configs(adapter, base, output, config, unties, dtypes)
    return {"weights": len(changed), "shards": len(groups), "bytes": total, "untied": unties}


def _merge_tensor(name: str, stored: StoredTensor, adapter: Adapter, changed: set[str], job: dict[str, Any]) -> Tensor:
    weight = read_tensor(stored)
    dtype = _DTYPES.get(str(job.get("dtype")), weight.dtype)
    if job["into"] == "dequantized":
        weight = dequantize(name, weight, job["quantization"])
    if name in changed:
        weight = apply_adapter(name, weight, adapter, adapter.factors)
    return weight.to(dtype).contiguous()


def _unties(adapter: Adapter, changed: set[str], config: dict[str, object], names: set[str]) -> bool:
    """Whether embeddings and head, which the base has as one weight, are two after the merge."""
    if HEAD in names or not config.get("tie_word_embeddings"):
        return False
    if not changed & {EMBEDDINGS, HEAD} or adapter.config.get("ensure_weight_tying"):
        return False
    both = [adapter.whole.get(name) for name in (EMBEDDINGS, HEAD)]
    same = both[0] is not None and both[1] is not None and torch.equal(both[0], both[1])
    return not same


def _write_configs(
    adapter: Adapter, base: Path, output: Path, config: dict[str, object], unties: bool, dtypes: set[str]
) -> None:
    copy_files(base, output, (*CARRIED_FILES, "generation_config.json", "*.jinja"))
    copy_files(adapter.folder, output, (*CARRIED_FILES, "*.jinja"))
    config = {**config, **({"tie_word_embeddings": False} if unties else {})}
    key = "torch_dtype" if "torch_dtype" in config and "dtype" not in config else "dtype"
    config[key] = "bfloat16" if "bfloat16" in dtypes else sorted(dtypes)[0]
    config.pop("quantization_config", None)
    (output / "config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")
    _end_turns(output)


def _end_turns(output: Path) -> None:
    """Let generation stop at the tokenizer's end token too: a base model's config knows only its own."""
    try:
        tokenizer = read_config(output / "tokenizer_config.json")
        added = read_config(output / "tokenizer.json", "tokenizer")["added_tokens"]
    except (MergeError, KeyError):
        return
    end = tokenizer.get("eos_token")
    text = end.get("content") if isinstance(end, dict) else end
    number = next((one["id"] for one in added if one.get("content") == text), None)
    file = output / "generation_config.json"
    generation = read_config(file) if file.is_file() else {}
    known = generation.get("eos_token_id")
    ids = known if isinstance(known, list) else [] if known is None else [known]
    if number is None or number in ids:
        return
    generation["eos_token_id"] = [number, *ids]
    file.write_text(json.dumps(generation, indent=2) + "\n", "utf-8")
