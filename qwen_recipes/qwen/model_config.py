"""What config.json says of a model, in whichever way the versions of transformers from 4.51 on write it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard

from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.qwen.facts import CheckpointQuantization
from qwen_recipes.qwen.families import is_supported_type, name_model_type
from qwen_recipes.qwen.registry import HEAD_DIM
from qwen_recipes.qwen.tokens import END_OF_TEXT, END_OF_TURN

REQUIRED_KEYS = (
    "num_hidden_layers",
    "hidden_size",
    "num_attention_heads",
    "intermediate_size",
    "vocab_size",
    "max_position_embeddings",
)
REQUIRED_EXPERT_KEYS = ("num_experts", "num_experts_per_tok", "moe_intermediate_size")
KEY_NAMES = {"num_experts": ("num_experts", "num_local_experts")}
"""Keys that a version of transformers renamed: 5.5 writes `num_local_experts`."""
TOKENS_BY_ID = {151_643: END_OF_TEXT, 151_645: END_OF_TURN}
DEFAULT_ROPE_THETA = 10_000.0
MAX_ROPE_THETA = 1e30
MAX_SIZE = 10**9
CONFIG_SUGGESTION = "use the config.json that the model was saved with"
BITS = {"fp8": 8, "awq": 4, "gptq": 4, "bitsandbytes": 4, "mxfp4": 4, "nvfp4": 4, "hqq": 4, "aqlm": 2, "mlx": 4}
"""Bits of a weight where `quantization_config` does not say."""
QUANTIZATION_KEYS = ("quantization_config", "compression_config", "quantization")
"""transformers' key, the older one of compressed-tensors, and MLX's."""


class ModelFolderError(QwenRecipesError, ValueError):
    """A folder without a config.json that says what the model is; what to do stands after the message's semicolon."""


class UnreadableFolderError(ModelFolderError):
    """A file of the folder is missing or may not be read."""


class UnsupportedFamilyError(ModelFolderError):
    """A model of an architecture that is not known here."""


def read_text_config(file: Path, config: Mapping[str, object]) -> dict[str, Any]:
    """The language model's part of a config.json, under one name for each key, checked.

    Raises:
        UnsupportedFamilyError: the `model_type` is none of Qwen3's.
        ModelFolderError: keys are missing or of a wrong type; the message names them.
    """
    nested = config.get("text_config")
    shape = {**config, **nested} if isinstance(nested, dict) else dict(config)
    for key, names in KEY_NAMES.items():
        shape[key] = next((shape[name] for name in names if shape.get(name) is not None), None)
    shape["model_type"] = model_type = config.get("model_type") or shape.get("model_type")
    if not isinstance(model_type, str):
        raise ModelFolderError(f"{file} lacks model_type; {CONFIG_SUGGESTION}")
    if not is_supported_type(model_type):
        raise UnsupportedFamilyError(describe_foreign_family(str(file.parent), name_model_type(model_type)))
    _check_sizes(file, shape, REQUIRED_KEYS + (REQUIRED_EXPERT_KEYS if model_type == "qwen3_moe" else ()))
    return shape


def describe_foreign_family(model: str, family: str) -> str:
    """Why a model can't be trained from a recipe, and what can."""
    return (
        f"{model} belongs to the family {family}, which is not supported; choose a Qwen3 language model (model_type "
        "qwen3 or qwen3_moe): layers, LoRA targets, tokenizer and chat template differ in other families"
    )


def read_quantization(config: Mapping[str, Any]) -> CheckpointQuantization | None:
    """How the checkpoint's weights are stored; None for 16- and 32-bit weights."""
    found = next((config[key] for key in QUANTIZATION_KEYS if isinstance(config.get(key), dict) and config[key]), None)
    if found is None:
        return None
    method = str(found.get("quant_method") or ("mlx" if "group_size" in found else "unknown")).lower()
    if method == "modelopt":
        method = str(found.get("quant_algo") or method).lower()
    if method in ("bitsandbytes", "bitsandbytes_4bit", "bitsandbytes_8bit"):
        bits = 8 if found.get("load_in_8bit") is True else 4
        return CheckpointQuantization("bitsandbytes", bits, found.get("bnb_4bit_use_double_quant") is True)
    return CheckpointQuantization(method, _read_bits(found) or BITS.get(method, 8))


def _read_bits(config: Mapping[str, object]) -> int | None:
    """`bits`, or those of compressed-tensors' first group."""
    groups = config.get("config_groups")
    weights = (
        next((group.get("weights") for group in groups.values() if isinstance(group, dict)), None)
        if isinstance(groups, dict)
        else None
    )
    for value in (config.get("bits"), weights.get("num_bits") if isinstance(weights, dict) else None):
        if is_size(value) and value <= 16:
            return value
    return None


def read_rope_theta(shape: Mapping[str, object]) -> float:
    """transformers 5 writes it inside `rope_parameters`, by layer type in some releases; transformers 4 beside it."""
    nested = shape.get("rope_parameters")
    if isinstance(nested, dict) and isinstance(by_layer := nested.get("full_attention"), dict):
        nested = by_layer
    inside = nested.get("rope_theta") if isinstance(nested, dict) else None
    found = inside if inside is not None else shape.get("rope_theta")
    return float(found) if isinstance(found, (int, float)) and abs(found) < MAX_ROPE_THETA else DEFAULT_ROPE_THETA


def read_head_dim(shape: Mapping[str, Any]) -> int:
    """The size of a head; by default that of transformers."""
    return int(shape.get("head_dim") or HEAD_DIM)


def read_eos_token(shape: Mapping[str, object]) -> str:
    """The token that config.json numbers as the end."""
    ids = shape.get("eos_token_id")
    first = ids[0] if isinstance(ids, list) and ids else ids
    return TOKENS_BY_ID.get(first, END_OF_TURN) if isinstance(first, int) else END_OF_TURN


def is_size(value: object) -> TypeGuard[int]:
    """Whether a value can be a size: a whole number above 0, and not without end."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < MAX_SIZE


def _check_sizes(file: Path, shape: Mapping[str, object], sizes: tuple[str, ...]) -> None:
    if missing := [key for key in sizes if shape.get(key) is None]:
        raise ModelFolderError(f"{file} lacks {', '.join(missing)}; {CONFIG_SUGGESTION}")
    optional = ("num_key_value_heads", "head_dim")
    wrong = [key for key in (*sizes, *optional) if shape.get(key) is not None and not is_size(shape[key])]
    if wrong:
        raise ModelFolderError(f"{file}: {', '.join(wrong)} must be a whole number above 0")
