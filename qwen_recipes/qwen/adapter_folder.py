"""The facts of an adapter in a folder, read from the files that PEFT wrote there."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.filesystem.home_folder import expand_home
from qwen_recipes.filesystem.read_file import read_json
from qwen_recipes.qwen.hub_cache import find_snapshot, is_repo_id

CONFIG_FILE = "adapter_config.json"
WEIGHT_FILES = ("adapter_model.safetensors", "adapter_model.bin")
_MAX_RANK, _MAX_ALPHA = 65_536, 1_000_000
"""Of what is taken for an adapter's; recipes allow less."""
_HEADS = ("score", "classifier")
"""Modules that a reward model's adapter saves by itself."""
_LAYER_PATTERN = re.compile(
    r"model\\\.layers\\\.\((?P<layers>[0-9]{1,6}(?:\|[0-9]{1,6})*)\).*\((?P<names>\w+(?:\|\w+)*)\)"
)
"""A pattern over module names as it is compiled here where only some layers get an adapter."""


class AdapterFolderError(QwenRecipesError, ValueError):
    """A folder without a LoRA adapter that can be read; what to do stands after the message's semicolon."""


@dataclass(frozen=True)
class AdapterFacts:
    """A saved LoRA adapter. `targets` is empty where it is a pattern that is not read here."""

    rank: int
    alpha: float
    dropout: float
    targets: tuple[str, ...]
    rslora: bool
    variant: str
    layers: tuple[int, ...]
    """The decoder layers that it is on; empty for all."""
    modules_to_save: tuple[str, ...]
    base: str | None
    """The model it was trained on, as PEFT wrote it: a hub id or a folder."""


@dataclass(frozen=True)
class AdapterPlace:
    """Where the files of an adapter are on this machine. In the hub's cache its weights may not be there yet."""

    folder: Path
    cached: bool


def find_adapter(start_from: str, base: Path, revision: str | None = None) -> AdapterPlace | None:
    """The files of the adapter that `method.start_from` names: a folder relative to `base`, else a cached hub id at
    this revision.
    """
    place = base / expand_home(start_from)
    if place.exists():
        return AdapterPlace(place, cached=False)
    found = find_snapshot(start_from, revision) if may_be_adapter_id(start_from) else None
    return AdapterPlace(found.folder, cached=True) if found else None


def may_be_adapter_id(start_from: str) -> bool:
    """Whether `method.start_from` could name a repository on the hub, if no folder is there."""
    return "/" in start_from and is_repo_id(start_from)


def read_adapter_facts(folder: Path, *, needs_weights: bool = True) -> AdapterFacts:
    """The facts of the adapter in `folder`. A key that PEFT leaves out has the value PEFT gives it.

    Raises:
        AdapterFolderError: no config or weights, not LoRA, unreadable, or a value of a wrong type.
    """
    config = _read_config(folder)
    if str(config.get("peft_type", "LORA")).upper() != "LORA":
        kind = str(config["peft_type"])[:60]
        raise AdapterFolderError(f"{folder} holds a {kind} adapter; only LoRA adapters can be continued")
    if needs_weights and not any((folder / name).is_file() for name in WEIGHT_FILES):
        raise AdapterFolderError(f"{folder} has no {WEIGHT_FILES[0]}; use the folder that the adapter was saved in")
    targets, layers = _read_targets(folder, config)
    return AdapterFacts(
        rank=_read_number(folder, config, "r", int, 8, (1, _MAX_RANK)),
        alpha=_read_number(folder, config, "lora_alpha", (int, float), 8, (0, _MAX_ALPHA)),
        dropout=float(_read_number(folder, config, "lora_dropout", (int, float), 0.0, (0, 1))),
        targets=targets,
        rslora=_read(folder, config, "use_rslora", bool, False),
        variant=_read_variant(folder, config),
        layers=layers,
        modules_to_save=tuple(
            name for name in _read_names(folder, config, "modules_to_save") if name.rpartition(".")[2] not in _HEADS
        ),
        base=_read_base(folder, config),
    )


def _read_config(folder: Path) -> dict[str, object]:
    file = folder / CONFIG_FILE
    if not file.is_file():
        raise AdapterFolderError(f"{folder} has no {CONFIG_FILE}; {_suggest_folder(folder)}")
    try:
        config = read_json(file, "config")
    except OSError as error:
        raise AdapterFolderError(f"{file} can't be read: {error.strerror}") from None
    except ValueError:
        config = None
    if not isinstance(config, dict):
        raise AdapterFolderError(f"{file} is not a JSON object; use the file that the adapter was saved with")
    return config


def _suggest_folder(folder: Path) -> str:
    """A folder just below that holds an adapter, or what such a folder is."""
    below = sorted(folder.glob(f"*/{CONFIG_FILE}"), key=lambda file: (len(file.parent.name), file.parent.name))
    return f"start_from: {below[-1].parent}" if below else "use the folder that the adapter was saved in"


def _read(folder: Path, config: Mapping[str, Any], key: str, kind: Any, default: Any) -> Any:
    value = config.get(key)
    if value is None:
        return default
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise AdapterFolderError(f"{folder / CONFIG_FILE}: invalid value for `{key}`: {json.dumps(value)[:60]}")
    return value


def _read_number(
    folder: Path, config: Mapping[str, object], key: str, kind: object, default: float, within: tuple[int, int]
) -> Any:
    """A number of this kind, between two others: JSON's have no end, and NaN is one to Python."""
    value = _read(folder, config, key, kind, default)
    if not within[0] <= value <= within[1]:
        said = f"{json.dumps(value)[:60]}, not between {within[0]} and {within[1]}"
        raise AdapterFolderError(f"{folder / CONFIG_FILE}: invalid value for `{key}`: {said}")
    return value


def _read_base(folder: Path, config: Mapping[str, object]) -> str | None:
    base = _read(folder, config, "base_model_name_or_path", str, "")
    if "\0" in base or base != base.encode("utf-8", "replace").decode():
        raise AdapterFolderError(f"{folder / CONFIG_FILE}: invalid value for `base_model_name_or_path`: not a name")
    return base or None


def _read_names(folder: Path, config: Mapping[str, object], key: str) -> tuple[str, ...]:
    names = _read(folder, config, key, list, [])
    if not all(isinstance(name, str) for name in names):
        raise AdapterFolderError(f"{folder / CONFIG_FILE}: `{key}` is not a list of names")
    return tuple(names)


def _read_targets(folder: Path, config: Mapping[str, object]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Names of the adapted modules, and the layers they are in where not all are."""
    asked = config.get("target_modules")
    layers = config.get("layers_to_transform")
    numbers = [layers] if isinstance(layers, int) else _read(folder, config, "layers_to_transform", list, [])
    if not all(isinstance(number, int) for number in numbers):
        raise AdapterFolderError(f"{folder / CONFIG_FILE}: `layers_to_transform` is not a list of numbers")
    if isinstance(asked, str):
        found = _LAYER_PATTERN.fullmatch(asked)
        if found is None:
            return (), tuple(sorted(numbers))
        return tuple(found["names"].split("|")), tuple(sorted(map(int, found["layers"].split("|"))))
    names = {name.rpartition(".")[2] for name in _read_names(folder, config, "target_modules")}
    return tuple(sorted(names)), tuple(sorted(numbers))


def _read_variant(folder: Path, config: Mapping[str, object]) -> str:
    if _read(folder, config, "use_dora", bool, False):
        return "dora"
    return "pissa" if str(config.get("init_lora_weights")).startswith("pissa") else "plain"
