"""Who notices that a mapping is turned off.

A template without one of its mappings, or with another value in its place, is compiled for recipes that use it. That
its text is another proves nothing. It is noticed where one of these says so, the first that does:

1. A file that no parser on this machine reads whole says something else than the plan (`told_files.py`), or run.sh
   starts something else, elsewhere, or with other variables (`launch_script.py`).
2. The compiler refuses it: a field that the person wrote and nothing read, a value that the framework's schema does
   not take, a file that does not parse. This is what stops such a template at a user's.
3. The framework's own parser, in its environment, resolves the config to something else than the plan: the values of
   `expected_arguments.py`, and those of `native_arguments.py`, which looks at the resolved config by its keys.

What none of them notices is a survivor: it is listed in `survivors.yaml` with the reason, or a check is missing. Where
a value is the framework's own default, a recipe can't show that it is no longer told; so several recipes are tried.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from qwen_recipes.backends import load_backend
from qwen_recipes.backends.plan import Plan
from qwen_recipes.compile import compile_recipe
from qwen_recipes.compile.render import make_environment
from qwen_recipes.compile.validate_output import InvalidOutputError
from qwen_recipes.errors import QwenRecipesError
from tests.conformance.compiled import ACCELERATED, UNPARSED, accelerate_variables, find_command, write_model_folder
from tests.conformance.expected_arguments import expected, max_length, warmup_at
from tests.conformance.framework_parser import FrameworkParser

from .corpus import ChangedOutput, MappingCase, MappingCorpus, render_without
from .launch_script import find_launch_difference
from .native_arguments import expect_native, read_path
from .native_values import ANY
from .places import TemplateMapping, Way
from .told_files import find_wrong_key

MOST_CASES = 8
"""Recipes that are tried, of those in which a mapping is used."""


@dataclass(frozen=True, eq=False)
class MappingOracle:
    """`folder` holds what is compiled; `parser_of` gives a framework's parser."""

    corpus: MappingCorpus
    folder: Path
    parser_of: Callable[[str], FrameworkParser]

    def find_notice(self, mapping: TemplateMapping, way: Way, templates: Path) -> str | None:
        """Who notices that a mapping is turned off, and how; None where nobody does.

        Raises LookupError where no recipe uses it.
        """
        make_environment.cache_clear()
        tried = self._choose_changed(mapping, way, self.corpus.newest, templates)
        tried = tried or self._choose_changed(mapping, way, self.corpus.older, templates)
        if not tried:
            raise LookupError(f"no recipe uses {mapping.key}")
        written = [one for one in tried if any(map(one.case.wrote, mapping.fields))]
        looks = (
            (self.find_told_difference, tried),
            (find_refusal, [] if way == "other" and self.can_parse(tried[0].case) else (written or tried)[:1]),
            (self.find_parsed_difference, tried),
        )
        return next((told for look, cases in looks for one in cases if (told := look(one))), None)

    def _choose_changed(
        self, mapping: TemplateMapping, way: Way, cases: list[MappingCase], templates: Path
    ) -> list[ChangedOutput]:
        """Files that come out otherwise, of recipes with as many values of its fields, then objectives, as there are.

        First those that write the field, and that a parser reads: there it is no default.
        """
        first = sorted(cases, key=lambda case: (not self.can_parse(case), not any(map(case.wrote, mapping.fields))))
        varied = sort_by_turns(first, lambda case: (case.made.plan.objective.type, case.made.plan.chat.encoding))
        varied = sort_by_turns(varied, lambda case: [read_field(case.made.plan, field) for field in mapping.fields])
        return list(islice(render_without(mapping, way, varied, templates), MOST_CASES))

    def find_told_difference(self, changed: ChangedOutput) -> str | None:
        """How a file that no parser reads, or run.sh, says something else than the plan."""
        case, output = changed.case, changed.output
        if changed.text.startswith("refused: "):
            return f"{case.name}: {changed.text}"
        if output.kind != "shell":
            template = output.template if output.name != "train.yaml" or not self.can_parse(case) else ""
            return find_wrong_key(case, output.name, template, changed.text)
        with case.changed(output.name, changed.text):
            return find_launch_difference(case, case.folder / output.name, self.folder / "launch")

    def find_parsed_difference(self, changed: ChangedOutput) -> str | None:
        """How the framework's parser reads a changed config, or DeepSpeed's settings, otherwise than planned."""
        case, name = changed.case, changed.output.name
        if name not in ("train.yaml", "deepspeed.json") or not self.can_parse(case):
            return None
        with case.changed(name, changed.text):
            found = self.find_wrong_argument(case)
        return f"{case.name}: {found}" if found and self.is_as_planned(case) else None

    @cache  # noqa: B019 (it lives as long as the tests)
    def is_as_planned(self, case: MappingCase) -> bool:
        """Whether the framework resolves the case itself as planned: else a difference would be nothing new."""
        return self.find_wrong_argument(case) is None

    def can_parse(self, case: MappingCase) -> bool:
        """Whether a parser on this machine reads this case: one that refuses it anyway notices nothing."""
        newest = case.backend.version == load_backend(case.backend.name).version
        unparsed = (case.recipe.stem, case.backend.name) in UNPARSED or case.made.plan.hardware.megatron
        return newest and not unparsed

    def find_wrong_argument(self, case: MappingCase) -> str | None:
        """The first value that the framework's parser resolves otherwise than the plan; or its refusal."""
        plan, backend = case.made.plan, case.backend.name
        answer = self.parser_of(backend).parse(
            case.folder / "train.yaml",
            cwd=case.recipe.parent,
            gpus=plan.hardware.world,
            assume_gpu=plan.hardware.device == "cuda",
            model_config=None if plan.model.local else write_model_folder(plan.model.id, self.folder / "models"),
            env=accelerate_variables(plan) if backend in ACCELERATED and plan.hardware.fsdp else {},
            command=find_command(plan, backend),
        )
        if not answer.ok:
            return f"its parser refuses it: {str(answer.error)[:200]}"
        wanted = {
            **expected(plan, backend),
            **expect_checkpointing(plan, backend),
            "output_dir": os.path.relpath(plan.output.dir, case.recipe.parent),
            "max_length": max_length(plan, backend),
            **{f"warmup_steps_at_{steps}": warmup_at(plan, steps, backend) for steps in (100, 1000)},
        }
        for key, value in wanted.items():
            if answer.arguments.get(key) != value:
                return f"its parser resolves `{key}` to {answer.arguments.get(key)!r}, planned {value!r}"
        for key, value in expect_native(plan, backend).items():
            if value is not ANY and normalize(read_path(answer.raw, key)) != normalize(value):
                return f"its parser resolves `{key}` to {read_path(answer.raw, key)!r}, planned {value!r}"
        return None


