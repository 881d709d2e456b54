"""Native keys that a recipe adds under `backends.*.extra`, judged as a native config of the plan's kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from qwen_recipes.backends.ms_swift.command import choose_swift_command
from qwen_recipes.backends.native_config import NATIVE_FOLDERS, NativeConfig
from qwen_recipes.backends.plan import Plan
from qwen_recipes.finding import Route, Span
from qwen_recipes.guards.base import GuardContext
from qwen_recipes.guards.native.base import NativeViolation
from qwen_recipes.yaml_text.nodes import Document, Mapping, Node, Scalar, Sequence

_NO_SPAN = Span(1, 1, 1, 1)


def check_extra_keys(code: str, context: GuardContext) -> Iterator[tuple[Route, NativeViolation]]:
    """What the rule of that code says of the extra keys, each with its way below `extra`."""
    from qwen_recipes.guards.native import load_native_check

    backend, extra = context.backend, context.plan.extra
    if not extra or backend.name not in NATIVE_FOLDERS:
        return
    told = {**build_surrounding_config(context.plan, backend.name), **extra}
    document = Document("", "", make_node(told))
    config = NativeConfig(backend.name, backend.version, choose_command(context.plan), "yaml", document)
    for hit in load_native_check(code)(config):
        if hit.route[0] in extra and hit.severity != "warning":
            yield hit.route, hit


def choose_command(plan: Plan) -> str:
    """The command that reads the compiled config, as the rules for native configs call it."""
    return choose_swift_command(plan) if plan.backend == "ms-swift" else "train"


def build_surrounding_config(plan: Plan, backend: str) -> dict[str, Any]:
    """What the compiled config says beside the extra keys, as far as the rules look at it."""
    bits, adapter = plan.quantization.bits, plan.method.adapter
    if backend == "axolotl":
        kind = {"adapter": "qlora" if bits == 4 else "lora"} if adapter else {}
        return {"base_model": plan.model.id, **kind, **({f"load_in_{bits}bit": True} if bits != 16 else {})}
    quantized = {"quantization_bit": bits} if backend == "llamafactory" else {"quant_bits": bits, "quant_method": "bnb"}
    named = {"model_name_or_path": plan.model.id, "do_train": True} if backend == "llamafactory" else {}
    kind = {"finetuning_type" if backend == "llamafactory" else "tuner_type": "lora" if adapter else "full"}
    return {**named, **kind, **(quantized if bits != 16 else {})}


def make_node(value: Any) -> Node:
    """A value as a tree that stands nowhere."""
    if isinstance(value, dict):
        entries = {str(key): make_node(child) for key, child in value.items()}
        return Mapping(_NO_SPAN, entries, dict.fromkeys(entries, _NO_SPAN))
    if isinstance(value, list):
        return Sequence(_NO_SPAN, [make_node(child) for child in value])
    return Scalar(_NO_SPAN, value, str(value), not isinstance(value, str))
