"""Native configs of a framework: recognized, read, and translated to recipe fields."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from qwen_recipes.backends import ENTRY_POINTS, load_backend
from qwen_recipes.backends.entry_points import find_entry_points
from qwen_recipes.finding import Finding, RecipeError, Route
from qwen_recipes.package_data import find_package_data
from qwen_recipes.qwen.facts import ModelFacts
from qwen_recipes.yaml_text.nodes import Document, plain_data
from qwen_recipes.yaml_text.nodes import Mapping as Map
from qwen_recipes.yaml_text.reader import read_yaml

__all__ = [
    "InterpretedSettings",
    "KeyChange",
    "KnownKeys",
    "LocatedValue",
    "NativeConfig",
    "NativeTraits",
    "detect_framework",
    "list_native_frameworks",
    "read_native_configs",
]

_TOP_LEVEL_KEY = re.compile(r"^[\"']?([A-Za-z_][\w-]*)[\"']?\s*:(?:\s|$)", re.M)
_OTHER_FRAMEWORK = "_component_:"
"""A mark of torchtune's configs, which have `model` and `dataset` too."""
_RECIPE_KEYS = {"version", "data", "method", "objective", "training", "hardware", "output", "run", "allow", "extends"}
_OTHER_PROGRAMS = {"echo", "printf", "pip", "git", "cd", "which", "alias", "export", "grep"}
"""Programs that name a framework and do not start it."""


@cache
def list_native_frameworks() -> tuple[str, ...]:
    """Frameworks whose own configs can be read: those whose package has a `native_config.py`. Imports none of them."""
    places = find_entry_points(ENTRY_POINTS).items()
    return tuple(name for name, (module, _) in sorted(places) if _has_native_config(module))


def _has_native_config(module: str) -> bool:
    try:
        spec = find_spec(module)
    except ImportError:
        return False
    folders = spec.submodule_search_locations if spec else None
    return any(Path(folder, "native_config.py").is_file() for folder in folders or ())


@dataclass(frozen=True)
class LocatedValue:
    """A value of the config by its recipe field, and the key that sets it."""

    value: Any
    route: Route


@dataclass(frozen=True)
class InterpretedSettings:
    """What a config means, as far as it tells; None where it says nothing.

    `model_facts` are there for a Qwen3 model that is known here. `strategy` is one of ours (`zero3`, `fsdp`, …);
    `adapter` names the framework's kind (`lora`, `qlora`, …) where something else than the whole model is trained;
    `bits` is 4 or 8 where the base is truly quantized; `template` is the framework's name of a chat template.
    """

    model: LocatedValue | None = None
    model_facts: ModelFacts | None = None
    adapter: LocatedValue | None = None
    dora: LocatedValue | None = None
    targets: LocatedValue | None = None
    bits: LocatedValue | None = None
    storage: LocatedValue | None = None
    strategy: LocatedValue | None = None
    sequence_length: LocatedValue | None = None
    template: LocatedValue | None = None
    learning_rate: LocatedValue | None = None
    precision: LocatedValue | None = None
    chat: bool = False
    """Whether conversations are trained, so that turns have to end."""


@dataclass(frozen=True)
class KeyChange:
    """A key (dotted, `[]` for list entries) or some of its values that a version renamed, removed or redefined.

    `breaks_in` is the version that refuses or ignores it; before that, from `since` on, it is only deprecated.
    `affects` says which values are meant; by default every value that is not empty.
    """

    key: str
    since: str
    why: str
    write: str
    breaks_in: str | None = None
    affects: Callable[[Any], bool] = lambda value: value is not None
    commands: tuple[str, ...] = ()


@dataclass(frozen=True)
class KnownKeys:
    """The keys that a command of the framework reads.

    `schema` describes them where it is known. `is_complete` is false where something that we can't look into, such as a
    third party's plugin, may read further keys. `other_readers` says of a key who else would read it.
    """

    keys: frozenset[str]
    schema: Mapping[str, Any] = field(default_factory=dict)
    is_complete: bool = True
    other_readers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class NestedKey:
    """What a framework does with an unknown key below the top level: `effect` in place of the usual, and a remark."""

    effect: str = ""
    remark: str = ""
    harmless: bool = False


