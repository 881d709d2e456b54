"""Unknown key.

What:
A native key, in a config or under `backends.*.extra`, that nothing in this version of the framework reads.

Why it matters:
Axolotl drops it silently and trains as if the line were not there. LLaMA-Factory and ms-swift stop with an error that
names the key but not the line. ms-swift also accepts the beginning of a key's name.

Evidence:
The schemas under `schemas/backends`, taken from the frameworks' own classes, with the keys that plugins and other
commands read (`schemas/native`). Dozens of Axolotl's own examples contain such keys: `tests/wild/verdicts.json`.
To reproduce: `research/evidence/dropped_keys.py`.

Instead:
Correct the spelling, list the plugin that reads it, or remove the line.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation
from qwen_recipes.guards.native.extra_keys import check_extra_keys


def check(context: GuardContext) -> Iterator[Violation]:
    """Keys under `extra` that the backend does not read."""
    yield from check_extra_keys("QR702", context)


GUARD = Guard("QR702", "unknown-key", "error", "high", __doc__, check)
