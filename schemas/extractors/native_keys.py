"""Which key is read by which command or plugin of a framework, for judging configs that people wrote themselves.

    cd schemas
    PYTHON -m extractors.native_keys axolotl|llamafactory|ms-swift|trl > native/NAME-VERSION.json

The schemas in `schemas/backends` say what may stand in a training config; here are the keys that only some plugin, or
only another command than training, reads. Run under the interpreter that the framework is installed for.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import json
import pkgutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .schema_document import OFFLINE

Keys = dict[str, list[str]]


def read_axolotl_keys() -> dict[str, Any]:
    """By plugin, as `plugins:` names it, the keys that its class adds to the config."""
    root = importlib.import_module("axolotl.integrations")
    plugin = importlib.import_module("axolotl.integrations.base").BasePlugin
    found: Keys = {}
    for module in pkgutil.walk_packages(root.__path__, f"{root.__name__}."):
        if module.name.count(".") == 2 or module.name.endswith(".plugin"):
            found.update(read_plugins(module.name, plugin))
    found.setdefault("axolotl.integrations.llm_compressor.LLMCompressorPlugin", ["llmcompressor"])
    for name in [name for name in found if ".plugin." in name]:
        found.setdefault(name.replace(".plugin.", "."), found[name])
    always = list(importlib.import_module("axolotl.integrations.base").get_builtin_plugins())
    version = importlib.import_module("axolotl").__version__
    return {"version": version, "always": always, "plugins": dict(sorted(found.items()))}


def read_plugins(module: str, plugin: type) -> Keys:
    try:
        members = vars(importlib.import_module(module))
    except ImportError as error:
        print(f"{module}: {error}", file=sys.stderr)
        return {}
    classes = {n: c for n, c in members.items() if inspect.isclass(c) and issubclass(c, plugin) and c is not plugin}
    return {f"{module}.{name}": read_plugin_keys(cls) for name, cls in classes.items()}


def read_plugin_keys(cls: Any) -> list[str]:
    path = cls().get_input_args()
    if not path:
        return []
    module, name = path.rsplit(".", 1)
    return sorted(getattr(importlib.import_module(module), name).model_fields)


def read_llamafactory_keys() -> dict[str, Any]:
    """By command; `v1` is the younger engine with its own language."""
    parser = importlib.import_module("llamafactory.hparams.parser")
    infer = sorted({name for cls in parser._INFER_ARGS for name in list_field_names(cls)})
    config = "llamafactory.v1.config"
    modules = {"data_args": "Data", "model_args": "Model", "sample_args": "Sample", "training_args": "Training"}
    classes = [getattr(importlib.import_module(f"{config}.{m}"), f"{n}Arguments") for m, n in modules.items()]
    v1 = sorted({name for cls in classes for name in list_field_names(cls)})
    version = importlib.import_module("llamafactory.extras.env").VERSION
    return {"version": version, "commands": {"export": infer, "v1": v1}}


def read_ms_swift_keys() -> dict[str, Any]:
    """By subcommand of `swift`; those of `megatron`, which can't be imported without a GPU, read from the source."""
    arguments = importlib.import_module("swift.arguments")
    names = {
        "infer": "Infer", "export": "Export", "merge-lora": "Export", "deploy": "Deploy", "eval": "Eval",
        "rollout": "Rollout", "sample": "Sampling", "app": "App", "web-ui": "WebUI",
    }  # fmt: skip
    found: Keys = {}
    for command, name in names.items():
        found[command] = sorted(list_field_names(getattr(arguments, f"{name}Arguments")))
    megatron = read_megatron_fields(Path(arguments.__file__).parent.parent / "megatron" / "arguments")
    base = set(list_field_names(importlib.import_module("swift.arguments").BaseArguments))
    for command, name in {"sft": "Sft", "pt": "Pretrain", "rlhf": "RLHF", "export": "Export"}.items():
        found[f"megatron {command}"] = sorted(megatron(f"Megatron{name}Arguments") | base)
    return {"version": importlib.import_module("swift.version").__version__, "commands": found}


def read_trl_keys() -> dict[str, Any]:
    """By method without a schema of its own; `launcher`: keys that go to `accelerate launch`."""
    found: Keys = {}
    for method in ("rloo", "distillation"):
        parser = importlib.import_module(f"trl.scripts.{method}").make_parser(prog="trl")
        found[method] = sorted({name for cls in parser.dataclass_types for name in list_field_names(cls)} | {"env"})
    launcher = importlib.import_module("accelerate.commands.launch").launch_command_parser()
    keys = {option.lstrip("-") for action in launcher._actions for option in action.option_strings}
    names = sorted({key.replace("-", "_") for key in keys if len(key) > 1} - {"help"})
    return {"version": importlib.import_module("trl").__version__, "commands": found, "launcher": names}


def read_megatron_fields(folder: Path) -> Callable[[str], set[str]]:
    """A function from a dataclass's name to its fields and its parents', read without importing."""
    parts = (node for file in sorted(folder.glob("*.py")) for node in ast.parse(file.read_text("utf-8")).body)
    classes = {node.name: node for node in parts if isinstance(node, ast.ClassDef)}

    def fields(name: str) -> set[str]:
        node = classes.get(name)
        return (
            set().union(list_own_fields(node), *(fields(b.id) for b in node.bases if isinstance(b, ast.Name)))
            if node
            else set()
        )

    return fields


def list_own_fields(node: ast.ClassDef) -> Iterator[str]:
    for item in node.body:
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
            yield item.target.id


def list_field_names(cls: Any) -> list[str]:
    return [item.name for item in dataclasses.fields(cls) if item.init]


FRAMEWORKS = {
    "axolotl": read_axolotl_keys,
    "llamafactory": read_llamafactory_keys,
    "ms-swift": read_ms_swift_keys,
    "trl": read_trl_keys,
}

if __name__ == "__main__":
    import os

    os.environ.update(OFFLINE)
    out, sys.stdout = sys.stdout, sys.stderr
    json.dump(FRAMEWORKS[sys.argv[1]](), out, indent=1)
    out.write("\n")
