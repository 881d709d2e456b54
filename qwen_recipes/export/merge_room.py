"""Whether there is room for a merge: the host memory and the disk that it needs, against what is free."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.estimate.host_memory import estimate_merge_memory, estimate_model_merge_memory
from qwen_recipes.filesystem.read_file import read_json
from qwen_recipes.qwen.facts import ModelFacts
from qwen_recipes.qwen.models import get_model_facts
from qwen_recipes.runs.host_memory import read_available_memory
from qwen_recipes.sizes import format_bytes

_DTYPE_BYTES: Mapping[str | None, float] = {"float32": 4.0, "bfloat16": 2.0, None: 2.0}
_TABLES = {"lm_head", "embed_tokens"}


def find_merge_shortages(adapters: Sequence[Path], base: str, output: Path, dtype: str | None) -> Iterator[str]:
    """What a merge into a model has too little of, with both numbers; nothing where the model's sizes are unknown."""
    facts = _find_facts(base)
    if facts is not None:
        yield from _compare_with_free(
            estimate_adapters_merge(adapters, facts, dtype), facts.parameters * _DTYPE_BYTES[dtype], output
        )


def find_model_merge_shortages(model: Path, method: str, count: int, output: Path, dtype: str) -> Iterator[str]:
    """As `find_merge_shortages`, for `count` whole models such as `model`, their base included."""
    facts = _find_facts(str(model))
    if facts is not None:
        size = _DTYPE_BYTES.get(dtype, 2.0)
        needed = estimate_model_merge_memory(facts, method, count, dtype_bytes=size)
        yield from _compare_with_free(needed, facts.parameters * size, output)


def _find_facts(model: str) -> ModelFacts | None:
    try:
        return get_model_facts(model)
    except QwenRecipesError:
        return None


def _compare_with_free(needed: float, size: float, output: Path) -> Iterator[str]:
    """What is too little of host memory (`needed` bytes) and of disk (`size`)."""
    memory = read_available_memory()
    if memory is not None and memory < needed:
        yield f"the merge needs about {format_bytes(needed)} of host memory; {format_bytes(memory)} are available"
    free = shutil.disk_usage(next(folder for folder in output.absolute().parents if folder.is_dir())).free
    if free < size:
        yield f"the merged model takes {format_bytes(size)} of disk; {format_bytes(free)} are free in {output.parent}"


def estimate_adapters_merge(adapters: Sequence[Path], facts: ModelFacts, dtype: str | None) -> float:
    """Bytes of host memory that a merge of these adapters' folders takes."""
    sizes = [file.stat().st_size for folder in adapters for file in folder.glob("adapter_model.safetensors")]
    return estimate_merge_memory(
        facts,
        sum(sizes),
        embeddings=any(_changes_tables(folder) for folder in adapters),
        combined=len(adapters) > 1,
        dtype_bytes=_DTYPE_BYTES[dtype],
    )


def _changes_tables(adapter: Path) -> bool:
    """Whether an adapter has factors on embeddings or head."""
    try:
        targets = read_json(adapter / "adapter_config.json", "config").get("target_modules")
    except (OSError, ValueError, AttributeError):
        return False
    return isinstance(targets, list) and not _TABLES.isdisjoint(map(str, targets))
