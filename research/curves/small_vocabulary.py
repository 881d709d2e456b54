"""Take most tokens out of a tiny Qwen3: `small_vocabulary.py MODEL OUT`, by an interpreter with torch and safetensors.

Two thirds of a tiny model's work are 151,936 logits of which a few hundred ever occur. What is kept are the bytes, the
first merges and all added tokens under new ids; text and template stay what they are.
"""

from __future__ import annotations

import json
import shutil
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

KEPT = 2048
"""Ids of bytes and merges, which Qwen's tokenizer numbers in the order of merging."""
EMBEDDINGS = "model.embed_tokens.weight"


def shrink_model(model: Path, out: Path) -> None:
    """Write the smaller model into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    shutil.copytree(model, out, dirs_exist_ok=True)
    tokenizer = _read_json(out / "tokenizer.json")
    new_ids = {token["id"]: KEPT + place for place, token in enumerate(tokenizer["added_tokens"])}
    _write_json(out / "tokenizer.json", _shrink_tokenizer(tokenizer, new_ids))
    settings = _read_json(out / "tokenizer_config.json")
    decoder = settings.get("added_tokens_decoder", {})
    settings["added_tokens_decoder"] = {str(new_ids[int(old)]): token for old, token in decoder.items()}
    _write_json(out / "tokenizer_config.json", settings)
    for name in ("config.json", "generation_config.json"):
        _write_json(out / name, _move_ids(_read_json(out / name), new_ids))
    _shrink_embeddings(out / "model.safetensors", [*range(KEPT), *new_ids])


def _shrink_tokenizer(tokenizer: dict[str, Any], new_ids: dict[int, int]) -> dict[str, Any]:
    bpe = tokenizer["model"]
    bpe["vocab"] = {text: number for text, number in bpe["vocab"].items() if number < KEPT}
    bpe["merges"] = [merge for merge in bpe["merges"] if _join_merge(merge) in bpe["vocab"]]
    for token in tokenizer["added_tokens"]:
        token["id"] = new_ids[token["id"]]
    return tokenizer


def _join_merge(merge: Any) -> str:
    return "".join(merge.split(" ") if isinstance(merge, str) else merge)


def _move_ids(config: dict[str, Any], new_ids: dict[int, int]) -> dict[str, Any]:
    for name in ("bos_token_id", "eos_token_id", "pad_token_id"):
        held = config.get(name)
        if held is not None:
            config[name] = [new_ids[one] for one in held] if isinstance(held, list) else new_ids[held]
    if "vocab_size" in config:
        config["vocab_size"] = KEPT + len(new_ids)
    return config


def _shrink_embeddings(file: Path, kept: list[int]) -> None:
    safetensors = import_module("safetensors.torch")
    weights = safetensors.load_file(file)
    weights[EMBEDDINGS] = weights[EMBEDDINGS][kept].contiguous()
    safetensors.save_file(weights, file, {"format": "pt"})


def _read_json(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    shrink_model(Path(sys.argv[1]), Path(sys.argv[2]))
