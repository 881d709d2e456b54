"""Renamed, removed or redefined key.

What:
A native key, or a value of one, that this version of the framework no longer accepts, or accepts with a warning.

Why it matters:
Keys change between versions. With a key that was removed, the run fails at the start, or the key is ignored.

Evidence:
The tables in `key_changes.py` of each backend. Axolotl's schema was compared release by release from 0.9 to 0.21, and
the errors are those of its validators; LLaMA-Factory's keys from 0.9.1 to 0.9.5 and ms-swift's from 3.0 to 4.6 were
compared with what the parsers accept. Tested: Axolotl refuses those of its own archived examples that still use FSDP1.

Instead:
Write the key or value that the finding suggests.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation
from qwen_recipes.guards.native.extra_keys import check_extra_keys


def check(context: GuardContext) -> Iterator[Violation]:
    """Keys under `extra` that are gone."""
    yield from check_extra_keys("QR703", context)


GUARD = Guard("QR703", "changed-key", "error", "high", __doc__, check)
