"""`recipes data prepare`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qwen_recipes.cli.console import format_count, print_json, print_text
from qwen_recipes.cli.data.hub_rows import HubOptions, add_hub_options
from qwen_recipes.cli.data.reading_options import layout_option
from qwen_recipes.cli.data.selection import DataOptions, DataSelection, select_data
from qwen_recipes.cli.options_and_exits import ExitCode, exit_with_error, format_option, set_option
from qwen_recipes.cli.progress import show_bytes_read
from qwen_recipes.data.preparation.convert_row import ConversationOptions
from qwen_recipes.data.rows.layouts import ANY_CONVERSATION, CONVERSATION_FORMATS

if TYPE_CHECKING:
    from qwen_recipes.data.preparation.pipeline import OutputPaths, PreparationOptions


@click.command("prepare")
@click.argument("names", nargs=-1, required=True, metavar="FILE...|ID|RECIPE")
@click.option(
    "-o",
    "--output",
    "out",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="File to write; its suffix sets the format: .jsonl, .json, .jsonl.gz, .csv, .tsv or .parquet.",
)
@layout_option
@click.option("--split-turns", is_flag=True, help="Make one example per assistant answer, with the turns before it.")
@click.option(
    "--strip", is_flag=True, help="Normalize text to Unicode NFC and remove newlines at the beginning of answers."
)
@click.option("--history-reasoning", type=click.Choice(["keep", "strip"]), default="keep", show_default=True,
              help="Keep or strip reasoning in answers before the last question.")  # fmt: skip
@click.option("--think", type=click.Choice(["keep", "remove", "add", "auto"]), default="keep", show_default=True,
              help="Think blocks: keep all, remove all, or add an empty one to a last answer that has none; "
              "auto: remove for Instruct-2507, else keep.")  # fmt: skip
@click.option("--model", metavar="MODEL", help="Model for `--think auto`.")
@click.option("--reasoning-share", type=click.FloatRange(0, 1, min_open=True, max_open=True), metavar="SHARE",
              help="Drop examples until this share has reasoning, e.g. 0.75.")  # fmt: skip
@click.option("--deduplicate", type=click.Choice(["none", "exact", "near"]), default="none", show_default=True,
              help="Drop duplicates, or near duplicates, of earlier examples.")  # fmt: skip
@click.option("--validation", type=click.FloatRange(0, 1, min_open=True, max_open=True), metavar="SHARE",
              help="Share to hold out, e.g. 0.05; examples with the same first question stay together.")  # fmt: skip
@click.option("--validation-output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="File for held-out examples. [default: OUTPUT-validation]")  # fmt: skip
@click.option(
    "--group-by", metavar="KEY", help="Keep rows with the same value of KEY on one side of the split, e.g. meta.user."
)
@add_hub_options
@click.option(
    "--seed", metavar="N", type=int, default=42, show_default=True, help="Seed for the split and for dropping examples."
)
@click.option("--force", is_flag=True, help="Overwrite existing files.")
@set_option
@format_option("text", "json")
def command(names: tuple[str, ...], out: Path, form: str, force: bool, **flags: Any) -> None:
    """Convert, split, clean, deduplicate and hold out data.

    Conversations in any supported layout are written as `messages`. The input is not changed. Invalid examples are
    dropped. OUTPUT.manifest.json lists every dropped row with the reason. The same input, options and seed give the
    same output.

    Example: recipes data prepare raw.jsonl -o train.jsonl --deduplicate exact --validation 0.05
    """
    from qwen_recipes.data.preparation.pipeline import OutputPaths, PreparationOptions

    hub = HubOptions(flags["subset"], flags["split"], flags["revision"], complete=True)
    options = DataOptions(flags["model"], flags["layout"], sets=flags["sets"], hub=hub)
    asked = select_data(names, options)
    if not out.name:
        exit_with_error("-o needs the name of a file", ExitCode.USAGE)
    if flags["group_by"] == "":
        exit_with_error("--group-by needs a key of the rows, e.g. meta.user", ExitCode.USAGE)
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
    return "keep" if selection.rules.template.reasons else "remove"


def _exit_on_bad_call(selection: DataSelection, outputs: OutputPaths, options: dict[str, object], force: bool) -> None:
    """Exit 2 if the call would overwrite a file, or combines options that do not apply to the data."""
    inputs = {os.path.realpath(rows.file) for rows in selection.files}
    for path in (outputs.train, outputs.validation, outputs.manifest):
        if os.path.realpath(path) in inputs:
            exit_with_error(f"{path} is an input file; choose another output", ExitCode.USAGE)
        if path.exists() and not force and (path != outputs.validation or options["validation"]):
            exit_with_error(f"{path} exists; use --force to overwrite it", ExitCode.USAGE)
    if options["validation_output"] and not options["validation"]:
        exit_with_error("--validation-output needs --validation SHARE", ExitCode.USAGE)
    changed = options["split_turns"] or options["strip"] or options["think"] != "keep" or options["reasoning_share"]
    other = sorted({rows.layout for rows in selection.files} - {ANY_CONVERSATION, *CONVERSATION_FORMATS})
    if other and (changed or options["history_reasoning"] != "keep"):
        exit_with_error(
            f"{', '.join(other)} data can only be deduplicated and split: remove the other options", ExitCode.USAGE
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

    sources = [
        InputFile(rows.file, rows.layout, dict(rows.columns), rows.options, rows.encoding)
        for rows in selection.files
        if not rows.validation
    ]
    try:
        with show_bytes_read(source.file for source in sources) as add:
            return DataPreparation(sources, order, add).run(outputs)
    except (MissingReaderError, ImportError) as error:
        exit_with_error(str(error), ExitCode.ENVIRONMENT)
    except (PreparationError, OutputFormatError) as error:
        exit_with_error(str(error), ExitCode.INVALID_INPUT)
    except OSError as error:
        exit_with_error(f"{error.filename or outputs.train}: {error.strerror}", ExitCode.USAGE)


def _format_counts(counts: dict[str, int], outputs: OutputPaths, has_validation: bool) -> str:
    lines = [
        f"{format_count(counts['read'], 'row')} read, {counts['bad']:,} invalid; "
        f"{format_count(counts['made'], 'example')} made",
        f"{counts['train']:,} written to {outputs.train}",
    ]
    if has_validation:
        lines.append(f"{counts['validation']:,} held out in {outputs.validation}")
    names = (
        ("duplicate", "duplicates"),
        ("near_duplicate", "near duplicates"),
        ("mixed_out", "to reach the reasoning share"),
    )
    left = [f"{counts[key]:,} {name}" for key, name in names if counts[key]]
    lines += [f"dropped: {', '.join(left)}"] if left else []
    return "\n".join([*lines, f"details per row: {outputs.manifest}"])
