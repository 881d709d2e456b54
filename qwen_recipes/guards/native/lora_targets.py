"""An adapter on some of the linear layers."""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.backends.native_config import NativeConfig
from qwen_recipes.backends.native_violation import NativeViolation
from qwen_recipes.guards.adapters.qr201_missing_linear_layers import LINEAR_LAYERS


def check_qr201(config: NativeConfig) -> Iterator[NativeViolation]:
    """Named targets of a dense Qwen3 model that are not all seven."""
    meaning = config.interpreted_settings
    dense = meaning.model_facts is not None and meaning.model_facts.dense
    if not (dense and meaning.adapter and meaning.targets):
        return
    names = meaning.targets.value
    if not set(names) <= {*LINEAR_LAYERS, "lm_head", "embed_tokens"}:
        return
    missing = [name for name in LINEAR_LAYERS if name not in names]
    if missing:
        yield NativeViolation(
            meaning.targets.route,
            f"the adapter leaves out {', '.join(missing)}",
            config.traits.all_linear_layers,
            at_key=True,
        )
