"""Native configs in a text: recognized by their keys or commands, and read."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache
from itertools import pairwise

from qwen_recipes.backends.native_config import NativeConfig
from qwen_recipes.backends.native_modules import get_default_version, import_backend_module, list_native_frameworks
from qwen_recipes.finding import Finding, RecipeError
from qwen_recipes.yaml_text.nodes import Mapping
from qwen_recipes.yaml_text.reader import read_yaml

_TOP_LEVEL_KEY = re.compile(r"^[\"']?([A-Za-z_][\w-]*)[\"']?\s*:(?:\s|$)", re.M)
_OTHER_FRAMEWORK = "_component_:"
"""A mark of torchtune's configs, which have `model` and `dataset` too."""
_RECIPE_KEYS = {"version", "data", "method", "objective", "training", "hardware", "output", "run", "allow", "extends"}
_CONFIG_SUFFIXES = (".yaml", ".yml", ".json")
_OTHER_PROGRAMS = {"echo", "printf", "pip", "git", "cd", "which", "alias", "export", "grep"}
"""Programs that name a framework and do not start it."""


def detect_framework(text: str) -> str | None:
    """The framework that a config or script is written for, or None: by its keys or the command it calls."""
    keys = _find_top_level_keys(text)
    if _match_training_command().search(text):
        called = _read_commands(text)
        if called:
            return called[0].backend
    if "version" in keys or _OTHER_FRAMEWORK in text:
        return None
    modules = {name: import_backend_module(name, "native_config") for name in list_native_frameworks()}
    points = {name: len(keys & module.DISTINCTIVE_KEYS) for name, module in modules.items()}
    decided = [name for name, module in modules.items() if keys & module.DECISIVE_KEYS and points[name] > 1]
    if decided:
        return max(decided, key=lambda name: points[name])
    best = max(points, key=lambda name: points[name])
    rivals = [count for name, count in points.items() if name != best]
    return best if points[best] > max(1, *rivals, len(keys & _RECIPE_KEYS)) else None


def _find_top_level_keys(text: str) -> set[str]:
    """The keys at the top of a YAML, or of a JSON map, however it is indented."""
    if text.lstrip().startswith("{"):
        try:
            read = json.loads(text)
        except (ValueError, RecursionError):
            read = None
        if isinstance(read, dict):
            return {*read}
    return set(_TOP_LEVEL_KEY.findall(text))


@cache
def _match_training_command() -> re.Pattern[str]:
    """A line that calls one of the frameworks."""
    programs = "|".join(
        import_backend_module(name, "native_config").COMMAND_PATTERN for name in list_native_frameworks()
    )
    return re.compile(rf"^[^#\n]*(?:{programs})", re.M)


def read_native_configs(
    text: str,
    name: str,
    backend: str | None = None,
    version: str | None = None,
    repeated: list[Finding] | None = None,
) -> list[NativeConfig]:
    """The configs in a file: one of a YAML, one for each of a script's commands; none where it is not recognised.

    Raises RecipeError where the text is not YAML, or has a key twice that `repeated` is not there to take.
    """
    framework = backend or detect_framework(text)
    if framework is None:
        return []
    called = (
        [c for c in _read_commands(text, name) if c.backend == framework]
        if _match_training_command().search(text)
        else []
    )
    if not called:
        document = read_yaml(text, name, repeated)
        if not isinstance(document.root, Mapping):
            raise RecipeError([Finding("QR702", "error", "a config is a map of keys and values", file=name)])
        called = [import_backend_module(framework, "native_config").build_config(document)]
    return [_set_version(config, version) for config in called]


def _set_version(config: NativeConfig, version: str | None) -> NativeConfig:
    return replace(config, version=version) if version else config


def _read_commands(text: str, name: str = "<text>") -> list[NativeConfig]:
    from qwen_recipes.backends.shell_parser import parse_assignments, parse_commands, parse_flags
    from qwen_recipes.backends.shell_variables import expand_commands

    found = []
    for command in expand_commands(parse_commands(text)):
        program = next((word.text for word in command if "=" not in word.text), "")
        for backend in list_native_frameworks() if program not in _OTHER_PROGRAMS else ():
            start = import_backend_module(backend, "native_config").match_command(command)
            if start:
                document = parse_flags(command[start[1] :], name, text)
                file = _find_config_file([word.text for word in command[start[1] :]])
                version = get_default_version(backend)
                found.append(
                    NativeConfig(backend, version, start[0], "shell", document, parse_assignments(command), file)
                )
    return found


def _find_config_file(arguments: list[str]) -> str:
    """The config file among a command's arguments, the first or after `--config`; empty where there is none."""
    named = [word.removeprefix("--config=") for word in arguments if word.startswith("--config=")]
    named += [file for flag, file in pairwise(arguments) if flag == "--config"]
    return next((file for file in [*arguments[:1], *named] if file.endswith(_CONFIG_SUFFIXES)), "")
