"""Configs that people wrote for a framework themselves: recognised, read, and said in our words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any, Literal

from qwen_recipes.qwen.facts import ModelFacts
from qwen_recipes.recipe.finding import Finding, RecipeError, Route
from qwen_recipes.recipe.nodes import Document, plain_data
from qwen_recipes.recipe.nodes import Mapping as Map
from qwen_recipes.recipe.reader import read_yaml
from qwen_recipes.shipped import shipped

__all__ = ["NATIVE", "Change", "Meaning", "NativeConfig", "Said", "Vocabulary", "read_native", "recognise"]

NATIVE = {"axolotl": "axolotl", "llamafactory": "llamafactory", "ms-swift": "ms_swift"}
"""Frameworks whose own configs can be read, and the folder that knows how."""
DECISIVE = {"base_model": "axolotl", "model_name_or_path": "llamafactory"}
"""Keys that every training config of a framework has, and no other's."""
_TOP_KEY = re.compile(r"^[\"']?([A-Za-z_][\w-]*)[\"']?\s*:(?:\s|$)", re.M)
_RECIPE_ONLY = {"version", "data", "method", "objective", "training", "hardware", "output", "run", "allow", "extends"}
_SHELL = re.compile(r"^[^#\n]*(?:\b(?:swift|megatron|llamafactory-cli|lmf|axolotl)\b|src/train\.py)", re.M)
_SAYS = {"echo", "printf", "pip", "git", "cd", "which", "alias", "export", "grep"}
"""Programs that name a framework and do not start it."""


@dataclass(frozen=True)
class Said:
    """One thing that the config says in our words, and the key that says it."""

    value: Any
    route: Route


@dataclass(frozen=True)
class Meaning:
    """What a config means, as far as it tells; None where it says nothing.

    `model_facts` are there for a released Qwen3 model only. `strategy` is one of ours (`zero3`, `fsdp`, …);
    `adapter` names the framework's kind (`lora`, `qlora`, …) where something else than the whole model is trained;
    `bits` is 4 or 8 where the base is truly quantized; `template` is the framework's name of a chat template.
    """

    model: Said | None = None
    model_facts: ModelFacts | None = None
    adapter: Said | None = None
    dora: Said | None = None
    targets: Said | None = None
    bits: Said | None = None
    storage: Said | None = None
    strategy: Said | None = None
    sequence_length: Said | None = None
    template: Said | None = None
    learning_rate: Said | None = None
    precision: Said | None = None
    chat: bool = False
    """Whether conversations are trained, so that turns have to end."""


@dataclass(frozen=True)
class Change:
    """A key (dotted, `[]` for list entries) or some of its values that a version renamed, removed or redefined.

    `breaks` is the version that refuses or ignores it; before that, from `since` on, it is only deprecated.
    `when` says which values are meant; by default every value that is not empty.
    """

    key: str
    since: str
    why: str
    write: str
    breaks: str | None = None
    when: Callable[[Any], bool] = lambda value: value is not None
    commands: tuple[str, ...] = ()


@dataclass(frozen=True)
class Vocabulary:
    """The keys that a command of the framework reads.

    `schema` describes them where it is known. `reads_all` is false where something that we can't look into, such as a
    third party's plugin, may read further keys. `elsewhere` says of a key who else would read it.
    """

    keys: frozenset[str]
    schema: Mapping[str, Any] = field(default_factory=dict)
    reads_all: bool = True
    elsewhere: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class NativeConfig:
    """One config file, or one command of a script, of a framework at a version."""

    backend: str
    version: str
    command: str
    form: Literal["yaml", "shell"]
    document: Document
    environment: Mapping[str, str] = field(default_factory=dict)
    follows: bool = False
    """Whether a command names a config file as well, so that not all it is told stands here."""

    @property
    def data(self) -> dict[str, Any]:
        """Its keys and values."""
        found: dict[str, Any] = plain_data(self.document.root)
        return found

    @property
    def meaning(self) -> Meaning:
        """What it says in our words."""
        meant: Meaning = _module(self.backend).meaning(self)
        return meant

    @property
    def vocabulary(self) -> Vocabulary:
        """The keys that are read of it."""
        known: Vocabulary = _module(self.backend).vocabulary(self)
        return known

    @property
    def changes(self) -> tuple[Change, ...]:
        """Keys that the framework's versions renamed or removed."""
        listed: tuple[Change, ...] = import_module(f"qwen_recipes.backends.{NATIVE[self.backend]}.changes").CHANGES
        return listed


