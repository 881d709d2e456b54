"""Adapter to continue not found.

What:
`method.start_from` names a folder that does not exist and that neither an earlier stage nor a recipe in the same
folder writes.

Why it matters:
An adapter keeps the rank, alpha, dropout and targets that it was saved with, whatever the recipe says. If the folder
can be read, they are compared with the recipe. Without it, a difference is found only when training starts, or not at
all.

Evidence:
Observed at the trainers of Axolotl 0.21.0 (SFT), LLaMA-Factory 0.9.5 and ms-swift 4.6.0 (SFT and DPO): `rank: 4,
alpha: 4` with an adapter of rank 8 and alpha 16 trains at rank 8 and scale 2, without any message.

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
        where = "does not exist, and is not in the local Hugging Face cache" if on_hub else "does not exist"
        download = "; `recipes lock` downloads the settings of one on the hub" if on_hub else ""
        yield Violation(
            ("method", "start_from"),
            f"{start} {where}: the adapter's settings are not compared with the recipe",
            f"check the path, or compile again when the adapter is there{download}",
        )


GUARD = Guard("QR215", "adapter-not-found", "advice", "high", __doc__, check)