@dataclass(frozen=True)
class NativeTraits:
    """What a framework does with its configs, as far as guards look at it; the last two are what to write instead."""

    unknown_key_effect: str
    unknown_key_reason: str
    template_variants: Mapping[str, tuple[str, ...]]
    """The variants of Qwen3 that a template of the framework was made for; none for those of Qwen2.5."""
    all_linear_layers: str
    zero2: str
    neutral_templates: tuple[str, ...] = ()
    """Templates that add nothing of their own, or take the model's."""
    free_form_keys: tuple[str, ...] = ()
    """Maps that are handed on as they are, so that a number read as text stays text."""
    format_command: Callable[[str], str] = lambda command: command
    """A command as a person types it."""
    reads_dashes: bool = False
    """Whether `-` in a key is read as `_`."""
    ignored_prefixes: tuple[str, ...] = ()
    """Of keys at the top that hold anchors and mean nothing."""
    completes_in: tuple[str, ...] = ()
    """Forms (yaml, shell) in which it takes the beginning of a key for the key."""
    lists_plugins: bool = False
    """Whether further keys are read by plugins that the config lists, not by other commands."""
    checks_nested_keys: bool = False
    """Whether keys below the top level are judged: its schema describes them."""
    explain_nested_key: Callable[[NativeConfig, Route, Any], NestedKey] = lambda config, route, value: NestedKey()
    """What it does with an unknown key below the top level, beyond passing it over."""
    null_becomes_text: bool = False
    """Whether an empty value is read as the text "None"."""
    converts_text: bool = True
    """Whether a number or switch in quotes becomes one."""
    is_value_used: Callable[[Mapping[str, Any], str], bool] = lambda data, key: True
    """Whether the value of a key matters, given the others."""
    can_register_values: Callable[[Mapping[str, Any]], bool] = lambda data: False
    """Whether a config loads code that may add values to the framework's lists."""
    shards_8_bit: bool = False
    """Whether FSDP shards a base of 8 bits."""
    official_template: str = ""
    """The setting that takes the model's own chat template."""
    unofficial_templates: tuple[str, ...] = ()
    """Chat templates of its own that are named for Qwen3 and differ from the official ones."""


@dataclass(frozen=True)
class NativeConfig:
    """One config file, or one command of a script, of a framework at a version."""

    backend: str
    version: str
    command: str
    form: Literal["yaml", "shell"]
    document: Document
    environment: Mapping[str, str] = field(default_factory=dict)
    names_config_file: bool = False
    """Whether a command names a config file as well, so that not all it is told stands here."""

    @cached_property
    def data(self) -> dict[str, Any]:
        """Its keys and values."""
        found: dict[str, Any] = plain_data(self.document.root)
        return found

    @cached_property
    def interpreted_settings(self) -> InterpretedSettings:
        """The values of the config by recipe field."""
        meant: InterpretedSettings = _import_native_module(self.backend).interpret_settings(self)
        return meant

    @cached_property
    def known_keys(self) -> KnownKeys:
        """The keys that are read of it."""
        known: KnownKeys = _import_native_module(self.backend).list_known_keys(self)
        return known

    @cached_property
    def key_changes(self) -> tuple[KeyChange, ...]:
        """Keys that the framework's versions renamed or removed."""
        listed: tuple[KeyChange, ...] = import_backend_module(self.backend, "key_changes").KEY_CHANGES
        return listed

    @property
    def traits(self) -> NativeTraits:
        """What the framework does with its configs."""
        return load_native_traits(self.backend)

    @property
    def title(self) -> str:
        """The framework's name."""
        return load_backend(self.backend).title


