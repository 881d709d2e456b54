"""The config of torchtune's single-device recipes, from a checkout: signatures are read, nothing is imported.

    python -m schemas.extractors.torchtune CHECKOUT > schemas/backends/torchtune-VERSION.schema.json

Top-level keys are those that the recipes read; a section's keys are the arguments of the builders it may name.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from pathlib import Path
from typing import Any

from .schema_document import frame_schema

VERSION = "0.7.0+bd2a0fc7c"
RECIPES = ("recipes/lora_finetune_single_device.py", "recipes/full_finetune_single_device.py")
BUILDERS = {
    "model": {
        "torchtune.models.qwen3._component_builders.qwen3": "torchtune/models/qwen3/_component_builders.py",
        "torchtune.models.qwen3._component_builders.lora_qwen3": "torchtune/models/qwen3/_component_builders.py",
    },
    "tokenizer": {"torchtune.models.qwen3.qwen3_tokenizer": "torchtune/models/qwen3/_model_builders.py"},
    "checkpointer": {"torchtune.training.FullModelHFCheckpointer": "torchtune/training/checkpointing/_checkpointer.py"},
    "lr_scheduler": {
        "torchtune.training.lr_schedulers.get_cosine_schedule_with_warmup": "torchtune/training/lr_schedulers.py"
    },
    "loss": {"torchtune.modules.loss.LinearCrossEntropyLoss": "torchtune/modules/loss/cross_entropy_loss.py"},
    "metric_logger": {
        f"torchtune.training.metric_logging.{name}": "torchtune/training/metric_logging.py"
        for name in ("DiskLogger", "WandBLogger", "TensorBoardLogger")
    },
}
REFERENCE = r"^\$\{\w+\}$"
"""Another key of the config, in whose place OmegaConf puts its value."""
ELSEWHERE = {
    "optimizer": {
        "_component_": {"const": "torch.optim.AdamW"},
        **{key: {"type": "number"} for key in ("lr", "eps", "weight_decay")},
        "betas": {"type": "array"},
        "fused": {"type": "boolean"},
    },
    "dataset": {
        "_component_": {"const": "labelled_rows.LabelledRows"},
        "source": {"type": "string"},
        **{
            key: {"type": ["integer", "string"], "pattern": REFERENCE} for key in ("seed", "steps", "examples_per_step")
        },
    },
}
"""Of PyTorch, and the dataset that is copied beside the config."""
GIVEN = ("self", "optimizer", "num_training_steps", "last_epoch")
"""Arguments that a recipe passes itself."""
TYPES = {"int": "integer", "float": "number", "bool": "boolean", "str": "string"}


def build_schema(checkout: Path) -> dict[str, Any]:
    """The schema of a checkout's recipes."""
    keys = sorted(set().union(*(find_keys((checkout / name).read_text("utf-8")) for name in RECIPES)))
    properties: dict[str, Any] = {key: {} for key in [*keys, "warmup_steps"]}
    for section, builders in BUILDERS.items():
        made = [describe_builder(name, (checkout / file).read_text("utf-8")) for name, file in builders.items()]
        properties[section] = made[0] if len(made) == 1 else {"oneOf": made}
    for section, arguments in ELSEWHERE.items():
        properties[section] = {"type": "object", "additionalProperties": False, "properties": arguments}
    return frame_schema("torchtune", VERSION, "torchtune.py", properties, required=["model", "checkpointer"])


def find_keys(source: str) -> set[str]:
    """Top-level keys that a recipe reads."""
    read = re.findall(r"\bcfg\.(\w+)\b(?!\()|\bcfg\.get\(\s*\"(\w+)\"", source)
    return {key for pair in read for key in pair if key}


def describe_builder(path: str, source: str) -> dict[str, Any]:
    """A section that names one builder: its arguments, and those that it must have."""
    function = find_function(ast.parse(source), path.rpartition(".")[2])
    plain = [*function.args.posonlyargs, *function.args.args]
    optional = {arg.arg for arg in plain[len(plain) - len(function.args.defaults) :]}
    optional |= {a.arg for a, d in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True) if d}
    arguments = [arg for arg in [*plain, *function.args.kwonlyargs] if arg.arg not in GIVEN]
    return {
        "type": "object",
        "additionalProperties": function.args.kwarg is not None and "logging" in path,
        "required": ["_component_", *(arg.arg for arg in arguments if arg.arg not in optional)],
        "properties": {"_component_": {"const": path}, **{a.arg: describe_argument(a) for a in arguments}},
    }


def find_function(tree: ast.Module, name: str) -> ast.FunctionDef:
    """The function of that name, or the `__init__` of the class."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return node
        if isinstance(node, ast.ClassDef) and node.name == name:
            return next(n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__")
    raise LookupError(name)


def describe_argument(argument: ast.arg) -> dict[str, Any]:
    """The JSON type of an annotation; nothing where it is none of the plain ones."""
    said = ast.unparse(argument.annotation) if argument.annotation else ""
    inner = re.fullmatch(r"Optional\[(\w+)\]", said)
    kind = TYPES.get(inner[1] if inner else said)
    if said.lower().startswith("list["):
        kind = "array"
    if kind == "integer":
        return {"type": ["integer", "string", *(["null"] if inner else [])], "pattern": REFERENCE}
    return ({"type": [kind, "null"]} if inner else {"type": kind}) if kind else {}


if __name__ == "__main__":
    print(json.dumps(build_schema(Path(sys.argv[1])), indent=1, sort_keys=True))
