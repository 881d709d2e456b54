"""Chat templates that are another variant's, or the framework's own."""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.backends.native_config import NativeConfig
from qwen_recipes.backends.native_violation import NativeViolation
from qwen_recipes.guards.native.unknown_keys import list_alternatives
from qwen_recipes.qwen.chat_templates import TEMPLATES

PLAIN_TEMPLATES = ("alpaca", "default", "fewshot", "vicuna", "zephyr")
"""Formats without control tokens of a model's own."""


def check_qr303(config: NativeConfig) -> Iterator[NativeViolation]:
    """A template that was made for other variants than the model's."""
    meaning = config.interpreted_settings
    if meaning.model_facts is None or meaning.template is None or not meaning.chat:
        return
    fits = config.traits.template_variants.get(str(meaning.template.value))
    variant = meaning.model_facts.variant
    if variant not in TEMPLATES:
        return
    if fits is not None and variant not in fits:
        made_for = " and ".join(fits[:2]) or "Qwen2.5"
        message = f"{meaning.model_facts.id} uses the {variant} template; this one is for {made_for}"
        yield NativeViolation(meaning.template.route, message, suggest_template(config, variant))
    elif fits is None and is_template_of_others(config, str(meaning.template.value), variant):
        name = meaning.template.value
        message = f"{meaning.model_facts.id} uses the {variant} template; `{name}` is not a template for Qwen3"
        yield NativeViolation(meaning.template.route, message, suggest_template(config, variant))


def is_template_of_others(config: NativeConfig, name: str, variant: str) -> bool:
    """Whether the framework lists this template, and has it for other models than Qwen3.

    Into a Base model any format can be trained that is made of plain text.
    """
    if variant == "base" and name in PLAIN_TEMPLATES:
        return False
    route = config.interpreted_settings.template.route if config.interpreted_settings.template else ()
    part = config.known_keys.schema.get("properties", {}).get(str(route[-1]), {}) if route else {}
    listed = {value for option in list_alternatives(part, config.known_keys.schema) for value in option.get("enum", ())}
    return name in listed and name not in config.traits.neutral_templates


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
    if meaning.model_facts is None or meaning.template is None or not meaning.chat:
        return
    traits, name = config.traits, str(meaning.template.value)
    if name in traits.unofficial_templates and meaning.model_facts.variant in traits.template_variants[name]:
        message = f"{config.title}'s `{name}` is not the official template"
        yield NativeViolation(meaning.template.route, message, traits.official_template)
