"""What a comparison is made of: a case, what is looked at in it, and what comes of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

from qwen_recipes.backends import load_backend
from qwen_recipes.backends.plan import Plan
from qwen_recipes.backends.verification import Verification
from qwen_recipes.data.rows.sources import MissingSourceError
from qwen_recipes.verify.trainer_comparison.expected_preferences import ExpectedPreferences, expect_preferences
from qwen_recipes.verify.trainer_comparison.expected_rows import ExpectedRows, expect_rows

CheckResult = Literal["ok", "differs", "not seen"]
RELATIVE_TOLERANCE = 1e-6
Expected = TypeVar("Expected", ExpectedRows, ExpectedPreferences)


@dataclass(frozen=True)
class TrainerCheck:
    """One field of the plan at one trainer.

    `reason` tells where the value was seen, or why it was not.
    """

    field: str
    planned: Any
    seen: Any
    result: CheckResult
    reason: str


class MissingSectionError(LookupError):
    """The observation lacks a section; the message says why, where the observation does."""


@dataclass(frozen=True)
class Case:
    """A plan and what was observed of its trainer; `folder` is the recipe's, which paths are relative to."""

    plan: Plan
    observation: Mapping[str, Any]
    folder: Path = Path()

    def section(self, name: str) -> Any:
        """A section of the observation. Raises MissingSectionError."""
        if name in self.observation:
            return self.observation[name]
        problem = str(self.observation.get("problems", {}).get(name, "")).strip().splitlines()
        raise MissingSectionError(f"the observation has no `{name}`" + (f": {problem[-1]}" if problem else ""))

    @property
    def verification(self) -> Verification:
        """What is known of the framework's trainers."""
        return load_backend(self.plan.backend).verification

    def explain_unseen(self, field: str) -> str | None:
        """Why the framework's trainer does not show a field of the plan; None where it does."""
        explain = self.verification.unseen.get(field)
        return explain(self.plan) if explain else None

    @property
    def arguments(self) -> Mapping[str, Any]:
        """The training arguments by name."""
        found: Mapping[str, Any] = self.section("arguments")
        return found

    @property
    def settings(self) -> Mapping[str, object]:
        """Plain attributes of the trainer itself."""
        found: Mapping[str, Any] = self.section("trainer")["settings"]
        return found

    @cached_property
    def rows(self) -> ExpectedRows | NotSeen:
        """The training rows as our own encoder makes them."""
        return self._expect_rows(validation=False)

    @cached_property
    def validation_rows(self) -> ExpectedRows | NotSeen:
        """The rows to validate on, where the recipe names files of their own."""
        return self._expect_rows(validation=True)

    @cached_property
    def preferences(self) -> ExpectedPreferences | NotSeen:
        """The pairs or labelled answers to train on as our own encoder makes them."""
        return self._expect(lambda: expect_preferences(self.plan, self.folder, validation=False))

    @cached_property
    def validation_preferences(self) -> ExpectedPreferences | NotSeen:
        """Those to validate on, where the recipe names files of their own."""
        return self._expect(lambda: expect_preferences(self.plan, self.folder, validation=True))

    def _expect_rows(self, validation: bool) -> ExpectedRows | NotSeen:
        return self._expect(lambda: expect_rows(self.plan, self.folder, validation))

    @staticmethod
    def _expect(read: Callable[[], Expected]) -> Expected | NotSeen:
        try:
            return read()
        except (OSError, ValueError, LookupError, ImportError, MissingSourceError) as error:
            return NotSeen(f"our own encoder can't read the rows: {error}")


@dataclass(frozen=True)
class Seen:
    """A planned value beside the one at the trainer."""

    planned: Any
    seen: Any
    reason: str = ""


@dataclass(frozen=True)
class NotSeen:
    """Why a value can't be seen at this trainer."""

    reason: str


Look = Callable[[Case], Seen | NotSeen]


@dataclass(frozen=True)
class SeenLeaf:
    """A leaf of the plan that stands at the trainer. `where` names the place for a person."""

    where: str
    look: Look


@dataclass(frozen=True)
class UnseenLeaf:
    """A leaf that no trainer on a CPU shows; `shown_by` names the test that does."""

    reason: str
    shown_by: str


Leaf = SeenLeaf | UnseenLeaf


def values_equal(planned: object, seen: object) -> bool:
    """Whether two values are the same; numbers up to a relative 1e-6, lists and maps item by item."""
    if isinstance(planned, bool) or isinstance(seen, bool):
        return planned is seen
    if isinstance(planned, int | float) and isinstance(seen, int | float):
        return math.isclose(planned, seen, rel_tol=RELATIVE_TOLERANCE)
    if isinstance(planned, Mapping) and isinstance(seen, Mapping):
        return planned.keys() == seen.keys() and all(values_equal(planned[key], seen[key]) for key in planned)
    if isinstance(planned, list | tuple) and isinstance(seen, list | tuple):
        return len(planned) == len(seen) and all(map(values_equal, planned, seen))
    return bool(planned == seen)


def find_argument(case: Case, *names: str) -> Any:
    """The first of these training arguments that is set, else None."""
    return next((case.arguments[name] for name in names if case.arguments.get(name) is not None), None)


def look_at_argument(read: Callable[[Plan], Any], *names: str) -> Look:
    """A look at a training argument, under the first of its names that is set."""

    def look(case: Case) -> Seen | NotSeen:
        return Seen(read(case.plan), find_argument(case, *names))

    return look
