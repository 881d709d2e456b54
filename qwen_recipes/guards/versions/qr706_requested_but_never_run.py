"""Requested but never run.

What:
A LLaMA-Factory config without `do_train: true`, an Axolotl config that holds out validation data but never evaluates,
or a warmup that is longer than the run.

Why it matters:
The command ends without an error. LLaMA-Factory exits with code 0 without training; Axolotl trains on fewer examples
and never evaluates. With a warmup longer than the run, the learning rate never reaches its peak.

Evidence:
Tested with LLaMA-Factory 0.9.5 and Axolotl 0.21.0: with only `val_set_size` there is no evaluation, nor with
`evals_per_epoch: 1` in a run of one epoch.

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
