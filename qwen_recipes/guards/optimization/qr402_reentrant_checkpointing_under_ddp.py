"""Reentrant checkpointing with an adapter under DDP.

What:
A native key sets `use_reentrant: true` for an adapter that is trained on several GPUs without sharding (DDP).

Why it matters:
Reentrant gradient checkpointing needs inputs with gradients, which the frozen embedding under an adapter does not
give. It also runs the backward pass in pieces, so that DDP sees a parameter become ready twice. The run fails with
"element 0 of tensors does not require grad" or "Expected to mark a variable ready only once".

Evidence:
The source of Axolotl, ms-swift and LLaMA-Factory: they turn on input gradients for an adapter themselves
(`enable_input_require_grads` in Axolotl 0.21.0 and ms-swift 4.6.0, a custom checkpoint function in LLaMA-Factory
0.9.5), so a recipe has no field for it. The compiler writes `use_reentrant: false` except under ZeRO-3, which needs
the other mode (QR101). The source of transformers 5.20: for a model wrapped by PEFT, DDP looks for unused parameters,
and that search is what fails. LLaMA-Factory turns the search off for adapters and is not checked.
axolotl-ai-cloud/axolotl#1481 is a report of the first message.
To reproduce: `research/evidence/reentrant_checkpointing.py`.

Instead:
Remove the key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from qwen_recipes.guards.base import Guard, GuardContext, Violation


def check(context: GuardContext) -> Iterator[Violation]:
    """The reentrant mode, asked for natively, under an adapter and DDP."""
    plan, told = context.plan, context.get_native_value("checkpointing_options")
    reentrant = isinstance(told, Mapping) and told.get("use_reentrant") is True
    if reentrant and plan.training.gradient_checkpointing and plan.method.adapter and plan.hardware.strategy == "ddp":
        yield Violation(
            context.get_native_route("checkpointing_options"),
            "reentrant checkpointing of an adapter fails under DDP",
            "remove `gradient_checkpointing_kwargs`",
        )


GUARD = Guard("QR402", "reentrant-under-ddp", "error", "medium", __doc__, check, ("axolotl", "ms-swift"))
