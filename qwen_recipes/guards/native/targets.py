"""An adapter on some of the linear layers."""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.backends.native import NativeConfig
from qwen_recipes.guards.native.base import NativeHit
from qwen_recipes.guards.qr201 import SEVEN

ALL = {
    "axolotl": "lora_target_linear: true",
    "llamafactory": "lora_target: all",
    "ms-swift": "target_modules: all-linear",
}


def qr201(config: NativeConfig) -> Iterator[NativeHit]:
    """Named targets of a dense Qwen3 model that are not all seven."""
    meaning = config.meaning
    dense = meaning.model_facts is not None and meaning.model_facts.dense
    if not (dense and meaning.adapter and meaning.targets):
        return
    names = meaning.targets.value
    if not set(names) <= {*SEVEN, "lm_head", "embed_tokens"}:
        return
    missing = [name for name in SEVEN if name not in names]
    if missing:
        yield NativeHit(
            meaning.targets.route, f"the adapter leaves out {', '.join(missing)}", ALL[config.backend], at_key=True
        )
