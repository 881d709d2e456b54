"""Ambiguous YAML.

What:
A key given twice; `1e-5` without a dot in a map that is passed on unchanged; `yes`, `no`, `on` or `off` where text is
meant; a number in quotes for LLaMA-Factory; an empty value for ms-swift.

Why it matters:
PyYAML takes the last of two equal keys; other readers refuse the file. YAML 1.1 reads `1e-5` as text and `off` as
false. LLaMA-Factory converts nothing, so `use_dora: "false"` turns DoRA on. ms-swift turns an empty value into the
text "None".

Evidence:
Tested with PyYAML 6.0.3, OmegaConf, and the parsers of Axolotl 0.21.0, LLaMA-Factory 0.9.5 and ms-swift 4.6.0: with
`system: null` ms-swift trains with the system prompt "None".
To reproduce: `research/evidence/ms_swift_null_value.py` and
`research/evidence/pyyaml_values.py`.

Instead:
Write `1.0e-5`, put quotes around words that are text, remove quotes around numbers, and remove keys without a value.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation
from qwen_recipes.guards.native.extra_keys import check_extra_keys


def check(context: GuardContext) -> Iterator[Violation]:
    """Values under `extra` that the backend reads as something else."""
    yield from check_extra_keys("QR705", context)


GUARD = Guard("QR705", "read-differently", "error", "high", __doc__, check)
