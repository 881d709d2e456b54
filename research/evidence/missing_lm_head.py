"""A checkpoint without a language model head is loaded as a language model with a new random head, if not tied."""

from __future__ import annotations

import tempfile

import torch
import transformers
from evidence_result import report_result

GUARDS = ("QR220",)
ENVIRONMENT = "trl"
SIZES = {"vocab_size": 256, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "head_dim": 16}
SIZES |= {"num_attention_heads": 2, "num_key_value_heads": 2, "pad_token_id": 0}


def save_model(name: str, folder: str, *, tied: bool, labels: int = 1) -> torch.Tensor:
    """Save a tiny model of a class; its embeddings."""
    config = transformers.Qwen3Config(**SIZES, tie_word_embeddings=tied, num_labels=labels)
    model = getattr(transformers, name)(config)
    model.save_pretrained(folder)
    return model.get_input_embeddings().weight.detach()


def find_missing(name: str, *, tied: bool) -> list[str]:
    """The weights that are new and random when it is loaded as a language model; the embeddings never are."""
    with tempfile.TemporaryDirectory() as folder:
        embeddings = save_model(name, folder, tied=tied)
        model, found = transformers.AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    assert torch.equal(model.get_input_embeddings().weight, embeddings)
    return sorted(found["missing_keys"])


def is_refused_as_reward_model(labels: int) -> bool:
    """Whether a classifier with so many outputs is refused where one is asked for."""
    with tempfile.TemporaryDirectory() as folder:
        save_model("Qwen3ForSequenceClassification", folder, tied=False, labels=labels)
        try:
            transformers.AutoModelForSequenceClassification.from_pretrained(folder, num_labels=1)
        except RuntimeError:
            return True
    return False


CLASSES = ("Qwen3ForSequenceClassification", "Qwen3ForTokenClassification", "Qwen3Model")
seen = {f"{name}, not tied": find_missing(name, tied=False) for name in (*CLASSES, "Qwen3ForCausalLM")}
seen |= {f"{name}, tied": find_missing(name, tied=True) for name in CLASSES}
refused = {labels: is_refused_as_reward_model(labels) for labels in (1, 3)}
report_result(
    {
        **{f"{name}: the head is new": seen[f"{name}, not tied"] == ["lm_head.weight"] for name in CLASSES},
        "three outputs are refused where a reward model is asked for": refused[3],
    },
    {
        "Qwen3ForCausalLM keeps its head": not seen["Qwen3ForCausalLM, not tied"],
        "tied embeddings are the head": not any(seen[f"{name}, tied"] for name in CLASSES),
        "one output is a reward model": not refused[1],
    },
    seen,
    ("trl", "transformers"),
)