def recognise(text: str) -> str | None:
    """The framework that a config or script is written for, or None: by its keys or the command it calls."""
    keys = set(_TOP_KEY.findall(text))
    if "version" in keys and len(keys & _RECIPE_ONLY) > 1:
        return None
    if _SHELL.search(text):
        called = _called(text)
        if called:
            return called[0].backend
    decided = {DECISIVE[key] for key in keys & set(DECISIVE)}
    if len(decided) == 1:
        return decided.pop()
    points = {name: len(keys & _module(name).DISTINCTIVE) for name in NATIVE}
    best = max(points, key=lambda name: points[name])
    rivals = [count for name, count in points.items() if name != best]
    return best if points[best] > max(1, *rivals, len(keys & _RECIPE_ONLY)) else None


def read_native(
    text: str,
    name: str,
    backend: str | None = None,
    version: str | None = None,
    repeated: list[Finding] | None = None,
) -> list[NativeConfig]:
    """The configs in a file: one of a YAML, one for each of a script's commands; none where it is not recognised.

    Raises RecipeError where the text is not YAML, or has a key twice that `repeated` is not there to take.
    """
    framework = backend or recognise(text)
    if framework is None:
        return []
    called = [c for c in _called(text, name) if c.backend == framework] if _SHELL.search(text) else []
    if not called:
        document = read_yaml(text, name, repeated)
        if not isinstance(document.root, Map):
            raise RecipeError([Finding("QR702", "error", "a config is a map of keys and values", file=name)])
        called = [_module(framework).config(document)]
    return [_at(config, version) for config in called]


def _at(config: NativeConfig, version: str | None) -> NativeConfig:
    from dataclasses import replace

    return replace(config, version=version) if version else config


def _called(text: str, name: str = "<text>") -> list[NativeConfig]:
    from qwen_recipes.backends.shell import assignments, commands, flags

    found = []
    for command in commands(text):
        program = next((word.text for word in command if "=" not in word.text), "")
        for backend in NATIVE if program not in _SAYS else ():
            start = _module(backend).called(command)
            if start:
                document = flags(command[start[1] :], name, text)
                follows = any(w.text.endswith((".yaml", ".yml", ".json")) for w in command[start[1] : start[1] + 1])
                version = backend_version(backend)
                found.append(NativeConfig(backend, version, start[0], "shell", document, assignments(command), follows))
    return found


@cache
def backend_version(backend: str) -> str:
    """The version of the framework that we know."""
    version: str = import_module(f"qwen_recipes.backends.{NATIVE[backend]}").VERSION
    return version


@cache
def schema_of(backend: str) -> dict[str, Any]:
    """The framework's own vocabulary of a training config."""
    path = shipped("schemas") / "backends" / f"{backend}-{backend_version(backend)}.schema.json"
    loaded: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return loaded


@cache
def keys_of(backend: str) -> dict[str, Any]:
    """Keys that plugins or other commands than training read."""
    path = shipped("schemas") / "native" / f"{backend}-{backend_version(backend)}.json"
    loaded: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return loaded


def said(data: Mapping[str, Any], *keys: str) -> Said | None:
    """The first of these keys that has a value which the file itself tells."""
    for key in keys:
        value = data.get(key)
        if value is not None and not (isinstance(value, str) and "$" in value):
            return Said(value, (key,))
    return None


def model_of(found: Said | None) -> ModelFacts | None:
    """The facts of a released Qwen3 model, whichever organisation's copy it is."""
    from qwen_recipes.qwen.registry import REGISTRY

    if found is None or not isinstance(found.value, str):
        return None
    names = {known.partition("/")[2].lower(): facts for known, facts in REGISTRY.items()}
    return names.get(found.value.rstrip("/").rpartition("/")[2].lower())


def stage_of(value: Any) -> str | None:
    """Our name for a DeepSpeed setting: its stage, from a map or from the name of a file that says it."""
    if isinstance(value, Mapping):
        zero = value.get("zero_optimization")
        stage = zero.get("stage") if isinstance(zero, Mapping) else None
        return f"zero{stage}" if stage in (1, 2, 3) else None
    if not isinstance(value, str) or "$" in value.rpartition("/")[2]:
        return None
    name = value.rpartition("/")[2].lower()
    found = re.search(r"(?:zero|stage|(?:^|[_-])z)[_-]?([0-3])(?![0-9])", name)
    return f"zero{found.group(1)}" if found else None


def names_in(value: Any) -> list[str]:
    """Names given as a list, or as text with commas or blanks."""
    return [str(item) for item in value] if isinstance(value, list) else re.split(r"[,\s]+", str(value).strip())


def switched(data: Mapping[str, Any], key: str) -> Said | None:
    """The key where it is on; `yes`, `on` and their like count, as YAML 1.1 reads them."""
    on = data.get(key)
    truly = on is True or (isinstance(on, str) and on.lower() in ("true", "yes", "on", "1"))
    return Said(True, (key,)) if truly else None


def _module(backend: str) -> Any:
    return import_module(f"qwen_recipes.backends.{NATIVE[backend]}.native")
