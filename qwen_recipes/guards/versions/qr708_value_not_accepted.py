"""Value that the framework does not accept.

What:
A native key, in a config or under `backends.*.extra`, with a value that is not in the framework's list, has another
type, or is out of bounds: `lr_scheduler_type: cosin`, `val_set_size: many`, `rl: dpo2`.

Why it matters:
The run fails at once, or minutes later when the framework looks the value up. LLaMA-Factory does not check values when
it reads a YAML file, and reads any text as `true`.

Evidence:
The schemas under `schemas/backends`, taken from the frameworks' own classes. Tested: `lr_scheduler_type: cosin` and
`stage: simpo` with LLaMA-Factory 0.9.5, `rl: dpo2` and `optimizer: adamw_torch_fuse` with Axolotl 0.21.0,
`attn_impl: flash_atn` with ms-swift 4.6.0 (`tests/conformance/test_refused_natively.py`).

Instead:
Write a value that the framework lists.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation
from qwen_recipes.guards.native.extra_keys import check_extra_keys


def check(context: GuardContext) -> Iterator[Violation]:
    """Values under `extra` that the backend does not accept."""
    yield from check_extra_keys("QR708", context)


GUARD = Guard("QR708", "value-not-accepted", "error", "high", __doc__, check)
