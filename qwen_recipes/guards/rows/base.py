"""What a guard is that judges rows: `recipes data check` runs them, linting a recipe never does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qwen_recipes.finding import Severity
from qwen_recipes.guards.base import Guard, GuardContext, Violation

if TYPE_CHECKING:
    from qwen_recipes.data.parsed_row import ParsedRow


@dataclass(frozen=True)
class RowViolation:
    """A row that breaks a rule: what is wrong, and the text that is."""

    message: str
    text: str = ""


RowCheck = Callable[["ParsedRow"], Iterator[RowViolation]]


@dataclass(frozen=True)
class RowGuard(Guard):
    """A rule about rows. Of a recipe it says nothing."""

    check_row: RowCheck | None = None
    """Judges one row; None where the rule is about a file or about rows together."""

    @property
    def suggestion(self) -> str:
        """What to do, in the first paragraph of its page."""
        return " ".join(self.get_section("Instead").split("\n\n")[0].split())


def make_row_guard(
    code: str, name: str, severity: Severity, docstring: str | None, check_row: RowCheck | None = None
) -> RowGuard:
    """A guard of the data, sure of what it says."""
    return RowGuard(
        code, name, severity, "high", docstring or "", _check_nothing, checked_by="data check", check_row=check_row
    )


def _check_nothing(context: GuardContext) -> Iterator[Violation]:
    """Nothing: rows are not among what linting may look at."""
    return iter(())
