"""Wrong layer class for FSDP.

What:
Under FSDP, native keys name a decoder layer class that the model does not have.

Why it matters:
FSDP shards and fetches one wrapped layer at a time. With a class that the model does not have, it stops with an error,
or wraps the whole model as one unit and fetches all of it at once, which uses the memory that sharding was meant to
save.

Evidence:
transformers: the layers of `qwen3` are `Qwen3DecoderLayer`, of `qwen3_moe` `Qwen3MoeDecoderLayer`. accelerate 1.11
and 1.15 raise "Could not find the transformer layer class ... in the model" (`utils/dataclasses.py`); observed on two
H100 with the class of a different model under FSDP1 and FSDP2, and with the dense model's class for a mixture of
experts (docs/research/strategies.md). A config that was copied from the example of an older model has that model's
class (`Qwen2DecoderLayer`). The compiler writes the class from the model's `model_type`, never from its name.

Instead:
Remove the native key, so that the compiler writes the class.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from qwen_recipes.guards.base import Guard, GuardContext, Violation


def check(context: GuardContext) -> Iterator[Violation]:
    """A class to wrap that is not the model's."""
    plan = context.plan
    if not plan.hardware.fsdp:
        return
    own = plan.model.layer_class
    named = _list_wrapped_classes(context.get_native_value("fsdp_config"))
    if named and named != [own]:
        yield Violation(
            context.get_native_route("fsdp_config"),
            f"FSDP wraps {', '.join(named)}, but this model's layers are {own}",
            f"remove `{context.get_native_key('fsdp_config')}`, or wrap {own}",
        )


def _list_wrapped_classes(config: object) -> list[str]:
    """Classes to wrap in a native FSDP config, in any of the spellings that are read."""
    if not isinstance(config, Mapping):
        return []
    inner = config.get("fsdp_config")
    config = {**config, **inner} if isinstance(inner, Mapping) else config
    found = config.get("transformer_layer_cls_to_wrap") or config.get("fsdp_transformer_layer_cls_to_wrap") or []
    names = found.split(",") if isinstance(found, str) else found
    return [str(name).strip() for name in names] if isinstance(names, list) else []


GUARD = Guard("QR108", "wrong-layer-wrapped", "error", "high", __doc__, check)
