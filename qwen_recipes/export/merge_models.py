"""Merge whole models with mergekit, run as a program of an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qwen_recipes.environments.environment import MissingEnvironmentError
from qwen_recipes.environments.program_environments import get_program_environment
from qwen_recipes.estimate.host_memory import MERGEKIT_SHARD_PARAMETERS
from qwen_recipes.export.merge import MergeFailedError, MergeRoomError
from qwen_recipes.export.merge_room import find_model_merge_shortages
from qwen_recipes.export.whole_output import write_whole_output
from qwen_recipes.filesystem.read_file import read_bytes, read_json
from qwen_recipes.filesystem.replace_file import replace_file
from qwen_recipes.qwen.model_config import KEY_NAMES
from qwen_recipes.recipe.composition.merge_options import COMBINE_FIELDS, find_weight_problems
from qwen_recipes.runs.run import find_trained_weights

_SHAPE_KEYS = (
    *("model_type", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "vocab_size"),
    *("num_key_value_heads", "head_dim", "tie_word_embeddings", "num_experts", "moe_intermediate_size"),
)
_CONFIG_FILES = (
    *("tokenizer*", "*.jinja", "chat_template.json", "special_tokens_map.json", "added_tokens.json", "vocab.json"),
    *("merges.txt", "generation_config.json"),
)
_DEFAULT_DENSITY = 0.5


@dataclass(frozen=True)
class ModelMerge:
    """Models (folders) with their weights, and how they become one; `base` is what they were trained from."""

    models: tuple[tuple[Path, float], ...]
    method: str
    output: Path
    base: str | None = None
    density: float | None = None
    seed: int = 0
    dtype: str | None = None


def build_mergekit_config(job: ModelMerge) -> dict[str, object]:
    """What mergekit is told: nothing is left to its defaults. `tokenizer_source` would cut rows off the embeddings."""
    models = [{"model": str(folder.resolve()), "parameters": _list_parameters(job, w)} for folder, w in job.models]
    config: dict[str, Any] = {"merge_method": job.method, "dtype": job.dtype or _read_dtype(job.models[0][0])}
    if job.method == "slerp":
        share = job.models[1][1] / (job.models[0][1] + job.models[1][1])
        return config | {
            "models": [{"model": one["model"]} for one in models],
            "base_model": models[0]["model"],
            "parameters": {"t": share},
        }
    config["models"] = models
    if job.method in COMBINE_FIELDS["base"]:
        config["base_model"] = str(Path(job.base or "").resolve()) if Path(job.base or "").is_dir() else job.base
        ties, dare = job.method.endswith("ties"), job.method.startswith("dare")
        return config | {"parameters": {"normalize": ties, "rescale": dare, "lambda": 1.0, "int8_mask": False}}
    return config | {"parameters": {"normalize": True}}


def _list_parameters(job: ModelMerge, weight: float) -> dict[str, float]:
    density = {"density": job.density or _DEFAULT_DENSITY} if job.method in COMBINE_FIELDS["density"] else {}
    return {"weight": weight, **density}


def _read_dtype(model: Path) -> str:
    config = _read_model_config(model)
    return str(config.get("dtype") or config.get("torch_dtype") or "bfloat16")


def find_model_problems(job: ModelMerge) -> list[str]:
    """Why these models cannot be merged so; all reasons."""
    problems = []
    if len(job.models) < 2:
        problems.append("name two models or more")
    else:
        problems += find_weight_problems(job.method, [weight for _, weight in job.models])
    if job.method in COMBINE_FIELDS["base"] and not job.base:
        problems.append(f"{job.method} adds what each model learned to their common base: name it with --base")
    first = _read_shape(job.models[0][0])
    others = [folder for folder, _ in job.models[1:]]
    others += [Path(job.base)] if job.base and Path(job.base).is_dir() else []
    for folder in others:
        shape = _read_shape(folder)
        for key in (key for key in _SHAPE_KEYS if shape.get(key) != first.get(key)):
            problems.append(f"{folder} has {key} {shape.get(key)}, {job.models[0][0]} has {first.get(key)}")
    return problems


def _read_shape(model: Path) -> Mapping[str, object]:
    config = _read_model_config(model)
    names = {key: KEY_NAMES.get(key, (key,)) for key in _SHAPE_KEYS}
    return {key: next((config[name] for name in names[key] if config.get(name) is not None), None) for key in names}


def _read_model_config(model: Path) -> dict[str, object]:
    try:
        config = read_json(model / "config.json", "config")
    except (OSError, ValueError) as error:
        raise MergeFailedError(f"{model}: config.json cannot be read: {error}") from None
    if not isinstance(config, dict):
        raise MergeFailedError(f"{model}: config.json is not a map")
    return config


def find_model_folder(folder: Path) -> Path | None:
    """The whole model that a folder or a run's newest checkpoint holds; None for one without, or with an adapter."""
    if find_trained_weights(folder, adapter=True) is not None or (folder / "adapter_config.json").exists():
        return None
    found = find_trained_weights(folder, adapter=False)
    return found.parent if found is not None else None


