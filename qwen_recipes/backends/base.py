"""What a framework has to tell us about itself: the contract behind the entry point `qwen_recipes.backends`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from qwen_recipes.backends.plan import Plan
from qwen_recipes.backends.verification import Verification
from qwen_recipes.backends.versions import parse_version

TRAINER_PLUGIN = "trainer_plugin.py"
"""The file that emulates what a framework's trainers leave out."""
ROW_ENCODER = "row_encoder.py"
"""How `recipes verify` lets a framework encode rows; run by the framework's interpreter."""
TRAINER_ENTRY = "trainer_entry.py"
"""How `recipes verify --trainer` starts a framework in a process of its own; run by the framework's interpreter."""

FileKind = Literal["yaml", "json", "shell"]


@dataclass(frozen=True)
class UnsupportedSetting:
    """A setting that this framework does not support.

    When `applies` is true of a plan, compiling fails at `field` with `why`, and the backends that support it are
    named. The entry holds for versions from `since` on and before `until`.
    """

    field: str
    applies: Callable[[Plan], bool]
    why: str
    until: str | None = None
    since: str = "0"


@dataclass(frozen=True)
class OutputFile:
    """One file to write: its name in the output folder, the template it comes from, and how its values are quoted."""

    name: str
    template: str
    kind: FileKind
    config: bool = False
    """Whether this is the framework's own config, which its schema has to accept."""
    schema_definition: str = ""
    """A command of the framework with keys of its own: the name of a definition in the schema."""


