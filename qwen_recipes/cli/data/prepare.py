"""`recipes data prepare`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qwen_recipes.cli.console import format_count, print_json, print_stderr, print_text
from qwen_recipes.cli.data.selection import DataOptions, DataSelection, select_data
from qwen_recipes.cli.options_and_exits import ExitCode, exit_with_error, format_option, set_option
from qwen_recipes.data.detect_format import ROW_FORMATS
from qwen_recipes.data.preparation.convert_row import ConversationOptions
from qwen_recipes.data.rows.layouts import CONVERSATION_FORMATS

if TYPE_CHECKING:
    from qwen_recipes.data.preparation.pipeline import OutputPaths, PreparationOptions


@click.command("prepare")
@click.argument("names", nargs=-1, required=True, metavar="FILE...|RECIPE")
@click.option(
    "-o",
    "--output",
    "out",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Its name says the format: .jsonl, .json, .jsonl.gz, .csv, .tsv or .parquet.",
)
@click.option("--format-of", "layout", type=click.Choice(ROW_FORMATS), help="Layout of the files' rows.")
@click.option("--split-turns", is_flag=True, help="One example for each turn that the assistant ends.")
@click.option("--strip", is_flag=True, help="Unicode's form C, and no newline at the beginning of answers.")
@click.option("--history-reasoning", type=click.Choice(["keep", "strip"]), default="keep", show_default=True,
              help="Reasoning in answers before the last question.")  # fmt: skip
@click.option("--think", type=click.Choice(["keep", "remove", "add", "auto"]), default="keep", show_default=True,
              help="Think blocks: take all out, add an empty one to a last answer without, or as the model wants it "
              "(out for Instruct-2507).")  # fmt: skip
@click.option("--model", metavar="MODEL", help="The model that `--think auto` asks.")
@click.option("--reasoning-share", type=click.FloatRange(0, 1, min_open=True, max_open=True), metavar="SHARE",
              help="Leave out rows until so many have reasoning, as 0.75.")  # fmt: skip
@click.option("--deduplicate", type=click.Choice(["none", "exact", "near"]), default="none", show_default=True,
              help="Leave out what repeats an earlier example.")  # fmt: skip
@click.option("--validation", type=click.FloatRange(0, 1, min_open=True, max_open=True), metavar="SHARE",
              help="Hold out so many; examples of one row or one first question stay together.")  # fmt: skip
@click.option("--validation-output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Where to. [default: OUTPUT with -validation]")  # fmt: skip
@click.option("--group-by", metavar="KEY", help="Rows with an equal value there stay on one side, as meta.user.")
@click.option("--seed", type=int, default=42, show_default=True, help="For what is drawn.")
@click.option("--force", is_flag=True, help="Write over files that are there.")
@set_option
@format_option("text", "json")
def command(names: tuple[str, ...], out: Path, form: str, force: bool, **flags: Any) -> None:
    """Make rows ready: convert to messages, split, clean, deduplicate, mix, hold out.

    The input is never changed. Beside OUTPUT lies OUTPUT.manifest.json: what was left out, row by row, and why.
    Broken rows are left out and listed. The same input, options and seed give the same files.
    """
    from qwen_recipes.data.preparation.pipeline import OutputPaths, PreparationOptions

    options = DataOptions(flags["model"], flags["layout"], sets=flags["sets"])
    asked = select_data(names, options)
    stem, _, ending = out.name.partition(".")
    held = flags["validation_output"] or out.with_name(f"{stem}-validation.{ending or 'jsonl'}")
    outputs = OutputPaths(out, held, out.with_name(out.name + ".manifest.json"))
    _exit_on_bad_call(asked, outputs, flags, force)
    wishes = ConversationOptions(
        flags["split_turns"], flags["strip"], flags["history_reasoning"], _resolve_think_option(flags["think"], asked)
    )
    order = PreparationOptions(wishes, flags["deduplicate"], flags["reasoning_share"], flags["validation"],
                               flags["group_by"], flags["seed"])  # fmt: skip
    manifest = _run_preparation(asked, order, outputs)
    if form == "json":
        print_json({"output": str(out), "counts": manifest["counts"]})
    else:
        print_text(_format_counts(manifest["counts"], outputs, order.validation is not None))


def _resolve_think_option(option: str, selection: DataSelection) -> str:
    if option != "auto":
        return option
    return "remove" if selection.rules.template.variant == "instruct-2507" else "keep"


def _exit_on_bad_call(selection: DataSelection, outputs: OutputPaths, options: dict[str, Any], force: bool) -> None:
    """End where the call would write over something, or asks of rows what they can't give."""
    inputs = {os.path.realpath(rows.file) for rows in selection.files}
    for path in (outputs.train, outputs.validation, outputs.manifest):
        if os.path.realpath(path) in inputs:
            exit_with_error(f"{path} is one of the files that are read: name another", ExitCode.USAGE)
        if path.exists() and not force and (path != outputs.validation or options["validation"]):
            exit_with_error(f"{path} is there: name another, or give --force", ExitCode.USAGE)
    if options["validation_output"] and not options["validation"]:
        exit_with_error("--validation-output needs --validation SHARE", ExitCode.USAGE)
    changed = options["split_turns"] or options["strip"] or options["think"] != "keep" or options["reasoning_share"]
    other = sorted({rows.layout for rows in selection.files} - set(CONVERSATION_FORMATS))
    if other and (changed or options["history_reasoning"] != "keep"):
        exit_with_error(
            f"rows laid out as {', '.join(other)} can be deduplicated and held out, nothing more", ExitCode.USAGE
        )
    _exit_on_unknown_format(outputs)


