"""Chat templates that are another variant's, or the framework's own."""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.backends.native import NativeConfig
from qwen_recipes.guards.native.base import NativeHit

FITS = {
    "axolotl": {"qwen3": ("hybrid", "thinking-2507", "base"), "qwen_25": ()},
    "llamafactory": {
        "qwen3": ("hybrid", "thinking-2507", "base"),
        "qwen3_nothink": ("instruct-2507", "base"),
        "qwen": (),
    },
    "ms-swift": {
        "qwen3": ("hybrid", "base"),
        "qwen3_thinking": ("thinking-2507", "base"),
        "qwen3_nothinking": ("instruct-2507", "base"),
        "qwen2_5": (),
        "qwen": (),
    },
}
"""The variants of Qwen3 that a framework's template was made for; none for those of Qwen2.5."""
OFFICIAL = "chat_template: tokenizer_default"


def qr303(config: NativeConfig) -> Iterator[NativeHit]:
    """A template that was made for other variants than the model's."""
    meaning = config.meaning
    if meaning.model_facts is None or meaning.template is None or not meaning.chat:
        return
    fits = FITS[config.backend].get(str(meaning.template.value))
    variant = meaning.model_facts.variant
    if fits is not None and variant not in fits:
        made_for = " and ".join(fits[:2]) or "Qwen2.5"
        message = f"{meaning.model_facts.id} is of the variant {variant}, and this template is made for {made_for}"
        yield NativeHit(meaning.template.route, message, instead(config.backend, variant))


def instead(backend: str, variant: str) -> str:
    """The template that fits."""
    if backend == "axolotl":
        return OFFICIAL
    names = [name for name, variants in FITS[backend].items() if variants[:1] == (variant,) or variant in variants]
    return f"template: {names[0]}"


def qr304(config: NativeConfig) -> Iterator[NativeHit]:
    """Axolotl's own `qwen3` template, on a model that it would otherwise fit."""
    meaning = config.meaning
    if config.backend != "axolotl" or meaning.model_facts is None or meaning.template is None:
        return
    if meaning.template.value == "qwen3" and meaning.model_facts.variant in FITS["axolotl"]["qwen3"]:
        yield NativeHit(meaning.template.route, "Axolotl's `qwen3` is not the official template", OFFICIAL)
