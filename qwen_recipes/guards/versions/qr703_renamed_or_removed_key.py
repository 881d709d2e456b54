"""Renamed, removed or redefined key.

What:
A native key, or a value of one, that this version of the framework no longer accepts, or accepts with a warning.

Why it matters:
Configs outlive versions. A key that was removed ends the run at the start, or is ignored.

Evidence:
The tables `key_changes.py` of each backend. Axolotl's schema was compared release by release from 0.9 to 0.21 and the
refusals read in its validators; LLaMA-Factory's keys from 0.9.1 to 0.9.5 and ms-swift's from 3.0 to 4.6 were compared
with what the parsers take. In Axolotl's own examples, those of its archive that still use FSDP1 are refused, run.

Instead:
Write what the finding names.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation
from qwen_recipes.guards.native.extra_keys import check_extra_keys


def check(context: GuardContext) -> Iterator[Violation]:
    """Keys under `extra` that are gone."""
    yield from check_extra_keys("QR703", context)


GUARD = Guard("QR703", "changed-key", "error", "high", __doc__, check)
