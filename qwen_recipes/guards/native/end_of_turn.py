"""A Base model that never learns to stop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from qwen_recipes.backends.native_config import NativeConfig
from qwen_recipes.guards.native.base import NativeViolation
from qwen_recipes.qwen.tokens import END_OF_TURN


def check_qr301(config: NativeConfig) -> Iterator[NativeViolation]:
    """Chat training of a Base model in Axolotl whose end of turn is named nowhere; the others name it themselves."""
    meaning, data = config.interpreted_settings, config.data
    base = meaning.model_facts is not None and meaning.model_facts.variant == "base"
    if config.backend != "axolotl" or config.form == "shell" or not (base and meaning.chat):
        return
    special = data.get("special_tokens")
    named = isinstance(special, Mapping) and special.get("eos_token") == END_OF_TURN
    if not named and END_OF_TURN not in str(data.get("eot_tokens")) and "tokenizer_config" not in data:
        message = f"a Base model is trained on chat, but {END_OF_TURN} is not set as the end of a turn"
        yield NativeViolation(("base_model",), message, f'eot_tokens: ["{END_OF_TURN}"]')
