"""`recipes backends`."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import click

from qwen_recipes.cli.console import print_json, print_text
from qwen_recipes.cli.options_and_exits import format_option, get_backend_or_exit, load_backends_and_warn
from qwen_recipes.cli.tables import print_table

if TYPE_CHECKING:
    from qwen_recipes.backends import Backend
    from qwen_recipes.compile.support_matrix import SupportCell

_WIDTH = 80
_MOST = {
    "parsed": "parsed",
    "seen at the trainer": "trainer",
    "trained on a CPU": "CPU",
    "trained on a GPU": "GPU",
    "trained on two GPUs": "2 GPUs",
}


@click.command("backends")
@click.argument("name", required=False, metavar="[NAME]")
@click.option("--matrix", is_flag=True, help="Print what each framework receives for every field of a recipe.")
@format_option("text", "json")
def command(name: str | None, matrix: bool, form: str) -> None:
    """List the supported frameworks with their versions.

    With NAME, e.g. axolotl, list how far each objective was tested with this framework, and the settings that it does
    not support, with the reasons. Compiling a recipe with such a setting is an error that names the frameworks that
    support it.
    """
    backends = [get_backend_or_exit(name)] if name else load_backends_and_warn()
    if matrix:
        _print_support_matrix(backends, form)
    elif form == "json":
        print_json([_backend_as_dict(backend) for backend in backends])
    elif name:
        print_text("\n".join([*_format_tested(backends[0]), "", *_format_unsupported(backends[0])]))
    else:
        _print_overview(backends)


def _backend_as_dict(backend: Backend) -> dict[str, object]:
    from qwen_recipes.backends.tested_objectives import OBJECTIVES, load_tested_objectives
    from qwen_recipes.compile.support_matrix import describe_tested_objective

    tested = load_tested_objectives(backend.name)
    unsupported = [{"field": one.field, "why": one.why} for one in backend.list_unsupported()]
    return {
        "name": backend.name,
        "title": backend.title,
        "version": backend.version,
        "versions": list(backend.versions),
        "unsupported": unsupported,
        "tested": {one: describe_tested_objective(backend, one, tested) for one in OBJECTIVES},
    }


def _print_overview(backends: list[Backend]) -> None:
    head = ("name", "framework", "versions", "unsupported settings")
    rows = [(b.name, b.title, ", ".join(b.versions), str(len(b.list_unsupported()))) for b in backends]
    print_table(head, rows)
    print_text("\nDetails: recipes backends NAME\n")
    print_text("How far each objective was tested: config parsed; settings compared at the")
    print_text("trainer; trained on a CPU, a GPU, 2 GPUs. `-` is unsupported.")
    from qwen_recipes.backends.tested_objectives import OBJECTIVES

    print_table(("", *OBJECTIVES), [_list_most_run(backend) for backend in backends])


def _list_most_run(backend: Backend) -> list[str]:
    """The framework's name, and for each objective the most that was run; `-` where it is unsupported."""
    from qwen_recipes.backends.tested_objectives import OBJECTIVES, load_tested_objectives
    from qwen_recipes.compile.support_matrix import describe_tested_objective

    tested = load_tested_objectives(backend.name)
    most = {objective: _MOST[levels[-1]] for objective, levels in tested.items()}
    words = (most.get(one) or describe_tested_objective(backend, one, tested) for one in OBJECTIVES)
    return [backend.name, *("-" if word == "unsupported" else word for word in words)]


def _format_tested(backend: Backend) -> Iterator[str]:
    from qwen_recipes.backends.tested_objectives import OBJECTIVES, load_tested_objectives
    from qwen_recipes.compile.support_matrix import describe_tested_objective

    tested = load_tested_objectives(backend.name)
    yield f"Tested with {backend.title}:"
    for objective in OBJECTIVES:
        yield f"  {objective:<9} {describe_tested_objective(backend, objective, tested)}"


def _format_unsupported(backend: Backend) -> Iterator[str]:
    yield f"{backend.title} {backend.version} does not support:"
    for one in sorted(backend.list_unsupported(), key=lambda one: one.field):
        yield from _wrap_entry(f"{one.field}: {one.why}")


def _print_support_matrix(backends: list[Backend], form: str) -> None:
    from dataclasses import asdict

    from qwen_recipes.compile.support_matrix import build_support_matrix, describe_cell

    cells = [cell for backend in backends for cell in build_support_matrix(backend)]
    if form == "json":
        print_json([asdict(cell) for cell in cells])
        return
    print_text("\n".join(format_support_matrix(cells, describe_cell, names=len(backends) > 1)))


def format_support_matrix(
    cells: Sequence[SupportCell], describe: Callable[[SupportCell], str], *, names: bool
) -> Iterator[str]:
    """Each field with what frameworks receive below it, 80 columns wide; those that receive the same share an entry.

    Without `names` the frameworks are not named: the cells are of one.
    """
    fields: dict[str, dict[str, list[str]]] = {}
    for cell in sorted(cells, key=lambda one: one.field):
        fields.setdefault(cell.field, {}).setdefault(describe(cell), []).append(cell.backend)
    for field, entries in fields.items():
        yield field
        for text, backends in entries.items():
            yield from _wrap_entry(f"{', '.join(backends)}: {text}" if names else text)


def _wrap_entry(text: str) -> list[str]:
    return textwrap.wrap(f"  {text}", _WIDTH, subsequent_indent="    ", break_on_hyphens=False, break_long_words=False)