@dataclass(frozen=True)
class Backend:
    """One framework at one released version; `older_versions` are those that have a schema.

    `folder` is its package's, with `requirements/` and the files named above, as far as it has them.
    `native_values` translates our vocabulary: `native_values["overlong"]["drop"]` is what this framework calls it.
    `python` says which interpreter the framework is installed under, by device.
    """

    name: str
    title: str
    version: str
    folder: Path
    distribution: str
    templates: Path
    schema_file: Path
    native_values: Mapping[str, Mapping[Any, Any]]
    list_output_files: Callable[[Plan], list[OutputFile]]
    choose_row_shape: Callable[[Plan], str] = lambda plan: "messages"
    """The shape in which it reads the rows of a plan: a name in `qwen_recipes/data/rows/shapes.py`."""
    tokenizes_differently: Callable[[Plan], bool] = lambda plan: False
    """Whether it makes other tokens of a plan's rows than the official template: they are handed over then."""
    packed_attention: str = "flash_attention_2"
    """The attention that keeps packed examples apart, from `packed_attention_since` on; FlashAttention 2 before."""
    packed_attention_since: str = "0"
    largest_packed_micro_batch: Mapping[str, int] = field(default_factory=dict)
    """By attention: how many packs it takes at a time, where that is limited."""
    varlen_attention: str = ""
    """An attention of its locked environment that computes packed examples one by one; "" where there is none."""
    has_lora_kernels: Callable[[Plan], bool] = lambda plan: False
    """Whether it has fused kernels for the adapter of a plan."""
    drops_packs_under: frozenset[str] = frozenset()
    """Attentions under which it leaves out the last packs of an epoch or an evaluation, if they fill no micro-batch."""
    pack_reserve: int = 0
    """Tokens of a pack that it keeps free: no example may be longer than the rest."""
    stores_quantized_in_compute_dtype: bool = False
    """Whether 4-bit weights are always stored in the precision that it computes in."""
    choose_weights_cast: Callable[[Plan], str | None] = lambda plan: None
    """The dtype to which a plugin beside the config casts trained weights; None where its own keys say it."""
    weights_plugin: Path | None = None
    """The Python file that does so; it is copied as `weights_dtype.py`."""
    joined_lists: frozenset[str] = frozenset()
    """Native keys whose list in `extra` is joined to the compiled one: plugins and callbacks stand beside ours."""
    choose_plugins: Callable[[Plan], tuple[str, ...]] = lambda plan: ()
    """What it has to load beside its config: names that its template prints."""
    uses_trainer_plugin: Callable[[Plan], bool] = lambda plan: False
    """Whether a plan needs `trainer_plugin.py` of this backend's package, which is copied beside the config."""
    list_plugin_files: Callable[[Plan], tuple[Path, ...]] = lambda plan: ()
    """Other Python files of its own that a plan needs beside the config, copied under their names."""
    count_needed_packs: Callable[[Plan], int] = lambda plan: 0
    """Full packs below which it would find no batch in an epoch, and never end."""
    count_needed_examples: Callable[[Plan], int] = lambda plan: 0
    """Examples below which it would find no batch in an epoch, and train on nothing."""
    resume_argument: str = ""
    """The argument that names the checkpoint to resume from, as a format string with one placeholder."""
    resume_unsupported: tuple[UnsupportedSetting, ...] = ()
    """Trainings that it cannot resume, or resumes with other results."""
    unsupported_settings: tuple[UnsupportedSetting, ...] = ()
    keys_by_field: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Native keys that a field of the recipe speaks for, by that field: `extra` can't say them otherwise."""
    guard_keys: Mapping[str, str] = field(default_factory=dict)
    """Native keys that guards look for under `extra`, by what they set: `{"dora": "use_dora"}`."""
    verification: Verification = field(default_factory=Verification)
    """What `recipes verify` has to know of it."""
    required_values: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the recipe, by path, whose only value here is not the default: a recipe has to write them."""
    older_versions: tuple[str, ...] = ()
    unmaintained: str = ""
    """What a user has to know of a framework that gets no more releases, after its title; "" where it does."""
    python: Mapping[str, str] = field(default_factory=lambda: {"cpu": "3.11", "cuda": "3.12"})

    @property
    def takes_any_recipe(self) -> bool:
        """Whether it takes recipes that were not written for it; `--backend all` names these."""
        return not self.required_values

    @property
    def versions(self) -> tuple[str, ...]:
        """Every version that can be compiled for, the newest first."""
        return tuple(sorted({self.version, *self.older_versions}, key=parse_version, reverse=True))

    def at_version(self, version: str) -> Backend:
        """The same framework at another of its `versions`; its schema lies beside the newest one's.

        `version` is not checked: `load_backend_version` does.
        """
        file = self.schema_file.with_name(f"{self.name}-{version}.schema.json")
        return (
            self
            if version == self.version
            else replace(self, version=version, older_versions=self.versions, schema_file=file)
        )

    def is_at_least(self, version: str) -> bool:
        """Whether this version is at least as new as `version`."""
        return parse_version(self.version) >= parse_version(version)

    def choose_packed_attention(self) -> str:
        """The attention that keeps packed examples apart on a GPU."""
        return self.packed_attention if self.is_at_least(self.packed_attention_since) else "flash_attention_2"

    def count_reserved_tokens(self, plan: Plan) -> int:
        """Tokens of `sequence_length` that no example of a plan may take."""
        t = plan.training
        reserved = self.pack_reserve if t.packing and plan.objective.type == "sft" else 0
        return max(0, reserved - (t.pack_length - t.sequence_length))

    def find_unsupported(self, plan: Plan) -> list[UnsupportedSetting]:
        """The settings of a plan that this version does not support."""
        return [limit for limit in self.unsupported_settings if self.is_in_effect(limit) and limit.applies(plan)]

    def list_unsupported(self) -> list[UnsupportedSetting]:
        """Every setting that this version does not support in some recipe."""
        return [setting for setting in self.unsupported_settings if self.is_in_effect(setting)]

    def explain_cannot_resume(self, plan: Plan) -> str | None:
        """Why this version cannot resume a plan's training from a checkpoint; None if it can."""
        if plan.training.save_every == "never":
            return "no checkpoints are saved (`save_every: never`)"
        if not plan.training.save_optimizer:
            return "checkpoints have no optimizer state (`save_optimizer: false`)"
        return next((one.why for one in self.resume_unsupported if self.is_in_effect(one) and one.applies(plan)), None)

    def is_in_effect(self, setting: UnsupportedSetting) -> bool:
        """Whether the entry holds for this version."""
        return self.is_at_least(setting.since) and not (setting.until and self.is_at_least(setting.until))

    def load_schema(self) -> dict[str, Any]:
        """The framework's own vocabulary, as JSON Schema taken from its classes."""
        loaded: dict[str, Any] = json.loads(self.schema_file.read_text("utf-8"))
        return loaded

    def read_trainer_plugin(self) -> str:
        """The text of `trainer_plugin.py`."""
        return (self.folder / TRAINER_PLUGIN).read_text("utf-8")

    def lock_folder(self) -> Path:
        """The folder with this backend's locked requirements, one file per device and Python."""
        return self.folder / "requirements"