def _exit_on_unknown_format(outputs: OutputPaths) -> None:
    from qwen_recipes.data.preparation.output_format import OutputFormatError, find_output_suffix

    try:
        for path in (outputs.train, outputs.validation):
            find_output_suffix(path)
    except OutputFormatError as error:
        exit_with_error(str(error), ExitCode.USAGE)


def _run_preparation(selection: DataSelection, order: PreparationOptions, outputs: OutputPaths) -> dict[str, Any]:
    from qwen_recipes.data.preparation.output_format import OutputFormatError
    from qwen_recipes.data.preparation.pipeline import DataPreparation, InputFile, PreparationError
    from qwen_recipes.data.rows.row_reader import MissingReaderError

    for name in dict.fromkeys(selection.skipped):
        print_stderr(f"recipes: {name} is on the hub and was left out: download it first")
    sources = [
        InputFile(rows.file, rows.layout, dict(rows.columns), rows.options, rows.encoding)
        for rows in selection.files
        if not rows.validation
    ]
    try:
        return DataPreparation(sources, order).run(outputs)
    except (MissingReaderError, ImportError) as error:
        exit_with_error(str(error), ExitCode.ENVIRONMENT)
    except (PreparationError, OutputFormatError) as error:
        exit_with_error(str(error), ExitCode.INVALID_INPUT)
    except OSError as error:
        exit_with_error(f"{error.filename or outputs.train}: {error.strerror}", ExitCode.USAGE)


def _format_counts(counts: dict[str, int], outputs: OutputPaths, has_validation: bool) -> str:
    lines = [
        f"{format_count(counts['read'], 'row')} read, {counts['bad']:,} of them bad; "
        f"{format_count(counts['made'], 'example')} made of the others",
        f"{counts['train']:,} written to {outputs.train}",
    ]
    if has_validation:
        lines.append(f"{counts['validation']:,} held out in {outputs.validation}")
    names = (("duplicate", "duplicates"), ("near_duplicate", "near duplicates"), ("mixed_out", "for the share"))
    left = [f"{counts[key]:,} {name}" for key, name in names if counts[key]]
    lines += [f"left out: {', '.join(left)}"] if left else []
    return "\n".join([*lines, f"row by row: {outputs.manifest}"])
