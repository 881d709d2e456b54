"""Which head a checkpoint has: that of a language model, of a classifier, or none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from qwen_recipes.filesystem.read_file import read_json
from qwen_recipes.filesystem.safetensors_header import read_safetensors_header

LM_HEAD, EMBEDDINGS = "lm_head.weight", "embed_tokens.weight"
LANGUAGE_MODEL = "ForCausalLM"
CLASSIFIERS = ("ForSequenceClassification", "ForTokenClassification", "ForGuardModel")
USUAL_LABELS = 2
"""Outputs of a classifier whose config.json does not say; transformers' own default."""
_HEADLESS_NAMES = re.compile(r"(?:-|_)embedding(?:-|_|$)")
_CLASSIFIER_NAMES = re.compile(r"guard-?stream")


@dataclass(frozen=True)
class ModelHead:
    """`saved_as`: the class in config.json. `lm_head`: whether the language model's head is in the weights, or is the
    embeddings. `labels`: outputs of a classification head, 0 where there is none.
    """

    saved_as: str = ""
    lm_head: bool = True
    labels: int = 0


def read_head(config: Mapping[str, object], folder: Path, *, tied: bool) -> ModelHead:
    """By the class in config.json and, where the weights are here, by their names."""
    named = config.get("architectures")
    saved_as = named[0] if isinstance(named, list) and named and isinstance(named[0], str) else ""
    labels = _count_labels(config) if saved_as.endswith(CLASSIFIERS) else 0
    if tied:
        return ModelHead(saved_as, True, labels)
    stored = list_weight_names(folder)
    whole = any(name.endswith(EMBEDDINGS) for name in stored)
    lm_head = any(name.endswith(LM_HEAD) for name in stored) if whole else _is_language_model(saved_as)
    return ModelHead(saved_as, lm_head, labels)


def guess_head(name: str, *, tied: bool) -> ModelHead | None:
    """Of a model of which only the name is known; None where it tells nothing."""
    name = name.rpartition("/")[2].lower()
    if _CLASSIFIER_NAMES.search(name):
        return ModelHead("", tied, USUAL_LABELS)
    return ModelHead("", tied) if _HEADLESS_NAMES.search(name) else None


def _is_language_model(saved_as: str) -> bool:
    return not saved_as or saved_as.endswith((LANGUAGE_MODEL, "LMHeadModel", "ForConditionalGeneration"))


def _count_labels(config: Mapping[str, object]) -> int:
    names, stated = config.get("id2label"), config.get("num_labels")
    if isinstance(names, dict) and names:
        return len(names)
    return stated if isinstance(stated, int) and stated > 0 else USUAL_LABELS


def list_weight_names(folder: Path) -> set[str]:
    """Names of the weights in a folder; empty where they are not here or unreadable."""
    names: set[str] = set()
    try:
        index = folder / "model.safetensors.index.json"
        if index.is_file():
            return set(read_json(index, "config")["weight_map"])
        for file in sorted(folder.glob("model*.safetensors")):
            names |= {*read_safetensors_header(file)[0]} - {"__metadata__"}
    except (OSError, ValueError, KeyError, TypeError):
        return set()
    return names
