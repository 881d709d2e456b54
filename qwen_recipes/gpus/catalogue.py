"""The GPUs of catalogue.csv, found by any name that nvidia-smi, clouds and people give them."""

from __future__ import annotations

import csv
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, cast

from qwen_recipes.errors import QwenRecipesError, join_alternatives
from qwen_recipes.gpus.gpu_model import GpuModel, state_gpu
from qwen_recipes.gpus.gpu_names import GpuName, is_wrong_memory, parse_gpu_name, parse_memory, split_several
from qwen_recipes.gpus.mig import MigError, cut_slice

_FILE = Path(__file__).with_name("catalogue.csv")
_AMPERE = 8.0
STATE_IT = (
    "for a GPU that is not listed, give its memory: `gpu: {memory: 48 GiB, bf16: true}`, or `--gpu 48GiB` "
    "(`--gpu 16GiB,bf16=false` for one without bf16)"
)
_BF16_BY_TEXT = {"": True, "bf16=true": True, "bf16=false": False}
NO_GPU = "to train without a GPU, leave `gpu` out and write `hardware: {device: cpu}`"
_NAMES_OF_NO_GPU = frozenset(["cpu", "none", "no", "null"])
_SOLD_TOLERANCE, _REPORTED_TOLERANCE = 0.08, 0.15
"""Differences from the catalogue's memory: of a name's (94 GB and 96), and of what a driver reports."""


class UnknownGpuError(QwenRecipesError, LookupError):
    """No GPU of that name is in the catalogue; the message suggests names."""


@cache
def load_gpus() -> dict[str, GpuModel]:
    """Every GPU by its name, in the file's order."""
    with _FILE.open(encoding="utf-8", newline="") as file:
        return {row["name"]: _read_row(row) for row in csv.DictReader(file)}


def get_gpu_model(name: str, memory: float | None = None) -> GpuModel:
    """The GPU that this name means; of those sold with several sizes the one nearest to `memory` (GiB), else the
    first of the file. Raises UnknownGpuError, naming what is near.
    """
    name_parts = parse_gpu_name(name)
    found = _find_models(name_parts)
    if name_parts.mig:
        return _cut_first_slice(found, name_parts, name)
    if not found:
        raise UnknownGpuError(_explain_unknown(name, name_parts))
    if memory is not None:
        return min(found, key=lambda gpu: abs(gpu.memory - memory))
    return found[0]


def parse_gpu(text: str) -> GpuModel:
    """The GPU of a command line: a name, or its memory (`48GiB`, `16GiB,bf16=false`). Raises UnknownGpuError."""
    size, _, stated = (part.strip() for part in text.partition(","))
    if size.isdecimal():
        raise UnknownGpuError(f"give the memory with its unit, e.g. {size}GiB")
    memory = parse_memory(size)
    if not memory:
        return get_gpu_model(text)
    if stated.lower() not in _BF16_BY_TEXT:
        raise UnknownGpuError(f"after the memory, write `bf16=false` or `bf16=true`, e.g. `{memory}GiB,bf16=false`")
    return state_gpu(memory, bf16=_BF16_BY_TEXT[stated.lower()])


def list_other_sizes(name: str) -> list[str]:
    """Names of the GPUs that `name` may mean beside the one that it is taken for."""
    name_parts = parse_gpu_name(name)
    return [] if name_parts.mig else [gpu.name for gpu in _find_models(name_parts)[1:]]


def identify_gpu(name: str, memory: float) -> GpuModel | None:
    """The GPU of a driver's name, such as `NVIDIA H100 80GB HBM3`, with so much memory in GiB; None where unknown."""
    try:
        gpu = get_gpu_model(name, memory)
    except UnknownGpuError:
        return None
    return gpu if parse_gpu_name(name).mig or abs(gpu.memory / memory - 1) < _REPORTED_TOLERANCE else None


def _read_row(row: dict[str, str]) -> GpuModel:
    capability = float(row["capability"]) if row["capability"] else None
    return GpuModel(
        name=row["name"],
        memory=int(row["memory"]),
        capability=capability,
        bandwidth=float(row["bandwidth"]),
        bf16_tflops=float(row["bf16_tflops"]),
        supports_bf16=capability is None or capability >= _AMPERE,
        maker=cast("Any", row["maker"]),
        mig_slices=int(row["mig_slices"] or 0),
        host=cast("Any", row["host"]),
        other_names=tuple(filter(None, row["other_names"].split("|"))),
        source=row["source"],
    )


@cache
def _index_names() -> dict[str, list[GpuModel]]:
    index: dict[str, list[GpuModel]] = {}
    for gpu in load_gpus().values():
        names = [parse_gpu_name(text) for text in (gpu.name, *gpu.other_names)]
        for key in dict.fromkeys(key for name in names for key in (name.whole, name.key)):
            index.setdefault(key, []).append(gpu)
    return index


def _find_models(name_parts: GpuName) -> list[GpuModel]:
    index = _index_names()
    for key in (name_parts.whole, name_parts.key, name_parts.key_without_form):
        for spelled in (key, f"rtx{key}"):
            found = index.get(spelled, [])
            if key != name_parts.whole and name_parts.memory is not None:
                found = [gpu for gpu in found if abs(gpu.memory / name_parts.memory - 1) < _SOLD_TOLERANCE]
            if found:
                return found
    return []


def _cut_first_slice(gpus: list[GpuModel], name_parts: GpuName, name: str) -> GpuModel:
    problems = []
    for gpu in gpus:
        try:
            return cut_slice(gpu, name_parts.mig)
        except MigError as error:
            problems.append(str(error))
    raise UnknownGpuError("; ".join(problems) or _suggest_names(name_parts))


def _explain_unknown(name: str, name_parts: GpuName) -> str:
    """What to write for a name that is none of a GPU: several of one, one with another memory, or a slip."""
    if name_parts.whole in _NAMES_OF_NO_GPU:
        return NO_GPU
    several = split_several(name)
    if several and (found := _find_models(parse_gpu_name(several[0]))):
        return f"name one GPU and state their number apart: `gpu: {found[0].name}` and `gpus: {several[1]}`"
    if memory := parse_memory(name):
        return f"write a GPU's memory as `gpu: {{memory: {memory} GiB}}`"
    if is_wrong_memory(name):
        return "a GPU's memory is a whole number of GiB above 0: `--gpu 48GiB`, or `gpu: {memory: 48 GiB, bf16: true}`"
    if name_parts.memory and (found := _find_models(replace(name_parts, whole=name_parts.key, memory=None))):
        sizes = join_alternatives([f"{gpu.memory:g} GiB" for gpu in found])
        stated = f"gpu: {{name: {found[0].name}, memory: {name_parts.memory} GiB}}"
        return f"{found[0].name} is sold with {sizes}; for a modified one write `{stated}` in the recipe"
    return _suggest_names(name_parts)


def _suggest_names(name_parts: GpuName) -> str:
    import difflib

    index = _index_names()
    keys = name_parts.key, f"rtx{name_parts.key}"
    near = [key for spelled in keys for key in difflib.get_close_matches(spelled, index, n=4, cutoff=0.65)]
    names = list(dict.fromkeys(gpu.name for key in near for gpu in index[key]))[:4]
    return f"did you mean {join_alternatives(names)}? {STATE_IT[0].upper()}{STATE_IT[1:]}" if names else STATE_IT
