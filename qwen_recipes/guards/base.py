"""What a guard is: one rule, one module, whose docstring is its page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from qwen_recipes.backends.base import Backend
from qwen_recipes.backends.plan import Plan
from qwen_recipes.recipe.finding import Route, Severity
from qwen_recipes.recipe.load import Loaded

HEADINGS = ("What", "Why it matters", "Evidence", "Instead")


@dataclass(frozen=True)
class Facts:
    """What a guard may look at. Rows and weights are not among it: linting a file stays instant."""

    plan: Plan
    loaded: Loaded
    backend: Backend

    def asked(self, path: str) -> bool:
        """Whether the person wrote this field of the recipe."""
        return path in self.plan.asked


@dataclass(frozen=True)
class Fix:
    """Values that would make the guard content, by dotted path. `safe` keeps what the person means."""

    sets: tuple[tuple[str, object], ...]
    safe: bool


@dataclass(frozen=True)
class Hit:
    """One place where the rule is broken."""

    route: Route
    message: str
    instead: str
    fix: Fix | None = None


@dataclass(frozen=True)
class Guard:
    """One rule. `docstring` is its module's: a title, then the parts named in HEADINGS."""

    code: str
    name: str
    severity: Severity
    confidence: Literal["high", "medium", "low"]
    docstring: str
    check: Callable[[Facts], Iterator[Hit]]
    backends: tuple[str, ...] = ()
    """Names of the backends it is about; none means all."""

    @property
    def title(self) -> str:
        """The first line of its page."""
        return self.docstring.strip().splitlines()[0].rstrip(".")

    def part(self, heading: str) -> str:
        """The text under one of the page's headings, without the heading. Empty where there is none."""
        ends = "|".join(re.escape(h) for h in HEADINGS)
        found = re.search(rf"^{re.escape(heading)}:\n(.*?)(?=^(?:{ends}):\n|\Z)", self.docstring, re.M | re.S)
        return found.group(1).strip() if found else ""
