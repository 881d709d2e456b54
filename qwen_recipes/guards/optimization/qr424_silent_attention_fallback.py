"""Attention silently replaced by the framework.

What:
`training.attention: flash_attention_2` in LLaMA-Factory, if its environment is not known to have flash-attn; or
FlashAttention 2 or 3 in Axolotl with flash-attn-4 installed, on Hopper and data-center Blackwell.

Why it matters:
LLaMA-Factory prints one warning among others and computes with sdpa. Packed examples stay separate, but by a mask of
every token against every other, which is several times slower than FlashAttention; and the recipe was compiled for one
pack at a time, which sdpa does not need. Axolotl computes with FlashAttention 4 and only logs a line about it, so a
measurement of FlashAttention 2 is really one of a different kernel.

Evidence:
The source of LLaMA-Factory 0.9.5 (`model/model_utils/attention.py`), and a test on one H200: "FlashAttention-2 is not
installed.", then sdpa. In hiyouga/LlamaFactory#3171 and #7979 it was only noticed by reading the log. The source of
Axolotl 0.21.0 (`loaders/model.py`): "Flash Attention 4 enabled (upgraded from flash_attention_2)". ms-swift 4.6.0 and
TRL 1.16.0 stop with transformers' ImportError. `recipes run` stops before the framework starts if the package is
missing.

Instead:
`recipes env create llamafactory --device cuda --with flash-attn`, then `recipes lock`, which records that the
environment has it; or `attention: sdpa`. In Axolotl write `attention: flash_attention_4`.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.backends.flash_attention import (
    find_flash_use,
    format_create_command,
    list_fitting_attentions,
)
from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation

UPGRADED = ("flash_attention_2", "flash_attention_3")
NEWEST = "flash_attention_4"


def check(context: GuardContext) -> Iterator[Violation]:
    """An attention that the framework replaces without stopping."""
    plan, attention = context.plan, context.plan.training.attention
    use = find_flash_use(context.backend, attention)
    if use is None or plan.hardware.device != "cuda":
        return
    present = context.loaded.list_packages(context.backend.name)
    if use.falls_back_to and not set(use.packages) & set(present):
        command = format_create_command(context.backend.name, "cuda", use.packages)
        instead = f"attention: {use.falls_back_to}"
        yield Violation(
            context.locate_field("training.attention", "training.packing"),
            f"{context.backend.title} computes with {use.falls_back_to}, silently, where {use.packages[0]} is not "
            "installed",
            f"`{command}` and `recipes lock`, or `{instead}`",
            Fix((("training.attention", use.falls_back_to),), safe=False),
        )
    upgrades = context.backend.name == "axolotl" and attention in UPGRADED and plan.hardware.context_parallel == 1
    if upgrades and "flash-attn-4" in present and NEWEST in list_fitting_attentions(context.backend, context.gpu):
        yield Violation(
            context.locate_field("training.attention", "training.packing"),
            f"Axolotl computes with FlashAttention 4, which its environment has, instead of {attention}",
            f"attention: {NEWEST}",
            Fix((("training.attention", NEWEST),), safe=False),
        )


GUARD = Guard("QR424", "silent-attention-fallback", "advice", "high", __doc__, check, ("axolotl", "llamafactory"))
