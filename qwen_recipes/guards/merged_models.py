"""Whole models of a pipeline's merges that have different shapes: they cannot become one model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.finding import Finding
from qwen_recipes.qwen.facts import ModelFacts
from qwen_recipes.qwen.models import ModelName, get_model_facts
from qwen_recipes.recipe.composition.stage_documents import MergeInput
from qwen_recipes.recipe.locate import locate_finding
from qwen_recipes.recipe.pipeline import Pipeline, PipelineStage

_SHAPE = {
    "model_type": "model_type", "layers": "num_hidden_layers", "hidden_size": "hidden_size",
    "intermediate_size": "intermediate_size", "heads": "num_attention_heads", "kv_heads": "num_key_value_heads",
    "head_dim": "head_dim", "vocab_size": "vocab_size", "experts": "num_experts",
    "moe_intermediate_size": "moe_intermediate_size", "tied_embeddings": "tie_word_embeddings",
}  # fmt: skip
"""What must be the same, by its name in config.json."""


def find_unequal_models(pipeline: Pipeline) -> list[Finding]:
    """An error for each model whose shape is not that of the first model of its merge; unknown models are left out."""
    merges = [stage for stage in pipeline.stages if stage.merge is not None and stage.merge.models is not None]
    return [locate_finding(pipeline.document, found) for stage in merges for found in _compare_models(stage, pipeline)]


def _compare_models(stage: PipelineStage, pipeline: Pipeline) -> Iterator[Finding]:
    first, *others = stage.inputs
    wanted = _find_facts(first, pipeline.folder)
    for one in [*others, *([stage.base] if stage.base else [])]:
        facts = _find_facts(one, pipeline.folder)
        if facts is None or wanted is None:
            continue
        different = [name for name in _SHAPE if getattr(facts, name) != getattr(wanted, name)]
        if different:
            values = ", ".join(
                f"{_SHAPE[name]} {getattr(facts, name)} and not {getattr(wanted, name)}" for name in different[:2]
            )
            message = f"{one.folder} cannot be merged with {first.folder}: {values}"
            yield Finding("recipe", "error", message, one.route, suggestion="merge models of one size")


def _find_facts(one: MergeInput, folder: Path) -> ModelFacts | None:
    name, like = one.model
    try:
        return get_model_facts(ModelName(name, like=like or None), folder)
    except QwenRecipesError:
        return None
