"""Values in another unit than the field's: percent for a share, steps for a share, a share for steps."""

from __future__ import annotations

import re

from qwen_recipes.finding import Route

_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,9})?) ?%")
_NUMBER = re.compile(r"\d{1,9}(?:\.\d{1,9})?")
_STEPS_INSTEAD_OF_SHARE = {"training.warmup_ratio": "warmup_steps"}
_SHARE_INSTEAD_OF_STEPS = {"training.warmup_steps": "warmup_ratio"}
_TIMES_AN_EPOCH = {"training.evaluate_every": "evaluations_per_epoch", "training.save_every": "saves_per_epoch"}
_ROWS = {"data.validation"}
"""Fields that take a share of the rows, where people write a number of them."""


def suggest_other_unit(route: Route, raw: str, is_share: bool) -> str | None:
    """What to write for a value in another unit than its field's, or None. `is_share`: the field takes 0 to 1."""
    name = ".".join(str(step) for step in route)
    field = str(route[-1]) if route else ""
    percent = _PERCENT.fullmatch(raw)
    if percent and is_share and float(percent[1]) < 100:
        return f"write it as a share: `{field}: {float(percent[1]) / 100:g}`"
    number = float(percent[1]) / 100 if percent else float(raw) if _NUMBER.fullmatch(raw) else None
    if number is None:
        return None
    if name in _TIMES_AN_EPOCH and 0 < number < 1:
        return f"write a number of steps, or how often an epoch: e.g. `{_TIMES_AN_EPOCH[name]}: 2`"
    if name in _SHARE_INSTEAD_OF_STEPS and 0 < number < 1:
        return f"for a share of all steps write `{_SHARE_INSTEAD_OF_STEPS[name]}: {number:g}`"
    if name in _STEPS_INSTEAD_OF_SHARE and number >= 2 and number.is_integer():
        return f"for a number of steps write `{_STEPS_INSTEAD_OF_SHARE[name]}: {number:g}`"
    if name in _ROWS and number >= 2:
        return f"write a share of the rows, e.g. `{field}: 0.05`, or a file of validation rows"
    return None
