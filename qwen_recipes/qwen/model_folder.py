"""The facts of a model in a folder, read from the files that transformers wrote there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.qwen.chat_templates import detect_template_variant
from qwen_recipes.qwen.facts import LAYER_CLASSES, ModelFacts, Variant
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
TOKENS_BY_ID = {151_643: END_OF_TEXT, 151_645: END_OF_TURN}
BASE_MAX_POSITIONS = 32_768
DEFAULT_ROPE_THETA = 10_000.0
CONFIG_SUGGESTION = "use the config.json that the model was saved with"


class ModelFolderError(QwenRecipesError, ValueError):
    """A folder without a config.json that says what the model is; what to do stands after the message's semicolon."""


def read_model_facts(folder: Path, name: str) -> ModelFacts:
    """The facts of the model in `folder`, under the name the person gave it.

    A key that transformers leaves out has the value transformers gives it. Where the tokenizer's files are missing,
    eos is the one that config.json numbers, pad is `<|endoftext|>`, and the variant is `unknown`.

    Raises:
        ModelFolderError: config.json is missing, unreadable, not JSON, or lacks keys; the message names them.
    """
    config = _read_json_object(folder / "config.json", required=True)
    shape = config["text_config"] if isinstance(config.get("text_config"), dict) else config
    model_type = config.get("model_type")
    mixture = model_type == "qwen3_moe" or bool(shape.get("num_experts"))
    _check_config_keys(folder, model_type, shape, REQUIRED_KEYS + (REQUIRED_EXPERT_KEYS if mixture else ()))
    tokenizer = _read_json_object(folder / "tokenizer_config.json", required=False)
    eos = _parse_token(tokenizer.get("eos_token")) or _read_eos_token(shape)
    return ModelFacts(
        id=name,
        model_type=str(model_type),
        variant=_detect_variant(read_chat_template(folder), eos, shape["max_position_embeddings"]),
        revision=None,
        layers=shape["num_hidden_layers"],
        hidden_size=shape["hidden_size"],
        heads=shape["num_attention_heads"],
        kv_heads=shape.get("num_key_value_heads") or shape["num_attention_heads"],
        head_dim=shape.get("head_dim") or _get_default_head_dim(str(model_type), shape),
        intermediate_size=shape["intermediate_size"],
        moe_intermediate_size=shape["moe_intermediate_size"] if mixture else None,
        experts=shape["num_experts"] if mixture else None,
        experts_per_token=shape["num_experts_per_tok"] if mixture else None,
        vocab_size=shape["vocab_size"],
        tied_embeddings=bool(shape.get("tie_word_embeddings", config.get("tie_word_embeddings", False))),
        max_positions=shape["max_position_embeddings"],
        rope_theta=_read_rope_theta(shape),
        eos_token=eos,
        pad_token=_parse_token(tokenizer.get("pad_token")) or END_OF_TEXT,
        source=str(folder),
        released_tokenizer=_has_released_tokenizer(folder / "tokenizer.json"),
    )


def describe_custom_tokenizer(facts: ModelFacts) -> str:
    """What to tell of a model folder's own tokenizer, if Qwen did not release it; else nothing."""
    file = Path(facts.source) / "tokenizer.json"
    return "" if facts.released_tokenizer else f"{file} is a custom tokenizer; it is used as it is"


def describe_custom_template(facts: ModelFacts) -> str:
    """What to tell of a model folder's own chat template, if Qwen did not release it; else nothing.

    Raises ModelFolderError.
    """
    if not facts.local or facts.variant != "unknown" or read_chat_template(Path(facts.source)) is None:
        return ""
    return f"{facts.source} uses a custom chat template"


def _has_released_tokenizer(file: Path) -> bool:
    """True where there is no file, too: the released tokenizer stands in for it."""
    from qwen_recipes.qwen.tokenizer import is_released_tokenizer

    try:
        return not file.is_file() or is_released_tokenizer(file)
    except OSError as problem:
        raise ModelFolderError(f"{file}: cannot read: {problem}") from problem


def read_chat_template(folder: Path) -> str | None:
    """The chat template that lies with a model: chat_template.jinja, else the one in tokenizer_config.json.

    Raises:
        ModelFolderError: a file is there and can't be read.
    """
    own = folder / "chat_template.jinja"
    if own.is_file():
        return _read_text(own)
    found = _read_json_object(folder / "tokenizer_config.json", required=False).get("chat_template")
    if isinstance(found, list):
        found = next((entry.get("template") for entry in found if entry.get("name") == "default"), None)
    return found if isinstance(found, str) else None


def _detect_variant(template: str | None, eos: str, positions: int) -> Variant:
    """By the template's hash. The Base template was the first hybrid one too: eos and length tell them apart."""
    found = detect_template_variant(template) if template is not None else None
    if found == "base" and eos == END_OF_TURN and positions != BASE_MAX_POSITIONS:
        return "hybrid"
    return found or "unknown"


def _check_config_keys(folder: Path, model_type: object, shape: Mapping[str, Any], sizes: tuple[str, ...]) -> None:
    missing = [] if isinstance(model_type, str) else ["model_type"]
    missing += [key for key in sizes if shape.get(key) is None]
    if missing:
        raise ModelFolderError(f"{folder / 'config.json'} lacks {', '.join(missing)}; {CONFIG_SUGGESTION}")
    optional = ("num_key_value_heads", "head_dim")
    wrong = [key for key in (*sizes, *optional) if shape.get(key) is not None and not _is_size(shape[key])]
    if wrong:
        raise ModelFolderError(f"{folder / 'config.json'}: {', '.join(wrong)} must be positive whole numbers")


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _get_default_head_dim(model_type: str, shape: Mapping[str, Any]) -> int:
    if model_type in LAYER_CLASSES:
        return HEAD_DIM
    return int(shape["hidden_size"]) // int(shape["num_attention_heads"])


def _read_rope_theta(shape: Mapping[str, Any]) -> float:
    """transformers 5 writes it inside `rope_parameters`, transformers 4 beside it."""
    nested = shape.get("rope_parameters")
    inside = nested.get("rope_theta") if isinstance(nested, dict) else None
    found = inside if inside is not None else shape.get("rope_theta")
    return float(found) if isinstance(found, (int, float)) else DEFAULT_ROPE_THETA


def _read_eos_token(shape: Mapping[str, Any]) -> str:
    ids = shape.get("eos_token_id")
    first = ids[0] if isinstance(ids, list) and ids else ids
    return TOKENS_BY_ID.get(first, END_OF_TURN) if isinstance(first, int) else END_OF_TURN


def _parse_token(value: object) -> str | None:
    """A token as tokenizer_config.json writes it: text, or an object with its content."""
    content = value.get("content") if isinstance(value, dict) else value
    return content if isinstance(content, str) else None


def _read_text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise ModelFolderError(
            f"{path.parent} is not a model folder: {path.name} is missing; {CONFIG_SUGGESTION}"
        ) from None
    except (OSError, UnicodeDecodeError) as problem:
        raise ModelFolderError(f"{path}: cannot read: {problem}") from problem


def _read_json_object(path: Path, required: bool) -> dict[str, Any]:
    if not required and not path.is_file():
        return {}
    try:
        found = json.loads(_read_text(path))
    except json.JSONDecodeError as problem:
        raise ModelFolderError(f"{path} is not JSON: {problem}") from problem
    if not isinstance(found, dict):
        raise ModelFolderError(f"{path} is not a JSON object")
    return found