def require_model_folder(folder: Path) -> Path:
    """As `find_model_folder`. Raises MergeFailedError for a folder without a whole model."""
    found = find_model_folder(folder)
    if found is None:
        raise MergeFailedError(f"{folder} {'has no whole model' if folder.is_dir() else 'does not exist'}")
    return found


def find_mergekit(environment: Path | None = None) -> Path:
    """The program `mergekit-yaml` of a folder's environment, or of ours. Raises MissingEnvironmentError."""
    if environment is None:
        ours = get_program_environment("mergekit")
        if not ours.ready:
            raise MissingEnvironmentError(
                f"merging whole models needs mergekit, whose environment is {ours.state}: "
                "run `recipes env create mergekit`"
            )
        return ours.bin / "mergekit-yaml"
    program = environment / "bin" / "mergekit-yaml"
    if not program.is_file():
        raise MissingEnvironmentError(f"{environment} has no bin/mergekit-yaml: run `recipes env create mergekit`")
    return program


def merge_models(job: ModelMerge, program: Path) -> dict[str, Any]:
    """Merge with `program`, the mergekit-yaml of some environment; the report has `shards` and `bytes`.

    Raises MergeFailedError, MergeRoomError, OSError; FileExistsError where the output folder is not empty.
    """
    if problems := find_model_problems(job):
        raise MergeFailedError("; ".join(problems))
    count = len(job.models) + (job.base is not None)
    dtype = job.dtype or _read_dtype(job.models[0][0])
    if shortages := list(find_model_merge_shortages(job.models[0][0], job.method, count, job.output, dtype)):
        raise MergeRoomError("; ".join(shortages))
    return write_whole_output(job.output, lambda part: _run_mergekit(job, part, program))


def _run_mergekit(job: ModelMerge, part: Path, program: Path) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "merge.yaml"
        replace_file(config, json.dumps(build_mergekit_config(job), indent=2) + "\n")
        _run_program(config, part, job.seed, program)
    first = job.models[0][0]
    _check_shape(first, part)
    _copy_configs(first, part)
    files = sorted(part.glob("model*.safetensors"))
    return {"method": job.method, "shards": len(files), "bytes": sum(file.stat().st_size for file in files)}


def _run_program(config: Path, part: Path, seed: int, program: Path) -> None:
    command = [str(program), str(config), str(part), "--copy-tokenizer", f"--random-seed={seed}"]
    command.append(f"--out-shard-size={MERGEKIT_SHARD_PARAMETERS}")
    variables = {name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", "PYTHONPATH")}
    done = subprocess.run(
        command, env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace"
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise MergeFailedError(f"mergekit failed: {lines[-1] if lines else f'exit code {done.returncode}'}")


def _check_shape(model: Path, part: Path) -> None:
    """Raise MergeFailedError where the merged model has another shape than the models."""
    shape, expected = _read_shape(part), _read_shape(model)
    for key in (key for key in _SHAPE_KEYS if shape.get(key) != expected.get(key)):
        raise MergeFailedError(f"mergekit changed {key} from {expected.get(key)} to {shape.get(key)}")


def _copy_configs(model: Path, part: Path) -> None:
    """Give the merged model the config, tokenizer, chat template and generation config of a model.

    mergekit takes them from the base, which may not know where a turn ends.
    """
    dtype = _read_model_config(part).get("dtype") or _read_model_config(part).get("torch_dtype")
    for file in (file for pattern in _CONFIG_FILES for file in part.glob(pattern)):
        file.unlink()
    for file in (file for pattern in _CONFIG_FILES for file in model.glob(pattern) if file.is_file()):
        replace_file(part / file.name, read_bytes(file, "tokenizer"))
    config = {key: value for key, value in _read_model_config(model).items() if key not in ("dtype", "torch_dtype")}
    replace_file(part / "config.json", json.dumps({**config, "dtype": dtype}, indent=2) + "\n")
