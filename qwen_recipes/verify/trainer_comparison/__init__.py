"""What stands at a framework's trainer, held against the plan field by field.

`leaves` is the table of all fields: where each is seen, or why it can't be; `compare` makes the checks of one
observation, which `qwen_recipes.verify.trainer` makes.
"""

from __future__ import annotations

from qwen_recipes.verify.trainer_comparison.check import CheckResult, TrainerCheck
from qwen_recipes.verify.trainer_comparison.compare import compare_trainer

__all__ = ["CheckResult", "TrainerCheck", "compare_trainer"]
