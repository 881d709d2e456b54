"""Adapter to continue not found.

What:
`method.start_from` names a folder that does not exist, and no recipe beside this one, and no earlier stage, writes it.

Why it matters:
An adapter keeps the rank, alpha, dropout and targets that it was saved with, whatever the recipe says. They are
compared with the recipe if the folder can be read. As it cannot, a difference is found only when training starts, or
not at all.

Evidence:
Seen at the trainers of Axolotl 0.21.0 (SFT), LLaMA-Factory 0.9.5 and ms-swift 4.6.0 (SFT and DPO): `rank: 4, alpha: 4`
with an adapter of rank 8 and alpha 16 trains at rank 8 and scale 2, and no message says so.

Instead:
Check the path. If an earlier run writes the folder, compile again after that run.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation
from qwen_recipes.qwen.adapter_folder import find_adapter, may_be_adapter_id
from qwen_recipes.qwen.earlier_run import find_earlier_run


def check(context: GuardContext) -> Iterator[Violation]:
    """A folder that could not be looked into."""
    start, revision = context.plan.method.start_from, context.plan.method.start_from_revision
    folder = context.loaded.folder
    if start and find_adapter(start, folder, revision) is None and find_earlier_run(folder / start, folder) is None:
        on_hub = may_be_adapter_id(start)
        where = "is neither here nor in the local Hugging Face cache" if on_hub else "does not exist"
        download = "; `recipes lock` downloads the settings of one on the hub" if on_hub else ""
        yield Violation(
            ("method", "start_from"),
            f"{start} {where}: the adapter's settings are not compared with the recipe",
            f"check the path, or compile again when the adapter is there{download}",
        )


GUARD = Guard("QR215", "adapter-not-found", "advice", "high", __doc__, check)
