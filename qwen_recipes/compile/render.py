"""Plan to text, through a backend's templates."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from qwen_recipes import __version__
from qwen_recipes.backends.base import TRAINER_PLUGIN, Backend, FileKind, OutputFile
from qwen_recipes.backends.plan import Plan
from qwen_recipes.compile.traced_plan import FieldReads, TracedPlan
from qwen_recipes.compile.traced_values import TracedValue, trace_value, untrace_value
from qwen_recipes.compile.value_formats import RawText, make_formatter
from qwen_recipes.data.plan_template import find_plan_tool_style, read_plan_template
from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.package_data import find_package_data
from qwen_recipes.qwen.adapter_folder import may_be_adapter_id
from qwen_recipes.recipe.load import LoadedRecipe

CHAT_TEMPLATE = "chat_template.jinja"
WEIGHTS_PLUGIN = "weights_dtype.py"
_ROWS_PROGRAM = Path(__file__).parent.parent / "data" / "rows"
_FILESYSTEM = Path(__file__).parent.parent / "filesystem"
_SHARED_MODULES = ("regular_file.py", "replace_file.py")
"""Modules of `filesystem/` that the program in `rows/` reads and writes files by."""
_REWARDS_PROGRAM = _ROWS_PROGRAM.with_name("reward_functions.py")


class NoNativeValueError(QwenRecipesError):
    """A backend has no word for a value; `field` is the plan's path."""

    def __init__(self, field: str, value: object) -> None:
        super().__init__(f"no word for {value!r}")
        self.field, self.value = field, value


def make_recipe_path(folder: Path, loaded: LoadedRecipe) -> str:
    """The recipe seen from the folder that the files go to, with forward slashes; `-` in its folder for standard input.

    It stands in one line of run.sh, and nothing else depends on where the files go.
    """
    base = Path(os.path.relpath(loaded.folder.resolve(), folder.resolve()))
    return PurePosixPath(base / loaded.file_name).as_posix()


def format_header(plan: Plan, backend: Backend) -> str:
    """The comment on top of every file that can carry one."""
    lines = [
        f"{plan.name}: compiled by qwen-recipes {__version__} for {backend.title} {plan.backend_version}",
        f"recipe {plan.recipe_hash[:16]}; edit the recipe, not this file",
        f"trained weights are held in {plan.training.weights_dtype}",
    ]
    if plan.method.adapter:
        lines.append(f"adapter scale {plan.method.scale:.4g} ({plan.method.scale_formula})")
    lines += [f"{code} is allowed: {' '.join(reason.split())}" for code, reason in sorted(plan.allow.items())]
    return "\n".join(f"# {line}" for line in map(_make_one_line, lines))


def _make_one_line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


