"""Attention across packed examples.

What:
Examples are packed, and attention crosses between them: plain text in LLaMA-Factory, or its `packing` without
`neat_packing` under `backends.llamafactory.extra`.

Why it matters:
A pack holds several examples. Unless attention stops at the end of each, an answer is trained as the continuation of
another conversation.

Evidence:
Tested with LLaMA-Factory 0.9.5: with only `packing`, changing one row of a pack changes the logits of the next; with
`neat_packing` it does not (eager and sdpa). It cuts plain text (stage `pt`) into blocks from one long string, without
regard to rows, and `neat_packing` is for SFT. Axolotl 0.21.0 keeps rows separate under flash, flex, sdpa and eager
attention; under the last two since 0.18 (axolotl-ai-cloud/axolotl#3796; before that it only warned, #449). ms-swift
4.6.0 packs with flash attention only, and refuses others.

Instead:
Write `packing: true` in the recipe instead of the native key: it sets `packing` and `neat_packing`. For plain text
use Axolotl or ms-swift, or `packing: false`. If you want texts joined end to end, as in GPT-style pre-training, add
QR408 to `allow`.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.backends.versions import parse_version
from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation

ISOLATED_SINCE = "0.18"
"""The first Axolotl that keeps packed rows apart without flash attention."""


def check(context: GuardContext) -> Iterator[Violation]:
    """Packing without isolation, each framework in its own way."""
    return _check_axolotl(context) if context.backend.name == "axolotl" else _check_llamafactory(context)


def _check_axolotl(context: GuardContext) -> Iterator[Violation]:
    t = context.plan.training
    leaks = t.attention in ("sdpa", "eager") and parse_version(context.backend.version) < parse_version(ISOLATED_SINCE)
    if t.packing and leaks:
        yield Violation(
            context.locate_field("training.attention", "training.packing"),
            f"packed examples attend to each other under {t.attention} in Axolotl {context.backend.version}",
            "attention: flash_attention_2",
            Fix((("training.attention", "flash_attention_2"),), safe=True),
        )


def _check_llamafactory(context: GuardContext) -> Iterator[Violation]:
    plan = context.plan
    if plan.training.packing and plan.objective.type == "pretrain":
        yield Violation(
            context.locate_field("training.packing"),
            "LLaMA-Factory packs plain text end to end: each text attends to the one before it",
            "packing: false, or `run.backend: axolotl` or `ms-swift`",
            Fix((("training.packing", False),), safe=False),
        )
    packing = plan.extra.get("packing", plan.training.packing)
    apart = plan.extra.get("neat_packing", plan.training.packing)
    if plan.objective.type == "sft" and packing and not apart:
        key = "neat_packing" if "neat_packing" in plan.extra else "packing"
        yield Violation(
            ("backends", "llamafactory", "extra", key),
            "packed examples attend to each other without `neat_packing`",
            "`training.packing: true`, which sets both keys",
        )


GUARD = Guard("QR408", "packed-rows-mix", "error", "high", __doc__, check, ("axolotl", "llamafactory"))
