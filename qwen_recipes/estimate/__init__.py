"""What a run costs before it starts: memory, time, disk, and what to change where it does not fit."""

from qwen_recipes.estimate.cost import Estimate, Rows, estimate
from qwen_recipes.estimate.offers import Offer, offers

__all__ = ["Estimate", "Offer", "Rows", "estimate", "offers"]