def sort_by_turns(cases: Sequence[MappingCase], value_of: Callable[[MappingCase], object]) -> list[MappingCase]:
    """The first case of each value, then the second of each, and so on."""
    seen: Counter[str] = Counter()
    turns = []
    for case in cases:
        value = repr(value_of(case))
        turns.append(seen[value])
        seen[value] += 1
    return [case for _, case in sorted(zip(turns, cases, strict=True), key=lambda pair: pair[0])]


def read_field(plan: Plan, field: str) -> object:
    """The plan's value at a dotted path; None where that leads nowhere."""
    value: object = plan
    for step in field.split("."):
        value = getattr(value, step, None)
    return value


def expect_checkpointing(plan: Plan, backend: str) -> dict[str, Any]:
    """Activations that are computed again; ms-swift's FSDP is told so in a file of its own.

    Where Axolotl offloads them, its own code does so in the place of checkpointing.
    """
    t = plan.training
    if backend == "ms-swift" and plan.hardware.fsdp:
        return {"activation_checkpointing": t.gradient_checkpointing}
    if backend == "axolotl" and t.offload_activations:
        return {"gradient_checkpointing": False}
    reentrant = {"use_reentrant": t.reentrant_checkpointing} if t.gradient_checkpointing else {}
    return {"gradient_checkpointing": t.gradient_checkpointing, **reentrant}


def normalize(value: Any) -> Any:
    """Nothing, false and an empty list are one."""
    return value or None


def find_refusal(changed: ChangedOutput) -> str | None:
    """With which words the compiler refuses a recipe; None where it compiles."""
    try:
        compile_recipe(changed.case.loaded, changed.backend, changed.case.folder)
    except (QwenRecipesError, InvalidOutputError) as error:
        return f"{changed.case.name}: the compiler refuses it: {str(error)[:200]}"
    return None
