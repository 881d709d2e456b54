"""The root of the exceptions that this package raises, and what their messages share."""

from collections.abc import Sequence


class QwenRecipesError(Exception):
    """Something that a person can mend: its message says what is wrong."""


def join_alternatives(names: Sequence[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))
