"""Unmaintained framework.

What:
The recipe is compiled for a framework that is no longer developed: torchtune, at its last git revision.

Why it matters:
No release of torchtune has Qwen3, and the revision that has it receives no fixes: neither for new versions of PyTorch
nor for errors in training. The compiled files follow the signatures of that revision; training was not tested.

Evidence:
Active development ended in July 2025 (meta-pytorch/torchtune#2883); the last commit, `bd2a0fc7c` of April 2026, says in
its README that the project is no longer maintained. Its newest release, 0.6.1, only has Qwen2 and Qwen2.5. Revisions
between 2025-05-20 and 2025-07-07 train Qwen3 incorrectly: they apply RoPE before the norms of queries and keys
(meta-pytorch/torchtune#2822).

Instead:
Use another framework for new work. To keep this one, add QR704 to `allow` with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation


def check(context: GuardContext) -> Iterator[Violation]:
    """A backend that says that it is no longer maintained."""
    if context.backend.unmaintained:
        yield Violation(
            context.locate_field("run.backend"),
            f"{context.backend.title} {context.backend.unmaintained}",
            "use another framework for new work, or add QR704 to `allow` with the reason",
        )


GUARD = Guard("QR704", "unmaintained", "warning", "high", __doc__, check)
