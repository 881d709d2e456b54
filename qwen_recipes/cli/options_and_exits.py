"""What commands share: options, loading with its errors, exit codes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from qwen_recipes.cli.console import REPORTERS, print_machine, print_stderr, text
from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.finding import Finding, RecipeError

if TYPE_CHECKING:
    from qwen_recipes.backends import Backend
    from qwen_recipes.qwen.facts import ModelFacts
    from qwen_recipes.recipe.load import LoadedRecipe
    from qwen_recipes.resolve import BackendRecipe

Function = TypeVar("Function", bound=Callable[..., Any])
_FORM_KEY, _STAGE_KEY = "qwen_recipes.form", "qwen_recipes.stage"


BACKEND_HELP = "Framework to use, as listed by `recipes backends`. [default: run.backend, else the first that \
supports the recipe]"
BACKENDS_HELP = "Framework to use, or `all`. [default: run.backend, else the first that supports the recipe]"


class ExitCode(IntEnum):
    """Exit codes; an interface."""

    SUCCESS = 0
    INVALID_INPUT = 1
    USAGE = 2
    DOES_NOT_FIT = 3
    ENVIRONMENT = 4
    RUN_FAILED = 5
    INTERRUPTED = 130


EXIT_CODE_MEANINGS = {
    ExitCode.SUCCESS: "success",
    ExitCode.INVALID_INPUT: "invalid recipe or data",
    ExitCode.USAGE: "usage, missing file or no permission",
    ExitCode.DOES_NOT_FIT: "does not fit the hardware",
    ExitCode.ENVIRONMENT: "environment or preflight failure",
    ExitCode.RUN_FAILED: "the run failed",
    ExitCode.INTERRUPTED: "interrupted",
}
"""What each exit code means, in `recipes --help` and in the documentation."""


def set_option(function: Function) -> Function:
    """`--set field=value`, and `--stage`, which every command takes that reads a recipe."""
    help_text = "Override a field of the recipe, e.g. training.epochs=1. Repeatable."
    function = click.option(
        "--stage", metavar="NAME", expose_value=False, callback=_keep_stage, help="Use only this stage of a pipeline."
    )(function)
    return click.option("--set", "sets", multiple=True, metavar="FIELD=VALUE", help=help_text)(function)


def _keep_stage(ctx: click.Context, param: click.Parameter, stage: str | None) -> None:
    """Keep the stage for `get_asked_stage`."""
    ctx.meta[_STAGE_KEY] = stage or ""


def get_asked_stage() -> str:
    """What `--stage` names; empty without it."""
    stage: str = click.get_current_context().meta.get(_STAGE_KEY, "")
    return stage


def format_option(*formats: str) -> Callable[[Function], Function]:
    """`--format`, one of the given."""
    return click.option(
        "--format", "form", type=click.Choice(formats), default="text", show_default=True, help="Output format.",
        callback=_keep_form,
    )  # fmt: skip


def _keep_form(ctx: click.Context, param: click.Parameter, form: str) -> str:
    """Keep the form for `exit_on_error`."""
    ctx.meta[_FORM_KEY] = form
    return form


def exit_with_error(message: str, code: ExitCode) -> NoReturn:
    """Print an error on standard error and exit with this code."""
    print_stderr("recipes: " + message.replace("\n", "\n  "))
    sys.exit(code)


def exit_on_error(error: QwenRecipesError, ctx: click.Context) -> NoReturn:
    """Print an error that a command let through, findings in the form asked for; exit 1 for a recipe, 2 for a call."""
    from qwen_recipes.backends import UnknownBackendError
    from qwen_recipes.recipe.overrides import OverrideError
    from qwen_recipes.recipe.read_file import RecipeReadError

    if isinstance(error, OverrideError):
        exit_with_error(error.findings[0].message, ExitCode.USAGE)
    if isinstance(error, RecipeError):
        exit_with_findings(error.findings, ctx.meta.get(_FORM_KEY, "text"))
    is_usage = isinstance(error, (RecipeReadError, UnknownBackendError))
    exit_with_error(str(error), ExitCode.USAGE if is_usage else ExitCode.INVALID_INPUT)


def warn_custom_tokenizer_or_template(model: ModelFacts, recipe_sets_template: bool = False) -> None:
    """Warn about a custom tokenizer or chat template in the model's folder; `lint` reports it as QR318.

    With `recipe_sets_template`, the folder's template is not used and not warned about.
    """
    from qwen_recipes.qwen.models import describe_custom_template, describe_custom_tokenizer

    for warning in filter(
        None, (describe_custom_tokenizer(model), None if recipe_sets_template else describe_custom_template(model))
    ):
        print_stderr(f"recipes: {warning}")


def backend_version_option(function: Function) -> Function:
    """`--backend-version`."""
    help_text = "Framework version, e.g. 0.16.1 or axolotl==0.16.1. [default: the newest supported]"
    return click.option("--backend-version", "version", metavar="VERSION", help=help_text)(function)


def get_backend_or_exit(name: str, version: str | None = None) -> Backend:
    """The backend of that name, at that version, or exit 2."""
    from qwen_recipes.backends import UnknownBackendError, load_backend_version

    try:
        return load_backend_version(name, version)
    except UnknownBackendError as error:
        exit_with_error(str(error.args[0]), ExitCode.USAGE)


def load_backends_and_warn() -> list[Backend]:
    """Every installed backend; those whose package cannot be loaded are named on stderr."""
    from qwen_recipes.backends import list_backend_names, try_backend

    found = [try_backend(name) for name in list_backend_names()]
    for problem in found:
        if isinstance(problem, str):
            print_stderr(f"recipes: {problem}")
    return [backend for backend in found if not isinstance(backend, str)]


Prepare = Callable[["LoadedRecipe"], "LoadedRecipe"]


def load_backend_recipe(
    file: str,
    sets: tuple[str, ...],
    name: str | None,
    version: str | None = None,
    prepare: Prepare | None = None,
    printed: set[str] | None = None,
) -> BackendRecipe:
    """A recipe for the framework named, else its own, else the first that supports it, which is printed once.

    `printed` holds what was printed before.

    Raises RecipeReadError, RecipeError, UnknownBackendError, for which `exit_on_error` ends the command.
    """
    exit_if_all_backends(name)
    return load_backend_recipes(file, sets, name, version, prepare, printed)[0]


def exit_if_all_backends(name: str | None) -> None:
    """Exit 2 where a command that takes one framework is asked for all."""
    if name == "all":
        exit_with_error("this command takes one framework, not all: --backend NAME", ExitCode.USAGE)


def _exit_if_unknown_backend(name: str | None) -> None:
    """Exit 2 where the command line names no framework, before the recipe's own errors are looked for."""
    if name and name != "all":
        get_backend_or_exit(name)


