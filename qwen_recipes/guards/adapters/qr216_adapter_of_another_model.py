"""Adapter of another base model.

What:
`method.start_from` holds an adapter whose base model is not the recipe's `model`.

Why it matters:
An adapter is a difference from the weights that it was trained on. On other weights of the same shape it loads
silently and adds noise; on weights of another shape loading fails.

Evidence:
The source of PEFT: it writes the name of the base into adapter_config.json, and does not compare it with the model
when it loads an adapter.

Instead:
Name the model that the adapter was trained on. If your model is a copy of it under another name, add QR216 to `allow`
with that reason.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from qwen_recipes.guards.base import Guard, GuardContext, Violation
from qwen_recipes.qwen.adapter_folder import AdapterFolderError, AdapterPlace, find_adapter, read_adapter_facts


def check(context: GuardContext) -> Iterator[Violation]:
    """Two names that can't be of the same model."""
    method, model = context.plan.method, context.plan.model.id
    start = method.start_from
    adapter = find_adapter(start, context.loaded.folder, method.start_from_revision) if start else None
    base = _read_base(adapter) if adapter else None
    if base and not is_same_model(base, model, context.loaded.folder):
        yield Violation(
            ("method", "start_from"),
            f"the adapter in {start} was trained on {base}, but the recipe's model is {model}",
            f"model: {base}",
        )


def _read_base(adapter: AdapterPlace) -> str | None:
    try:
        return read_adapter_facts(adapter.folder, needs_weights=not adapter.cached).base
    except AdapterFolderError:
        return None


def is_same_model(base: str, model: str, folder: Path) -> bool:
    """Whether two names may mean one model: the same folder, or the same name at the end of a path or hub id."""
    if os.path.realpath(folder / base) == os.path.realpath(folder / model):
        return True
    return _get_last_name(base) == _get_last_name(model)


def _get_last_name(name: str) -> str:
    """`Qwen3-4B` of a hub id, of a folder, and of a folder in the hub's or ModelScope's cache."""
    parts = [part for part in name.replace("\\", "/").split("/") if part]
    if "snapshots" in parts and parts.index("snapshots") > 0:
        parts = parts[: parts.index("snapshots")]
    return parts[-1].rpartition("--")[2].replace("___", ".").lower() if parts else ""


GUARD = Guard("QR216", "adapter-of-another-model", "error", "high", __doc__, check)
