"""The examples that `recipes verify` compares, or the exit that says why there are none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from qwen_recipes.cli.console import print_stderr
from qwen_recipes.cli.options_and_exits import ExitCode, exit_with_error

if TYPE_CHECKING:
    from qwen_recipes.verify.row_sample import RowSample

Result = TypeVar("Result")


def read_or_exit(read: Callable[[], Result]) -> Result:
    """What `read` returns. Exits 4 where a package is missing, 2 where a file can't be read, 1 where it is broken."""
    from qwen_recipes.data.rows.sources import MissingSourceError

    try:
        return read()
    except ModuleNotFoundError as error:
        exit_with_error(f"{error.name} is not installed: pip install 'qwen-recipes[tokens]'", ExitCode.ENVIRONMENT)
    except (OSError, MissingSourceError) as error:
        exit_with_error(str(error), ExitCode.USAGE)
    except ValueError as error:
        exit_with_error(str(error), ExitCode.INVALID_INPUT)


def exit_without_examples(sample: RowSample, examples: Sequence[object]) -> None:
    """Say on stderr which rows were left out; exit 1 where no example is left to compare."""
    if sample.bad or sample.overlong:
        print_stderr(f"recipes: skipped: {sample.bad} invalid rows, {sample.overlong} longer than sequence_length")
    if not examples:
        exit_with_error("no rows left to compare", ExitCode.INVALID_INPUT)
