"""The facts of a model in a folder, read from the files that transformers wrote there."""

from __future__ import annotations

import json
from pathlib import Path

from qwen_recipes.filesystem.read_file import FileKind, parse_json, read_text
from qwen_recipes.qwen.chat_templates import detect_template_variant
from qwen_recipes.qwen.facts import FactsOrigin, ModelFacts, TokenizerKind, Variant
from qwen_recipes.qwen.families import name_family
from qwen_recipes.qwen.model_config import (
    CONFIG_SUGGESTION,
    ModelFolderError,
    UnreadableFolderError,
    is_size,
    read_eos_token,
    read_head_dim,
    read_quantization,
    read_rope_theta,
    read_text_config,
)
from qwen_recipes.qwen.model_head import read_head
from qwen_recipes.qwen.tokens import END_OF_TEXT, END_OF_TURN

BASE_MAX_POSITIONS = 32_768
_NESTED = ("snapshots/*/config.json", "checkpoint-*/config.json", "*/config.json")
"""Where a model lies below a folder that people name for it: the hub's cache, a run, any other."""
WEIGHT_INDEX = "model.safetensors.index.json"


def read_model_facts(
    folder: Path, name: str, origin: FactsOrigin = "folder", revision: str | None = None
) -> ModelFacts:
    """The facts of the model in `folder`, under the name the person gave it.

    A key that transformers leaves out has the value transformers gives it. Where the tokenizer's files are missing,
    eos is the one that config.json numbers, pad is `<|endoftext|>`, and the variant is `unknown`.

    Raises:
        ModelFolderError: config.json is missing, unreadable, not JSON, lacks keys, or is of another family.
    """
    file = folder / "config.json"
    config = _read_json_object(file, required=True)
    shape = read_text_config(file, config)
    mixture = shape["model_type"] == "qwen3_moe"
    tokenizer = _read_json_object(folder / "tokenizer_config.json", required=False)
    eos = _parse_token(tokenizer.get("eos_token")) or read_eos_token(shape)
    template = _read_chat_template(folder, tokenizer)
    head = read_head(config, folder, tied=bool(shape.get("tie_word_embeddings", False)))
    variant = _detect_variant(template, eos, shape["max_position_embeddings"])
    return ModelFacts(
        id=name,
        model_type=shape["model_type"],
        variant=variant,
        revision=revision,
        layers=shape["num_hidden_layers"],
        hidden_size=shape["hidden_size"],
        heads=shape["num_attention_heads"],
        kv_heads=shape.get("num_key_value_heads") or shape["num_attention_heads"],
        head_dim=read_head_dim(shape),
        intermediate_size=shape["intermediate_size"],
        moe_intermediate_size=shape["moe_intermediate_size"] if mixture else None,
        experts=shape["num_experts"] if mixture else None,
        experts_per_token=shape["num_experts_per_tok"] if mixture else None,
        vocab_size=shape["vocab_size"],
        tied_embeddings=bool(shape.get("tie_word_embeddings", False)),
        max_positions=shape["max_position_embeddings"],
        rope_theta=read_rope_theta(shape),
        eos_token=eos,
        pad_token=_parse_token(tokenizer.get("pad_token")) or END_OF_TEXT,
        origin=origin,
        folder=folder,
        tokenizer=_classify_tokenizer(folder / "tokenizer.json"),
        own_template=template if variant == "unknown" else None,
        family=name_family(name, template),
        quantization=read_quantization(config),
        stored_bytes=_count_stored_bytes(folder),
        saved_as=head.saved_as,
        lm_head=head.lm_head,
        labels=head.labels,
    )


def describe_custom_tokenizer(facts: ModelFacts) -> str:
    """What to tell of a model's own tokenizer, if Qwen did not release it; else nothing."""
    if facts.tokenizer != "own" or facts.folder is None:
        return ""
    return f"{facts.folder / 'tokenizer.json'} is a custom tokenizer; it is used as it is"