def load_backend_recipes(
    file: str,
    sets: tuple[str, ...],
    name: str | None,
    version: str | None = None,
    prepare: Prepare | None = None,
    printed: set[str] | None = None,
) -> list[BackendRecipe]:
    """As `load_backend_recipe`, for commands that also take `--backend all`.

    `prepare` is what the command does about the model before anything looks at it: downloads, pins its revision.
    """
    from qwen_recipes.recipe.pipeline import load_stage

    _exit_if_unknown_backend(name)
    return choose_backends_or_exit(load_stage(file, sets, get_asked_stage()), name, version, prepare, printed=printed)


def load_stages(
    file: str, sets: tuple[str, ...], name: str | None, version: str | None = None, prepare: Prepare | None = None
) -> dict[str, list[BackendRecipe]]:
    """As `load_backend_recipes`, for commands that take several recipes: of each stage that trains, and each trial.

    They are named by stage and trial; a recipe without either has one, named by nothing.
    """
    from qwen_recipes.recipe.file_content import load_recipes

    _exit_if_unknown_backend(name)
    printed: set[str] = set()
    return {
        one.part: choose_backends_or_exit(one, name, version, prepare, one.stage, printed)
        for one in load_recipes(file, sets, get_asked_stage())
    }


def choose_backends_or_exit(
    loaded: LoadedRecipe,
    name: str | None,
    version: str | None = None,
    prepare: Prepare | None = None,
    stage: str = "",
    printed: set[str] | None = None,
) -> list[BackendRecipe]:
    """A recipe for the frameworks meant, which are printed where nobody named them. Raises UnknownBackendError."""
    from qwen_recipes.resolve.backend_recipe import BackendRecipe
    from qwen_recipes.resolve.choose_backend import choose_backends
    from qwen_recipes.resolve.measured_lengths import with_measured_lengths

    loaded = prepare(loaded) if prepare else loaded
    if name == "all" and version is not None:
        exit_with_error("--backend-version needs one framework: add --backend NAME", ExitCode.USAGE)
    recipes, why = choose_backends(loaded, name, version)
    message = f"recipes: {f'stage {stage}: ' if stage else ''}{why}"
    if why and message not in (printed or ()):
        print_stderr(message)
    if printed is not None:
        printed.add(message)
    measured = with_measured_lengths(recipes[0].loaded, recipes[0].backend)
    return recipes if measured is loaded else [BackendRecipe(measured, one.backend) for one in recipes]


def exit_with_findings(findings: list[Finding], form: str = "text") -> NoReturn:
    """Print findings and exit 1: as text on standard error, in other formats on standard output."""
    if form == "text":
        print_stderr(text(findings))
        print_stderr(summarize_findings(findings))
    else:
        print_machine(REPORTERS[form](findings, ()))
    sys.exit(ExitCode.INVALID_INPUT)


def summarize_findings(findings: list[Finding]) -> str:
    """`2 errors, 1 warning`."""
    counts = [(sum(f.severity == s for f in findings), s) for s in ("error", "warning", "advice")]
    said = [f"{count} {name}{'s' if count > 1 and name != 'advice' else ''}" for count, name in counts if count]
    return ", ".join(said) or "no problems"
