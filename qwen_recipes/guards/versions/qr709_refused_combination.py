"""Combination that the framework refuses.

What:
Keys that exclude or need each other, in a config of Axolotl or LLaMA-Factory: `warmup_steps` beside `warmup_ratio`, an
evaluation without rows, 4 bits without an adapter, streaming without `max_steps`, a plugin that does not exist, or
`--key value` behind the file that `llamafactory-cli train` is given.

Why it matters:
The framework's own check stops the run, with an error that names no line.

Evidence:
Tested: every combination of `tests/conformance/test_refused_natively.py` is refused by the parsers of Axolotl 0.21.0
and LLaMA-Factory 0.9.5, and is accepted once the suggestion is followed.

Instead:
Keep one of the keys, or add the one that is missing, as the finding says.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation
from qwen_recipes.guards.native.extra_keys import check_extra_keys


def check(context: GuardContext) -> Iterator[Violation]:
    """Keys under `extra` that the backend refuses together."""
    yield from check_extra_keys("QR709", context)


GUARD = Guard("QR709", "refused-combination", "error", "high", __doc__, check, ("axolotl", "llamafactory"))
