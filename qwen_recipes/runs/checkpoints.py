"""Checkpoints of a run: which are whole, and why another is not.

A trainer writes a checkpoint in place, its state last, so that a kill or a full disk leaves half of one under a name
that looks like the rest. What is looked at here costs milliseconds: sizes and directories of files, not their content.
"""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

from qwen_recipes.filesystem.read_file import read_json
from qwen_recipes.filesystem.safetensors_header import LENGTH_BYTES, read_safetensors_header

_CHECKPOINT_NAME = re.compile(r"checkpoint-([0-9]{1,18})")
_WEIGHT_PATTERNS = ("model*.safetensors", "adapter_model.safetensors")
_OPTIMIZER_PATTERNS = ("optimizer.pt", "optimizer.bin", "optimizer_*", "global_step*/*optim_states.pt")
"""One process; FSDP whole; FSDP in shards; DeepSpeed."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint by its optimizer step; `damage` says what is wrong with it, None where it is whole."""

    folder: Path
    step: int
    damage: str | None = None


def list_checkpoints(output: Path) -> list[Checkpoint]:
    """Every `checkpoint-STEP` in an output folder, by step."""
    found = [
        (step, folder) for folder in output.glob("checkpoint-*") if (step := parse_checkpoint_step(folder)) is not None
    ]
    return [Checkpoint(folder, step, find_damage(folder, step)) for step, folder in sorted(found)]


def find_last_intact(output: Path) -> tuple[Checkpoint | None, list[Checkpoint]]:
    """The last complete checkpoint, and the damaged ones after it."""
    every = list_checkpoints(output)
    good = max((one for one in every if one.damage is None), key=lambda one: one.step, default=None)
    return good, [one for one in every if one.damage and (good is None or one.step > good.step)]


def find_damage(folder: Path, step: int) -> str | None:
    """Why training cannot resume from a checkpoint; None if it can."""
    return _check_trainer_state(folder, step) or _check_weights(folder) or _check_optimizer_state(folder)


def parse_checkpoint_step(folder: Path) -> int | None:
    """The step in the name `checkpoint-STEP`; None for any other name."""
    found = _CHECKPOINT_NAME.fullmatch(folder.name)
    return int(found[1]) if found else None


def _check_trainer_state(folder: Path, step: int) -> str | None:
    """`trainer_state.json` is written last."""
    try:
        state = read_json(folder / "trainer_state.json", "record")
    except FileNotFoundError:
        return "incomplete: trainer_state.json is missing"
    except (OSError, ValueError):
        return "trainer_state.json is unreadable"
    if not isinstance(state, dict) or state.get("global_step") != step:
        return f"trainer_state.json is for a step other than {step}"
    return None


def _check_weights(folder: Path) -> str | None:
    files = sorted(path for pattern in _WEIGHT_PATTERNS for path in folder.glob(pattern))
    index = folder / "model.safetensors.index.json"
    try:
        named = set(read_json(index, "record")["weight_map"].values()) if index.exists() else set()
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return f"{index.name} is unreadable"
    if missing := sorted(named - {path.name for path in files}):
        return f"{missing[0]} is missing"
    if not files and not any(folder.glob("global_step*")) and not any(folder.glob("pytorch_model_fsdp*")):
        return "the weights are missing"
    return next((f"{path.name} is {how}" for path in files if (how := find_safetensors_damage(path))), None)


def find_safetensors_damage(path: Path) -> str | None:
    """How a safetensors file is not whole: its header says where its last byte is. None where it is whole."""
    try:
        size = path.stat().st_size
        header, start = read_safetensors_header(path)
        if not isinstance(header, dict):
            return "truncated" if size < LENGTH_BYTES else "not a safetensors file"
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
        whole = start + max(ends, default=0)
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return "unreadable"
    return None if size == whole else f"truncated ({size} of {whole} bytes)"


def _check_optimizer_state(folder: Path) -> str | None:
    files = [path for pattern in _OPTIMIZER_PATTERNS for path in folder.glob(pattern)]
    if not files:
        return "the optimizer state is missing"
    scheduler = folder / "scheduler.pt"
    if not scheduler.exists() and not any(folder.glob("global_step*")):
        return "scheduler.pt is missing"
    pickled = [path for path in [*files, scheduler, *folder.glob("rng_state*.pth")] if path.is_file()]
    return next((f"{path.name} is truncated" for path in pickled if not _is_complete_zip(path)), None)


def _is_complete_zip(path: Path) -> bool:
    """Whether a file of `torch.save` has its directory, which stands at its end, and room for what that names."""
    try:
        with zipfile.ZipFile(path) as file:
            return bool(file.infolist())
    except (OSError, zipfile.BadZipFile):
        return False
