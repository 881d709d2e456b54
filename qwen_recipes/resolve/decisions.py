"""Choose a value and remember why."""

from __future__ import annotations

from typing import TypeVar

from qwen_recipes.backends.plan import Origin, Reason
from qwen_recipes.finding import Finding, Route
from qwen_recipes.resolve.origins import SET_IN_RECIPE

Value = TypeVar("Value")


class PlanDecisions:
    """The reasons for a plan's values, and the problems met while choosing them."""

    def __init__(self) -> None:
        self.reasons: dict[str, Reason] = {}
        self.problems: list[Finding] = []

    def choose_value(
        self,
        path: str,
        requested: Value | None,
        default: Value,
        reason: str,
        origin: Origin = "default",
        field: str = "",
    ) -> Value:
        """What was asked, else the default with its reason. `field` is the recipe's path where it differs."""
        if requested is not None:
            self.reasons[path] = Reason("recipe", SET_IN_RECIPE, (field or path,))
            return requested
        self.reasons[path] = Reason(origin, reason)
        return default

    def derive_value(self, path: str, value: Value, reason: str, *fields: str, origin: Origin = "recipe") -> Value:
        """A value that follows from others; reading it counts as reading `fields`."""
        self.reasons[path] = Reason(origin, reason, fields)
        return value

    def report_problem(self, route: Route, message: str, instead: str = "", why: str = "") -> None:
        """Note a problem; all of them are raised together."""
        self.problems.append(Finding("recipe", "error", message, route, why=why, suggestion=instead))
