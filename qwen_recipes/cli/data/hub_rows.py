"""Data sets on the hub, as the data commands read them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from qwen_recipes.cli.console import print_stderr
from qwen_recipes.cli.options_and_exits import ExitCode, exit_with_error
from qwen_recipes.data.hub_dataset import HubSplit, fetch_split
from qwen_recipes.data.rows.find_files import ROW_FILE_SUFFIXES, get_row_suffix
from qwen_recipes.data.rows.row import MissingReaderError
from qwen_recipes.qwen.hub_cache import is_repo_id
from qwen_recipes.qwen.hub_download import HubError


@dataclass(frozen=True)
class HubOptions:
    """What the command line says of a data set on the hub. `complete`: read all of a split, not a sample."""

    subset: str | None = None
    split: str | None = None
    revision: str | None = None
    complete: bool = False


def add_hub_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--subset`, `--split` and `--revision` for a data set that is given by its id."""
    options = (
        click.option("--subset", metavar="NAME", help="Subset of a data set on the hub."),
        click.option("--split", metavar="NAME", help="Split of a data set on the hub. [default: train]"),
        click.option("--revision", metavar="REVISION", help="Commit or tag of a data set on the hub."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def find_hub_rows(name: str, options: HubOptions) -> list[Path] | None:
    """The files of a data set that is given by its id; None where the name is a file's, a folder's or a pattern's."""
    if not may_be_dataset_id(name):
        if options.subset or options.split or options.revision:
            exit_with_error(
                f"--subset, --split and --revision apply to a data set on the hub; {name} is a path", ExitCode.USAGE
            )
        return None
    source = HubSplit(name, options.subset, options.split or "train", options.revision)
    return fetch_split_or_exit(source, complete=options.complete)


def may_be_dataset_id(name: str) -> bool:
    """Whether a name is `ORGANISATION/NAME` of nothing that is here."""
    path = Path(name)
    if "/" not in name or not is_repo_id(name) or get_row_suffix(path.name) in ROW_FILE_SUFFIXES:
        return False
    return not path.exists() and not path.parent.exists()


def fetch_split_or_exit(source: HubSplit, *, complete: bool) -> list[Path]:
    """The files of a split, with a line on standard error that says how much of it they are."""
    try:
        found = fetch_split(source, complete=complete)
    except HubError as error:
        exit_with_error(str(error), ExitCode.USAGE)
    except MissingReaderError as error:
        exit_with_error(str(error), ExitCode.ENVIRONMENT)
    part = "all rows" if found.complete else "a sample; `recipes data check --all` reads all rows"
    print_stderr(f"recipes: {source.repo}, split {source.split}, commit {found.commit[:12]}: {part}")
    return list(found.files)
