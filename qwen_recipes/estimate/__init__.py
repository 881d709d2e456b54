"""What a run costs before it starts: memory, time, disk, and what to change where it does not fit."""

from qwen_recipes.estimate.estimate import Estimate, TrainingRows, estimate_plan
from qwen_recipes.estimate.fit_suggestions import FitSuggestion, list_gpus_that_fit, suggest_fitting_changes

__all__ = [
    "Estimate",
    "FitSuggestion",
    "TrainingRows",
    "estimate_plan",
    "list_gpus_that_fit",
    "suggest_fitting_changes",
]
