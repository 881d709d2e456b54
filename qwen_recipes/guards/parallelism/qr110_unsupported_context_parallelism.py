"""Context parallelism without split attention.

What:
`hardware.context_parallel` is above 1, and the backend cannot split this attention over GPUs: an implementation that
it does not support, more GPUs than key-value heads, preferences under DeepSpeed, or a package that is not installed.

Why it matters:
Each GPU holds a part of the sequence. If attention is not split as well, a token sees only its own GPU's part: the
loss looks normal, but the long context is not learned. The other cases fail after the model is loaded.

Evidence:
The source of each framework. ms-swift 4.6.0 (`sequence_parallel.py`) only patches `flash_attention_2` and `sdpa`; if
the number of key and value heads (8 in dense Qwen3, 4 in the mixtures) is not divisible by the number of GPUs, it
switches to ring attention, which needs `padding_free` and refuses `sdpa`. Axolotl 0.21.0 refuses `eager`, refuses
preferences under DeepSpeed, and without DeepSpeed needs `axolotl-ringmaster`, which the managed environment does not
have. LLaMA-Factory 0.9.5 has no context parallelism.

Instead:
Write `attention: flash_attention_2`, and use a number of GPUs per sequence that divides the key-value heads. With
Axolotl: SFT under ZeRO-2 or ZeRO-3, or `run.environment: current` with `axolotl[ringmaster]` installed.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation


def check(context: GuardContext) -> Iterator[Violation]:
    """Sequences that are split, and attention that is not."""
    if context.plan.hardware.context_parallel > 1:
        if context.backend.name == "ms-swift":
            yield from _check_ms_swift(context)
        elif context.backend.name == "axolotl":
            yield from _check_axolotl(context)


def _check_ms_swift(context: GuardContext) -> Iterator[Violation]:
    training, size = context.plan.training, context.plan.hardware.context_parallel
    if training.attention not in ("flash_attention_2", "sdpa"):
        yield _make_attention_violation(
            f"ms-swift does not split `{training.attention}`: each GPU attends only to its own part of the sequence"
        )
    elif context.model.kv_heads % size and not (training.packing and training.attention == "flash_attention_2"):
        most = gcd(context.model.kv_heads, size)
        yield Violation(
            ("hardware", "context_parallel"),
            f"{size} GPUs do not divide {context.model.kv_heads} key and value heads",
            f"context_parallel: {most}",
            Fix((("hardware.context_parallel", most),), safe=False),
        )


def _check_axolotl(context: GuardContext) -> Iterator[Violation]:
    plan = context.plan
    if plan.training.attention == "eager":
        yield _make_attention_violation("Axolotl refuses to split `eager` attention")
    if plan.hardware.deepspeed and not plan.objective.next_token:
        message = "under DeepSpeed, Axolotl splits sequences for SFT only"
        yield Violation(("hardware", "context_parallel"), message, "strategy: fsdp, or no `context_parallel`")
    elif not plan.hardware.deepspeed and plan.run.environment == "managed":
        message = (
            "context parallelism in Axolotl needs `axolotl-ringmaster`, which the managed environment does not have"
        )
        yield Violation(("hardware", "context_parallel"), message, "strategy: zero2 (or zero3 for all weights)")


def _make_attention_violation(message: str) -> Violation:
    fix = Fix((("training.attention", "flash_attention_2"),), safe=False)
    return Violation(("training", "attention"), message, "attention: flash_attention_2", fix)


GUARD = Guard("QR110", "context-not-split", "error", "high", __doc__, check)
