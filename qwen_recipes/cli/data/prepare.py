"""`recipes data prepare`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from qwen_recipes.cli.common import Exit, format_option, set_option, stop
from qwen_recipes.cli.data.sources import Asked, Options, asked_for
from qwen_recipes.cli.report import counted, say
from qwen_recipes.data.layouts import ALL_LAYOUTS
from qwen_recipes.data.preparation.examples import CONVERSATIONS, Wishes


@click.command("prepare")
@click.argument("names", nargs=-1, required=True, metavar="FILE...|RECIPE")
@click.option("-o", "--output", "out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="JSONL.")
@click.option("--format-of", "layout", type=click.Choice(ALL_LAYOUTS), help="Layout of the files' rows.")
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
def command(names: tuple[str, ...], out: Path, form: str, force: bool, **given: Any) -> None:
    """Make rows ready: convert to messages, split, clean, deduplicate, mix, hold out.

    The input is never changed. Beside OUTPUT lies OUTPUT.manifest.json: what was left out, row by row, and why.
    Broken rows are left out and listed. The same input, options and seed give the same files.
    """
    from qwen_recipes.data.preparation.run import Order, Outputs

    options = Options(given["model"], given["layout"], sets=given["sets"])
    asked = asked_for(names, options)
    held = given["validation_output"] or out.with_name(f"{out.stem}-validation{out.suffix or '.jsonl'}")
    outputs = Outputs(out, held, out.with_name(out.name + ".manifest.json"))
    _refuse(asked, outputs, given, force)
    wishes = Wishes(given["split_turns"], given["strip"], given["history_reasoning"], _think(given["think"], asked))
    order = Order(wishes, given["deduplicate"], given["reasoning_share"], given["validation"], given["group_by"],
                  given["seed"])  # fmt: skip
    manifest = _run(asked, order, outputs)
    if form == "json":
        click.echo(json.dumps({"output": str(out), "counts": manifest["counts"]}, indent=2))
    else:
        click.echo(_said(manifest["counts"], outputs, order.validation is not None))


def _think(wish: str, asked: Asked) -> str:
    if wish != "auto":
        return wish
    return "remove" if asked.rules.template.variant == "instruct-2507" else "keep"


def _refuse(asked: Asked, outputs: Any, given: dict[str, Any], force: bool) -> None:
    """End where the call would write over something, or asks of rows what they can't give."""
    inputs = {Path(rows.file).resolve() for rows in asked.files}
    for path in (outputs.train, outputs.validation, outputs.manifest):
        if path.resolve() in inputs:
            stop(f"{path} is one of the files that are read: name another", Exit.USAGE)
        if path.exists() and not force and (path != outputs.validation or given["validation"]):
            stop(f"{path} is there: name another, or give --force", Exit.USAGE)
    if given["validation_output"] and not given["validation"]:
        stop("--validation-output needs --validation SHARE", Exit.USAGE)
    changed = given["split_turns"] or given["strip"] or given["think"] != "keep" or given["reasoning_share"]
    other = sorted({rows.layout for rows in asked.files} - set(CONVERSATIONS))
    if other and (changed or given["history_reasoning"] != "keep"):
        stop(f"rows laid out as {', '.join(other)} can be deduplicated and held out, nothing more", Exit.USAGE)


def _run(asked: Asked, order: Any, outputs: Any) -> dict[str, Any]:
    from qwen_recipes.data.preparation.run import Preparation, Source
    from qwen_recipes.data.reading import NoReader

    for name in dict.fromkeys(asked.skipped):
        say(f"recipes: {name} is on the hub and was left out: download it first")
    sources = [Source(rows.file, rows.layout, dict(rows.columns)) for rows in asked.files if not rows.validation]
    try:
        return Preparation(sources, order).run(outputs)
    except (NoReader, ImportError) as error:
        stop(str(error), Exit.ENVIRONMENT)
    except OSError as error:
        stop(f"{error.filename or outputs.train}: {error.strerror}", Exit.USAGE)


def _said(counts: dict[str, int], outputs: Any, held: bool) -> str:
    lines = [
        f"{counted(counts['read'], 'row')} read, {counts['bad']:,} of them bad; "
        f"{counted(counts['made'], 'example')} made of the others",
        f"{counts['train']:,} written to {outputs.train}",
    ]
    if held:
        lines.append(f"{counts['validation']:,} held out in {outputs.validation}")
    names = (("duplicate", "duplicates"), ("near_duplicate", "near duplicates"), ("mixed_out", "for the share"))
    left = [f"{counts[key]:,} {name}" for key, name in names if counts[key]]
    lines += [f"left out: {', '.join(left)}"] if left else []
    return "\n".join([*lines, f"row by row: {outputs.manifest}"])
