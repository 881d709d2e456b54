"""Numbers in what a framework prints and logs. Rows of data can reach its output: nothing here trusts a line."""

from __future__ import annotations

import re
from collections.abc import Mapping

MAX_STEP = 10**9
_MAX_DIGITS = 40
_PRINTED_METRICS = re.compile(r"\{'(?:loss|eval_loss)': [^{}]*\}")
_PRINTED_NUMBER = re.compile(r"'(loss|eval_loss|learning_rate)': (?:'([^',{}]{1,40})'|([^',{} ]{1,40}))")
_LOGGED_NAMES = ("loss", "eval_loss", "grad_norm", "reward", "reward_std", "frac_reward_zero_std")
_LOGGED_VALUE = re.compile(
    r"""["']([\w./-]{1,60})["']: ?["']?([+-]?(?:\d[\d.eE+-]{0,39}|[Nn]a[Nn]|[Ii]nf(?:inity)?))\b"""
)
_STEP_LINE = re.compile(r"^Step \d{1,9} \| loss:(\S{1,40})")
_PROGRESS_BAR = re.compile(rb"^\s*(?:Train:\s*)?\d{1,3}%\|[^|]*\|\s*(\d{1,9})/(\d{1,9}) \[")


def parse_number(value: object) -> float | None:
    """A number, or one in quotes; None for anything else. It may be infinite or not a number (NaN)."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(value, str) and len(value) > _MAX_DIGITS:
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def parse_step(value: object) -> int | None:
    """An optimizer step, or its digits; None for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < len(str(MAX_STEP)):
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MAX_STEP else None


def find_printed_metrics(text: str) -> list[dict[str, float]]:
    """The dicts that transformers' Trainer prints, by what they say of losses and rate; nothing is evaluated."""
    found = []
    for printed in _PRINTED_METRICS.findall(text):
        pairs = ((name, parse_number(quoted or bare)) for name, quoted, bare in _PRINTED_NUMBER.findall(printed))
        found.append({name: value for name, value in pairs if value is not None})
    return [entry for entry in found if entry]


def read_logged_values(line: str) -> dict[str, float]:
    """The numbers that a line logs beside a loss or reward, by name; torchtune's lines too. Empty for other lines."""
    if step := _STEP_LINE.match(line):
        return {"loss": value} if (value := parse_number(step[1])) is not None else {}
    if "{" not in line:
        return {}
    pairs = ((name, parse_number(value)) for name, value in _LOGGED_VALUE.findall(line))
    found = {name: value for name, value in pairs if value is not None}
    return found if any(name in found for name in _LOGGED_NAMES) else {}


def find_progress_bar(line: bytes) -> tuple[int, int] | None:
    """Step and number of steps of a progress bar without a name, or ms-swift's; None where the line is none."""
    found = _PROGRESS_BAR.match(line)
    if not found or int(found[1]) > int(found[2]):
        return None
    return int(found[1]), int(found[2])


def read_step(entry: Mapping[str, object]) -> int | None:
    """The step of a logged line: LLaMA-Factory's `current_steps`, ms-swift's `3/10`."""
    step = parse_step(entry.get("current_steps"))
    return step if step is not None else parse_step(_split_steps(entry)[0])


def read_planned_steps(entry: Mapping[str, object]) -> int | None:
    """The number of steps that a logged line names."""
    total = parse_step(entry.get("total_steps"))
    return total if total is not None else parse_step(_split_steps(entry)[1])


def _split_steps(entry: Mapping[str, object]) -> tuple[str, str]:
    done, _, planned = str(entry.get("global_step/max_steps", ""))[:_MAX_DIGITS].partition("/")
    return done, planned