def detect_framework(text: str) -> str | None:
    """The framework that a config or script is written for, or None: by its keys or the command it calls."""
    keys = _find_top_level_keys(text)
    if _match_training_command().search(text):
        called = _read_commands(text)
        if called:
            return called[0].backend
    if "version" in keys or _OTHER_FRAMEWORK in text:
        return None
    modules = {name: _import_native_module(name) for name in list_native_frameworks()}
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
    programs = "|".join(_import_native_module(name).COMMAND_PATTERN for name in list_native_frameworks())
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
        if not isinstance(document.root, Map):
            raise RecipeError([Finding("QR702", "error", "a config is a map of keys and values", file=name)])
        called = [_import_native_module(framework).build_config(document)]
    return [_set_version(config, version) for config in called]


def _set_version(config: NativeConfig, version: str | None) -> NativeConfig:
    from dataclasses import replace

    return replace(config, version=version) if version else config


def _read_commands(text: str, name: str = "<text>") -> list[NativeConfig]:
    from qwen_recipes.backends.shell_parser import parse_assignments, parse_commands, parse_flags
    from qwen_recipes.backends.shell_variables import expand_commands

    found = []
    for command in expand_commands(parse_commands(text)):
        program = next((word.text for word in command if "=" not in word.text), "")
        for backend in list_native_frameworks() if program not in _OTHER_PROGRAMS else ():
            start = _import_native_module(backend).match_command(command)
            if start:
                document = parse_flags(command[start[1] :], name, text)
                follows = any(w.text.endswith((".yaml", ".yml", ".json")) for w in command[start[1] : start[1] + 1])
                version = get_default_version(backend)
                found.append(
                    NativeConfig(backend, version, start[0], "shell", document, parse_assignments(command), follows)
                )
    return found


@cache
def get_default_version(backend: str) -> str:
    """The version of the framework that we know."""
    return load_backend(backend).version


@cache
def load_native_schema(backend: str) -> dict[str, Any]:
    """The framework's own vocabulary of a training config."""
    return load_backend(backend).load_schema()


@cache
def load_extra_keys(backend: str) -> dict[str, Any]:
    """Keys that plugins or other commands than training read."""
    path = find_package_data("schemas") / "native" / f"{backend}-{get_default_version(backend)}.json"
    loaded: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return loaded


def read_value(data: Mapping[str, Any], *keys: str) -> LocatedValue | None:
    """The first of these keys that has a value which the file itself tells."""
    for key in keys:
        value = data.get(key)
        if value is not None and not (isinstance(value, str) and "$" in value):
            return LocatedValue(value, (key,))
    return None


def find_model_facts(model: LocatedValue | None) -> ModelFacts | None:
    """The facts of a release, whichever organisation's copy it is, of a folder, or of a model in the hub's cache."""
    from qwen_recipes.qwen.models import REGISTRY, ModelFolderError, UnknownModelError, get_model_facts

    if model is None or not isinstance(model.value, str):
        return None
    names = {known.partition("/")[2].lower(): facts for known, facts in REGISTRY.items()}
    if found := names.get(model.value.rstrip("/").rpartition("/")[2].lower()):
        return found
    try:
        return get_model_facts(model.value)
    except (UnknownModelError, ModelFolderError):
        return None


def parse_deepspeed_stage(value: Any) -> str | None:
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


def split_names(value: Any) -> list[str]:
    """Names given as a list, or as text with commas or blanks."""
    return [str(item) for item in value] if isinstance(value, list) else re.split(r"[,\s]+", str(value).strip())


def read_switch(data: Mapping[str, Any], key: str) -> LocatedValue | None:
    """The key where it is on; `yes`, `on` and their like count, as YAML 1.1 reads them."""
    on = data.get(key)
    truly = on is True or (isinstance(on, str) and on.lower() in ("true", "yes", "on", "1"))
    return LocatedValue(True, (key,)) if truly else None


def load_native_traits(backend: str) -> NativeTraits:
    """What this framework does with its configs."""
    traits: NativeTraits = import_backend_module(backend, "native_traits").TRAITS
    return traits


def _import_native_module(backend: str) -> Any:
    return import_backend_module(backend, "native_config")


@cache
def import_backend_module(backend: str, name: str) -> Any:
    """A module of a framework's package, by its name there."""
    return import_module(f"{find_entry_points(ENTRY_POINTS)[backend][0]}.{name}")
