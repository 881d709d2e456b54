"""Families of models: what a `model_type` or a name on the hub belongs to, whether it can be trained here or not."""

from __future__ import annotations

import re

from qwen_recipes.qwen.facts import LAYER_CLASSES

FAMILIES = {
    "qwen3": "Qwen3",
    "qwen3_moe": "Qwen3",
    "qwen2": "Qwen2 or Qwen2.5",
    "qwen2_moe": "Qwen2 or Qwen2.5",
    "qwen2_vl": "Qwen2-VL",
    "qwen2_5_vl": "Qwen2.5-VL",
    "qwen3_next": "Qwen3-Next",
    "qwen3_vl": "Qwen3-VL",
    "qwen3_vl_moe": "Qwen3-VL",
    "qwen3_omni_moe": "Qwen3-Omni",
    "qwen3_asr": "Qwen3-ASR",
    "qwen3_tts": "Qwen3-TTS",
    "qwen3_5": "Qwen3.5",
    "qwen3_5_text": "Qwen3.5",
    "qwen3_5_moe": "Qwen3.5",
    "qwen3_5_moe_text": "Qwen3.5",
    "qwen4_exp": "Qwen3.8-Flash-Next",
    "llama": "Llama",
    "mistral": "Mistral",
    "gemma2": "Gemma 2",
    "gemma3": "Gemma 3",
    "gemma3_text": "Gemma 3",
    "phi3": "Phi-3",
    "deepseek_v3": "DeepSeek-V3",
    "gpt_oss": "gpt-oss",
}
"""What people call the models of a `model_type`."""

_NAME_PATTERNS = {
    r"qwen-?2\.5-vl": "Qwen2.5-VL",
    r"qwen-?2-vl": "Qwen2-VL",
    r"qwen-?2(?!\d)": "Qwen2 or Qwen2.5",
    r"qwen-?1\.5|qwen-(?!3|2)": "Qwen1.5",
    r"qwen-?3\.(\d)": r"Qwen3.\1",
    r"qwen-?[4-9]": "a later Qwen generation",
    r"qwen-?3-(?:coder-)?next": "Qwen3-Next",
    r"qwen-?3-vl": "Qwen3-VL",
    r"qwen-?3-omni": "Qwen3-Omni",
    r"qwen-?3-asr": "Qwen3-ASR",
    r"qwen-?3-tts": "Qwen3-TTS",
    r"(?:^|meta-|code)llama": "Llama",
    r"qwq": "QwQ (Qwen2.5)",
    r"qvq": "QVQ (Qwen2-VL)",
    r"mi(?:s|x)tral": "Mistral",
    r"gemma": "Gemma",
    r"deepseek(?!.*qwen-?3)": "DeepSeek",
    r"phi-?\d": "Phi",
    r"gpt-oss": "gpt-oss",
}
"""Names on the hub of families that are not supported, and what the family is called; the first that fits counts."""

_SAME_CLASS_PATTERNS = {
    r"qwen-?3-coder": "Qwen3-Coder",
    r"qwen-?3-?guard": "Qwen3Guard",
    r"qwen-?3-(?:\w+-)?embedding": "Qwen3-Embedding",
    r"qwen-?3-(?:\w+-)?reranker": "Qwen3-Reranker",
}
"""Families of the same classes as Qwen3, by their names on the hub."""

_TEMPLATE_MARKS = {"<function=": "Qwen3-Coder", "UNSAFE CONTENT CATEGORIES": "Qwen3Guard"}
"""Text that stands in a family's chat template alone: Coder writes its tool calls as XML, Guard asks for a verdict."""


_MAKERS = ("qwen", "meta-llama", "mistralai", "google", "deepseek-ai", "microsoft", "openai", "zai-org", "moonshotai")


def is_supported_type(model_type: str) -> bool:
    """Whether models of this `model_type` are known here, layer by layer."""
    return model_type in LAYER_CLASSES


def name_model_type(model_type: str) -> str:
    """What people call the models of a `model_type`, such as `Qwen3.5 (model_type qwen3_5)`."""
    family = FAMILIES.get(model_type)
    return f"{family} (model_type {model_type})" if family else f"model_type {model_type}"


def find_foreign_family(model: str) -> str | None:
    """The unsupported family that a name on the hub belongs to, or None."""
    name = model.rpartition("/")[2].lower()
    for pattern, family in _NAME_PATTERNS.items():
        if found := re.search(pattern, name):
            return found.expand(family)
    return None


def has_foreign_maker(model: str) -> bool:
    """Whether a hub id is of an organisation whose releases are what their names say: no fine-tune of Qwen3."""
    return model.partition("/")[0].lower() in _MAKERS


def has_foreign_tokenizer(model: str) -> bool:
    """Whether a model of Qwen3's layers has another family's tokenizer and template, by its name on the hub."""
    return "deepseek-r1" in model.lower()


def name_family(model: str, template: str | None) -> str:
    """The family of a model of Qwen3's classes: what its chat template shows, else its name on the hub, else Qwen3."""
    for mark, family in _TEMPLATE_MARKS.items():
        if template and mark in template:
            return family
    name = model.rpartition("/")[2].lower()
    found = (family for pattern, family in _SAME_CLASS_PATTERNS.items() if re.search(pattern, name))
    return next(found, "Qwen3")
