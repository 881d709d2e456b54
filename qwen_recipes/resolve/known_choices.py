"""Choices for speed that this process has made before, for runs that differ in nothing that speed depends on."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace

from qwen_recipes.backends.plan import Plan
from qwen_recipes.qwen.facts import ModelFacts
from qwen_recipes.recipe.load import LoadedRecipe
from qwen_recipes.resolve.open_settings import Choice, OpenSettings

MOST = 512
"""Choices that are kept."""
_IRRELEVANT_FIELDS = ("name", "output", "tracking", "data", "allow", "backends")
"""Fields that change neither speed nor memory."""
_known: dict[Hashable, FoundChoice] = {}


@dataclass(frozen=True)
class FoundChoice:
    """The best choice and the reasons by the plan's values; where nothing is certain to fit, why."""

    choice: Choice | None
    reasons: Mapping[str, str] = field(default_factory=dict)
    why_none: str = ""


def make_key(loaded: LoadedRecipe, plan: Plan, opened: OpenSettings, facts: ModelFacts) -> Hashable:
    """All that a search looks at: the cautious plan without names, files, rates and seeds, which change no speed."""
    training = replace(plan.training, learning_rate=0.0, seed=0, data_seed=0)
    data = (plan.data.validates, plan.data.validation_share, plan.data.streaming)
    measured = (loaded.lengths, loaded.packages)
    parts = (plan.chat, plan.objective, plan.method, plan.quantization, training, plan.hardware, plan.run)
    written = frozenset(field for field in plan.set_fields if not field.startswith(_IRRELEVANT_FIELDS))
    return (plan.backend, plan.backend_version, facts, opened, data, measured, written, *parts)


def recall_choice(key: Hashable, find: Callable[[], FoundChoice]) -> FoundChoice:
    """What was found under this key, or what `find` finds now."""
    try:
        known = _known.get(key)
    except TypeError:  # a reward has options, which are a map
        return find()
    if known is None:
        if len(_known) >= MOST:
            _known.clear()
        known = _known[key] = find()
    return known


def forget_choices() -> None:
    """For tests that change what an estimate says."""
    _known.clear()
