"""What the numbers that a trainer logs say of a run: losses that are not numbers, rewards without differences."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from qwen_recipes.runs.logged_numbers import read_logged_values

_LN_2 = math.log(2)
_CUT_OFF_SHARE = 0.99
_MIN_CONSTANT_LOSSES = 5
_DIVERGED_FACTOR, _DIVERGED_RISE = 2.0, 2.0


@dataclass(frozen=True)
class LoggedLine:
    """A line with logged numbers: its text, its place among the lines, and the numbers by name."""

    text: str
    place: int
    values: dict[str, float]


def read_logged_lines(lines: Sequence[str]) -> list[LoggedLine]:
    """The lines that log a loss, a reward or a gradient norm."""
    found = (LoggedLine(line, place, read_logged_values(line)) for place, line in enumerate(lines))
    return [line for line in found if line.values]


def _find_not_a_number(logged: Sequence[LoggedLine]) -> LoggedLine | None:
    """The first line whose training loss is not finite, or whose gradient norm is not a number."""
    return next((line for line in logged if _has_invalid_loss(line) or _is_nan(line, "grad_norm")), None)


def _has_invalid_loss(line: LoggedLine) -> bool:
    return not math.isfinite(line.values.get("loss", 0.0))


def _is_nan(line: LoggedLine, name: str) -> bool:
    return math.isnan(line.values.get(name, 0.0))


def _find_evaluation_not_a_number(logged: Sequence[LoggedLine]) -> LoggedLine | None:
    if _find_not_a_number(logged):
        return None
    return next((line for line in logged if _is_nan(line, "eval_loss")), None)


def _find_zero_loss(logged: Sequence[LoggedLine]) -> LoggedLine | None:
    """The first of the zeros in which the losses end, where rewards do not explain them: two, or every loss."""
    losses = [line for line in logged if "loss" in line.values]
    zeros = _take_last(losses, lambda line: line.values["loss"] == 0.0)
    if not zeros or (len(zeros) < 2 and len(zeros) < len(losses)):
        return None
    return None if any(_is_of_rewards(line) for line in zeros) else zeros[0]


def _is_of_rewards(line: LoggedLine) -> bool:
    return any(name.startswith("reward") for name in line.values)


def _find_equal_rewards(logged: Sequence[LoggedLine]) -> LoggedLine | None:
    """The first line with rewards, where no line has rewards that differ."""
    of_rewards = [line for line in logged if _read_reward_spread(line) is not None]
    return of_rewards[0] if of_rewards and all(_read_reward_spread(line) == 0.0 for line in of_rewards) else None


def _read_reward_spread(line: LoggedLine) -> float | None:
    if line.values.get("frac_reward_zero_std") == 1.0:
        return 0.0
    return line.values.get("reward_std")


def _find_answers_cut_off(logged: Sequence[LoggedLine]) -> LoggedLine | None:
    shares = [(line, line.values["completions/clipped_ratio"]) for line in logged if _names_clipped_ratio(line)]
    return shares[0][0] if shares and all(share >= _CUT_OFF_SHARE for _, share in shares) else None


def _names_clipped_ratio(line: LoggedLine) -> bool:
    return "completions/clipped_ratio" in line.values


def _find_constant_preference_loss(logged: Sequence[LoggedLine]) -> LoggedLine | None:
    losses = [line for line in logged if "loss" in line.values]
    constant = all(abs(line.values["loss"] - _LN_2) < 5e-4 for line in losses)
    return losses[0] if len(losses) >= _MIN_CONSTANT_LOSSES and constant else None


def _find_diverged_loss(logged: Sequence[LoggedLine]) -> LoggedLine | None:
    """The last loss, where the last two are at least twice the first and 2 above it."""
    losses = [line for line in logged if "loss" in line.values and not _is_of_rewards(line)]
    if len(losses) < 3 or _find_not_a_number(losses):
        return None
    first = losses[0].values["loss"]
    bound = max(first * _DIVERGED_FACTOR, first + _DIVERGED_RISE)
    return losses[-1] if all(line.values["loss"] > bound for line in losses[-2:]) else None


def _take_last(lines: list[LoggedLine], holds: Callable[[LoggedLine], bool]) -> list[LoggedLine]:
    """The lines at the end for which it holds."""
    start = len(lines)
    while start and holds(lines[start - 1]):
        start -= 1
    return lines[start:]


METRIC_SIGNS: dict[str, Callable[[Sequence[LoggedLine]], LoggedLine | None]] = {
    "not_a_number": _find_not_a_number,
    "evaluation_not_a_number": _find_evaluation_not_a_number,
    "loss_zero": _find_zero_loss,
    "rewards_equal": _find_equal_rewards,
    "answers_cut_off": _find_answers_cut_off,
    "preference_loss_constant": _find_constant_preference_loss,
    "loss_diverged": _find_diverged_loss,
}
"""The checks of known_causes/ by name: each returns the line that shows it, or None."""
