"""Chat templates that are another variant's, or the framework's own."""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.backends.native_config import NativeConfig
from qwen_recipes.backends.native_violation import NativeViolation


def check_qr303(config: NativeConfig) -> Iterator[NativeViolation]:
    """A template that was made for other variants than the model's."""
    meaning = config.interpreted_settings
    if meaning.model_facts is None or meaning.template is None or not meaning.chat:
        return
    fits = config.traits.template_variants.get(str(meaning.template.value))
    variant = meaning.model_facts.variant
    if fits is not None and variant not in fits:
        made_for = " and ".join(fits[:2]) or "Qwen2.5"
        message = f"{meaning.model_facts.id} is a {variant} model, but this template is made for {made_for}"
        yield NativeViolation(meaning.template.route, message, suggest_template(config, variant))


def suggest_template(config: NativeConfig, variant: str) -> str:
    """The template that fits."""
    if config.traits.official_template:
        return config.traits.official_template
    names = [
        name
        for name, variants in config.traits.template_variants.items()
        if variants[:1] == (variant,) or variant in variants
    ]
    return f"template: {names[0]}"


def check_qr304(config: NativeConfig) -> Iterator[NativeViolation]:
    """A template of the framework's own that is named for Qwen3, on a model that it would otherwise fit."""
    meaning = config.interpreted_settings
    if meaning.model_facts is None or meaning.template is None:
        return
    traits, name = config.traits, str(meaning.template.value)
    if name in traits.unofficial_templates and meaning.model_facts.variant in traits.template_variants[name]:
        message = f"{config.title}'s `{name}` is not the official template"
        yield NativeViolation(meaning.template.route, message, traits.official_template)
