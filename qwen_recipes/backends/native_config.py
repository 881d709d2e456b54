"""A framework's own config: what its keys mean, which keys are read, and what the framework does with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from qwen_recipes.backends import load_backend
from qwen_recipes.backends.located_values import LocatedValue
from qwen_recipes.backends.native_modules import import_backend_module
from qwen_recipes.finding import Route
from qwen_recipes.qwen.facts import ModelFacts
from qwen_recipes.yaml_text.nodes import Document, plain_data


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
    experts_quantized: LocatedValue | None = None
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
    quantize_experts: str = ""
    """The setting that quantizes a mixture's experts too; empty where there is none."""
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
    config_file: str = ""
    """The config file that a command names as well: not all that it is told stands here."""

    @property
    def names_config_file(self) -> bool:
        """Whether a command names a config file as well."""
        return bool(self.config_file)

    @cached_property
    def data(self) -> dict[str, object]:
        """Its keys and values."""
        found: dict[str, Any] = plain_data(self.document.root)
        return found

    @cached_property
    def interpreted_settings(self) -> InterpretedSettings:
        """The values of the config by recipe field."""
        meant: InterpretedSettings = import_backend_module(self.backend, "native_config").interpret_settings(self)
        return meant

    @cached_property
    def known_keys(self) -> KnownKeys:
        """The keys that are read of it."""
        known: KnownKeys = import_backend_module(self.backend, "native_config").list_known_keys(self)
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


def load_native_traits(backend: str) -> NativeTraits:
    """What this framework does with its configs."""
    traits: NativeTraits = import_backend_module(backend, "native_traits").TRAITS
    return traits