def describe_custom_template(facts: ModelFacts) -> str:
    """What to tell of a model's own chat template, if it is none of Qwen3's four; else nothing."""
    if facts.own_template is None:
        return ""
    if facts.family != "Qwen3":
        return f"the chat template of {facts.id} is that of {facts.family}"
    return f"{facts.id} uses a custom chat template"


def _classify_tokenizer(file: Path) -> TokenizerKind:
    """`official` where there is no file, too: the released tokenizer stands in for it."""
    from qwen_recipes.qwen.tokenizer import classify_tokenizer, is_whole_object

    try:
        if not file.is_file():
            return "official"
        if not is_whole_object(file):
            raise ModelFolderError(f"{file} is not a whole JSON object; copy it again from the model")
        return classify_tokenizer(file)
    except OSError as problem:
        raise UnreadableFolderError(f"{file}: cannot read: {problem.strerror}") from problem


def _read_chat_template(folder: Path, tokenizer_config: dict[str, object]) -> str | None:
    """The chat template that lies with a model: chat_template.jinja, else the one in tokenizer_config.json."""
    own = folder / "chat_template.jinja"
    if own.is_file():
        return _read_text(own, "template")
    found = tokenizer_config.get("chat_template")
    if isinstance(found, list):
        named = [entry for entry in found if isinstance(entry, dict) and entry.get("name") == "default"]
        found = named[0].get("template") if named else None
    return found if isinstance(found, str) else None


def _detect_variant(template: str | None, eos: str, positions: int) -> Variant:
    """By the template's hash. The Base template was the first hybrid one too: eos and length tell them apart."""
    found = detect_template_variant(template) if template is not None else None
    if found == "base" and eos == END_OF_TURN and positions != BASE_MAX_POSITIONS:
        return "hybrid"
    return found or "unknown"


def _count_stored_bytes(folder: Path) -> int | None:
    """Bytes of the weights: of the files that are here, else as their index says."""
    files = [file for file in folder.glob("*.safetensors") if file.is_file()]
    if (folder / WEIGHT_INDEX).is_file():
        metadata = _read_json_object(folder / WEIGHT_INDEX, required=False).get("metadata")
        total = metadata.get("total_size") if isinstance(metadata, dict) else None
        if is_size(total):
            return total
    return sum(file.stat().st_size for file in files) or None


def _parse_token(value: object) -> str | None:
    """A token as tokenizer_config.json writes it: text, or an object with its content."""
    content = value.get("content") if isinstance(value, dict) else value
    return content if isinstance(content, str) else None


def _read_text(path: Path, kind: FileKind = "config") -> str:
    try:
        return read_text(path, kind)
    except FileNotFoundError:
        what = f"{path.parent} is not a model folder: {path.name} is missing"
        raise UnreadableFolderError(f"{what}; {_suggest(path)}") from None
    except OSError as problem:
        raise UnreadableFolderError(f"{path}: cannot read: {problem.strerror}") from problem
    except UnicodeDecodeError as problem:
        raise ModelFolderError(f"{path}: cannot read: {problem}") from problem


def _suggest(path: Path) -> str:
    """What to do about a folder without a config.json."""
    if (path.parent / "adapter_config.json").is_file():
        return f"it holds an adapter: name its base as the model, and method.start_from: {path.parent}"
    if inside := next((file for form in _NESTED for file in sorted(path.parent.glob(form))), None):
        return f"model: {inside.parent}"
    if any(path.parent.glob("*.gguf")):
        return "it holds a GGUF file, which cannot be trained; name the model that it was converted from"
    return CONFIG_SUGGESTION


def _read_json_object(path: Path, required: bool) -> dict[str, object]:
    if not required and not path.is_file():
        return {}
    try:
        found = parse_json(_read_text(path))
    except json.JSONDecodeError as problem:
        raise ModelFolderError(f"{path} is not JSON: {problem}") from problem
    if not isinstance(found, dict):
        raise ModelFolderError(f"{path} is not a JSON object")
    return found
