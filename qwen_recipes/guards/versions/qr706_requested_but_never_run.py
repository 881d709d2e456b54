"""Requested but never run.

What:
A LLaMA-Factory config without `do_train: true`, an Axolotl config that holds out validation data but never evaluates,
or a warmup that is longer than the run.

Why it matters:
The command ends without an error. LLaMA-Factory exits 0 and has trained nothing; Axolotl trains on fewer examples and
never evaluates. In a warmup without end the learning rate never reaches its peak.

Evidence:
LLaMA-Factory 0.9.5 and Axolotl 0.21.0, run: `val_set_size` alone gives no evaluation, `evals_per_epoch: 1` in one
epoch neither.

Instead:
Write `do_train: true`; in Axolotl `eval_strategy: epoch` or `eval_steps`. The compiler always writes them.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation
from qwen_recipes.guards.native.extra_keys import check_extra_keys


def check(context: GuardContext) -> Iterator[Violation]:
    """Native keys under `extra` that switch it off."""
    yield from check_extra_keys("QR706", context)


GUARD = Guard("QR706", "never-done", "error", "high", __doc__, check)
