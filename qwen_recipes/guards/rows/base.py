"""What a guard is that judges rows: `recipes data check` runs them, linting a recipe never does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qwen_recipes.guards.base import Facts, Guard, Hit
from qwen_recipes.recipe.finding import Severity

if TYPE_CHECKING:
    from qwen_recipes.data.facts import RowFacts


@dataclass(frozen=True)
class RowHit:
    """A row that breaks a rule: what is wrong, and the text that is."""

    message: str
    text: str = ""


RowCheck = Callable[["RowFacts"], Iterator[RowHit]]


@dataclass(frozen=True)
class RowGuard(Guard):
    """A rule about rows. Of a recipe it says nothing."""

    row: RowCheck | None = None
    """Judges one row; None where the rule is about a file or about rows together."""

    @property
    def instead(self) -> str:
        """What to do, in the first paragraph of its page."""
        return " ".join(self.part("Instead").split("\n\n")[0].split())


def row_guard(code: str, name: str, severity: Severity, docstring: str | None, row: RowCheck | None = None) -> RowGuard:
    """A guard of the data, sure of what it says."""
    return RowGuard(code, name, severity, "high", docstring or "", _silent, comes_with="data check", row=row)


def _silent(facts: Facts) -> Iterator[Hit]:
    """Nothing: rows are not among what linting may look at."""
    return iter(())
