"""The observation of a trainer: one JSON object with a section for each thing that a recipe can set.

The package's docstring lists its keys. A section that can't be observed is missing, and `problems` says why.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

from .adapters import observe_adapters
from .batches import observe_batches, observe_evaluation
from .modules import observe_modules
from .optimizer import observe_optimizer
from .reference import observe_reference
from .schedule import observe_scheduler, observe_steps
from .settings import observe_arguments, observe_callbacks, observe_trainer
from .tokens import observe_tokens
from .weights import observe_weights

Section = Callable[[Any], Any]
SECTIONS: dict[str, Section] = {
    "trainer": observe_trainer,
    "arguments": observe_arguments,
    "callbacks": observe_callbacks,
    "steps": observe_steps,
    "optimizer": observe_optimizer,
    "weights": observe_weights,
    "adapters": observe_adapters,
    "reference": observe_reference,
    "modules": observe_modules,
    "tokens": observe_tokens,
    "evaluation": observe_evaluation,
    "scheduler": observe_scheduler,
}
"""`scheduler` comes last: it moves the schedule."""


def observe(trainer: object, batches: list[object], counted: object) -> dict[str, object]:
    """All sections; `counted` is the number of items that the loss of these batches is divided by."""
    found: dict[str, Any] = {}
    problems: dict[str, str] = {}
    sections = {"batches": lambda it: observe_batches(it, batches, counted), **SECTIONS}
    for name, section in sections.items():
        try:
            found[name] = section(trainer)
        except Exception:
            problems[name] = traceback.format_exc(limit=-3)
    return {**found, "problems": problems}