class Renderer:
    """Renders the outputs of one plan and records what they read."""

    def __init__(self, plan: Plan, backend: Backend, recipe_path: str, recipe_folder: Path) -> None:
        self.plan, self.backend, self.recipe_path, self.recipe_folder = plan, backend, recipe_path, recipe_folder
        self.rows_folder = f"{plan.output.dir}/rows"
        self.record = FieldReads(plan)

    def render(self, output: OutputFile, *, marked: bool = False) -> str:
        """The text of one output. With `marked`, values carry the path of their field (see value_formats)."""
        environment = make_environment(self.backend.templates, output.kind, marked)
        text: str = environment.get_template(output.template).render(self._build_context())
        return text

    def _build_context(self) -> dict[str, object]:
        view = TracedPlan(self.plan, "", self.record)
        return {
            **{part: getattr(view, part) for part in self.plan.parts},
            "name": self.plan.name,
            "header": RawText(format_header(self.plan, self.backend)),
            "recipe_path": self.recipe_path,
            "rows_folder": self.rows_folder,
            "reserved_tokens": self.backend.count_reserved_tokens(self.plan),
            "needed_packs": self.backend.count_needed_packs(self.plan),
            "needed_examples": self.backend.count_needed_examples(self.plan),
            "counts_steps": self.plan.counts_steps,
            "copied": self._list_files_beside_rows(),
            "splits": ["train", "validation"] if self.plan.data.validates else ["train"],
            "gpu_list": RawText(",".join(str(index) for index in range(self.plan.hardware.gpus))),
            "template_file": self._get_template_path(view),
            "tool_style": find_plan_tool_style(self.plan, self.recipe_folder),
            "row_shape": self.backend.choose_row_shape(self.plan),
            "backend": self.backend.name,
            "plugins": self.backend.choose_plugins(self.plan),
            "uses_trainer_plugin": self.backend.uses_trainer_plugin(self.plan),
            "from_hub": any(s.hub for s in (*self.plan.data.train, *self.plan.data.validation)),
            "may_load_adapter_from_hub": self.plan.model.source is None
            and may_be_adapter_id(self.plan.method.start_from or ""),
            "layer_pattern": _make_layer_pattern(self.plan),
            "words": self.backend.native_values,
            "since": self.backend.is_at_least,
            "weights_cast": self._choose_weights_cast(),
        }

    def _casts_weights(self) -> bool:
        return bool(self.backend.weights_plugin and self.backend.choose_weights_cast(self.plan))

    def _choose_weights_cast(self) -> object:
        """The dtype to which the backend's plugin casts trained weights; a plugin that is left out says as much."""
        cast = self.backend.choose_weights_cast(self.plan)
        if cast or self.backend.weights_plugin:
            self.record.mark_read("training.weights_dtype")
        return trace_value(cast, "training.weights_dtype") if cast else None

    def _get_template_path(self, view: TracedPlan) -> str:
        inside = self.plan.chat.compiled_in
        return f"{self.rows_folder}/{CHAT_TEMPLATE}" if inside else view.chat.template

    def _list_files_beside_rows(self) -> list[str]:
        """Files that the framework reads where the rows are: the program that prepares rows copies them there."""
        plan = self.plan
        names = [output.name for output in self.backend.list_output_files(plan) if output.kind != "shell"]
        if plan.chat.compiled_in and plan.objective.chat:
            names.append(CHAT_TEMPLATE)
        if plan.objective.rewards:
            names += ["reward_functions.py", "rewards.json"]
        if self._casts_weights():
            names.append(WEIGHTS_PLUGIN)
        names += [name for name in self.backend.choose_plugins(plan) if name.endswith(".py")]
        return list(dict.fromkeys(names))

    def get_copied_files(self) -> dict[str, str]:
        """Files that are copied as they are: the program that prepares rows, plugins, and the chat template."""
        files = {f"rows/{path.name}": path.read_text("utf-8") for path in sorted(_ROWS_PROGRAM.glob("*.py"))}
        files |= {f"rows/{name}": (_FILESYSTEM / name).read_text("utf-8") for name in _SHARED_MODULES}
        if self.plan.objective.rewards:
            files["reward_functions.py"] = _REWARDS_PROGRAM.read_text("utf-8")
        if self._casts_weights() and self.backend.weights_plugin:
            files[WEIGHTS_PLUGIN] = self.backend.weights_plugin.read_text("utf-8")
        if self.backend.uses_trainer_plugin(self.plan):
            files[TRAINER_PLUGIN] = self.backend.read_trainer_plugin()
        for path in self.backend.list_plugin_files(self.plan):
            files[path.name] = path.read_text("utf-8")
        if self.plan.chat.compiled_in and self.plan.objective.chat:
            self.record.mark_read("chat.template")
            files[CHAT_TEMPLATE] = read_plan_template(self.plan, self.recipe_folder)
        return files


@cache
def make_environment(templates: Path, kind: FileKind, marked: bool) -> Any:
    """Jinja2, sandboxed and strict, over a backend's templates; kept, so that each is parsed once."""
    from jinja2 import FileSystemLoader, StrictUndefined, pass_context
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader([templates, find_package_data("templates") / "shared"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=make_formatter(kind, marked=marked),
    )
    word = pass_context(lambda context, value, table: _translate_value(context["words"][table], value, table))
    environment.filters.update(word=word, raw=RawText, comma=_join_commas, of=trace_value, negated=_negate_flag)
    return environment


def _translate_value(names: Mapping[object, object], value: object, table: str) -> object:
    """The backend's word for a value of ours. Raises NoNativeValueError."""
    key = untrace_value(value)
    path = value.path if isinstance(value, TracedValue) else table
    if key not in names:
        raise NoNativeValueError(path, key)
    return trace_value(names[key], path)


def _join_commas(values: Any) -> Any:
    """Several values as one comma-separated text that remembers its field."""
    text = ",".join(str(value) for value in values)
    return trace_value(text, values.path) if isinstance(values, TracedValue) else text


def _negate_flag(value: object) -> object:
    """The opposite of a flag, which remembers its field."""
    return trace_value(not value, value.path) if isinstance(value, TracedValue) else not value


def _make_layer_pattern(plan: Plan) -> str:
    """A regular expression over the names of the adapted layers, where only some layers are."""
    layers = "|".join(str(number) for number in plan.method.layer_numbers)
    return rf"model\.layers\.({layers})\.(self_attn|mlp)\.({'|'.join(plan.method.targets)})"
