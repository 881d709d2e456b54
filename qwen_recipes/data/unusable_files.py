"""Files of a recipe's source that nothing can be trained on, by their first rows; cheap enough for `recipes lint`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from qwen_recipes.data.rows.file_forms import COMPRESSIONS, FileForm, Kind, find_file_problem, open_rows
from qwen_recipes.data.rows.find_files import get_row_suffix
from qwen_recipes.data.rows.formats import normalize_row
from qwen_recipes.data.rows.message_forms import RowOptions
from qwen_recipes.data.rows.open_file import BrokenStreamError, find_form
from qwen_recipes.data.rows.parquet_pages import count_rows
from qwen_recipes.data.rows.row import BadRowError, MissingReaderError, RawRow
from qwen_recipes.data.rows.row_reader import read_file_rows
from qwen_recipes.data.source_files import list_source_files
from qwen_recipes.recipe.objective_formats import DEFAULT_FORMATS, FORMATS_BY_OBJECTIVE
from qwen_recipes.recipe.spec.model_and_data import Source

MAX_ROWS = 20
"""Rows of a file that are read."""
MAX_FILES = 20
"""Files of a source that are looked at."""
_ENDS = {"parquet": (b"PAR1", "Parquet"), "arrow": (b"ARROW1", "Arrow")}
_SUFFIXES: dict[Kind, tuple[str, ...]] = {
    "lines": (".jsonl", ".ndjson", ".json", ".txt"),
    "json": (".json", ".jsonl", ".ndjson"),
    "csv": (".csv", ".tsv"),
    "text": (".txt",),
    "parquet": (".parquet",),
    "arrow": (".arrow", ".feather"),
    "arrow-stream": (".arrow", ".feather"),
}
_HOLDS: dict[Kind, str] = {"lines": "lines of JSON", "json": "JSON", "csv": "CSV", "text": "text"}
_REPAIR = "`recipes data check` lists every row that can't be read"


@dataclass(frozen=True)
class UnusableFile:
    """What is wrong with a file, and what to do instead; `fatal` where nothing of it is trained on."""

    message: str
    instead: str
    fatal: bool = True


def find_unusable_files(source: Source, objective: str, folder: Path) -> Iterator[UnusableFile]:
    """The first of a source's files that has no rows to train on, and the first whose name says another format.

    `folder` is the recipe's. Reads the first rows of the first files; of Parquet and Arrow the ends alone
    without pyarrow.
    """
    files = list_source_files(source.path or "", folder)
    found: list[tuple[Path, UnusableFile]] = []
    for file in files[:MAX_FILES]:
        try:
            problem = _judge_file(file, source, objective)
        except (OSError, MissingReaderError):
            continue
        if problem:
            found.append((file, problem))
    for fatal in (True, False):
        same = [(file, problem) for file, problem in found if problem.fatal == fatal]
        if same:
            file, problem = same[0]
            name = source.path if len(files) == 1 else _name_file(file, folder)
            more = f" ({len(same)} of {len(files):,} files)" if len(files) > 1 else ""
            yield UnusableFile(f"{name}{more} {problem.message}", problem.instead, fatal)


def _name_file(file: Path, folder: Path) -> str:
    return str(file.relative_to(folder)) if file.is_relative_to(folder) else str(file)


def _judge_file(file: Path, source: Source, objective: str) -> UnusableFile | None:
    """Raises OSError, MissingReaderError."""
    encoding = source.encoding or ""
    if whole := find_file_problem(file, encoding):
        return UnusableFile(whole.message.removeprefix("the file "), whole.instead or "export it again")
    try:
        form = find_form(file, encoding)
    except BrokenStreamError as error:
        return UnusableFile(f"can't be read: {error}", "download or compress it again")
    unusable = None
    if form.kind in _ENDS and not form.compression:
        unusable = _judge_table(file, form.kind)
    unusable = unusable or _judge_first_rows(file, form, source, objective)
    return unusable or _find_wrong_name(file, form)


def _judge_first_rows(file: Path, form: FileForm, source: Source, objective: str) -> UnusableFile | None:
    """By its rows; None where no package here reads them."""
    try:
        rows = list(islice(read_file_rows(file, source.encoding or ""), MAX_ROWS))
    except MissingReaderError:
        return None
    return _judge_rows(rows, form, source, objective)


def _judge_table(file: Path, kind: str) -> UnusableFile | None:
    """A Parquet or Arrow file by its end, without the library that reads it."""
    mark, name = _ENDS[kind]
    with open_rows(file) as opened:
        size = opened.seek(0, 2)
        opened.seek(max(0, size - len(mark)))
        if opened.read() != mark or size < 2 * len(mark) + 4:
            return UnusableFile(f"is cut off: a {name} file ends with {mark.decode()}", "download or export it again")
        rows = count_rows(opened, size) if kind == "parquet" else None
    return UnusableFile("has no rows", "export it again") if rows == 0 else None


def _judge_rows(rows: list[RawRow], form: FileForm, source: Source, objective: str) -> UnusableFile | None:
    if not rows:
        columns = "names columns and has no rows" if form.kind == "csv" else "has no rows"
        return UnusableFile(columns, "export it again: the export was probably interrupted")
    if form.kind == "text":
        return None  # `guards/text_files.py` says which objectives train on it
    first = ""
    for row in rows:
        why = row.problem or _find_layout_problem(row, source, objective)
        if not why:
            return None
        first = first or f"row {row.number}: {why}"
    none = f"none of its first {len(rows)} rows is" if len(rows) > 1 else "its only row is not"
    return UnusableFile(f"has nothing to train on: {none} an example; {first}", _REPAIR)


def _find_layout_problem(row: RawRow, source: Source, objective: str) -> str:
    """Why a row is no example of the source's format; empty where it is one."""
    row_format = source.format or DEFAULT_FORMATS.get(objective) or FORMATS_BY_OBJECTIVE[objective][0]
    options = RowOptions(source.roles or {}, source.prompt_style or "plain")
    if row.row in ({}, []):
        return "it is empty"
    try:
        normalize_row(row.row, row_format, source.columns or {}, options)
    except BadRowError as error:
        return str(error)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return f"can't be read as {row_format}"
    return ""


def explain_wrong_name(file: Path, encoding: str = "") -> str:
    """That a file's name says another format than the file has; empty where it does not, or can't be read."""
    try:
        found = None if find_file_problem(file, encoding) else _find_wrong_name(file, find_form(file, encoding))
    except (OSError, MissingReaderError, BrokenStreamError):
        return ""
    return f"{found.message}; {found.instead}" if found else ""


def _find_wrong_name(file: Path, form: FileForm) -> UnusableFile | None:
    """A name that says another format than the file has: read here by its content, by other programs by its name."""
    packed = COMPRESSIONS.get(file.suffix.lower(), "")
    if packed != form.compression:
        holds = f"compressed with {form.compression}" if form.compression else f"not compressed with {packed}"
        return UnusableFile(f"is {holds}, which its name does not say", _advise_name(file, form), fatal=False)
    suffix = get_row_suffix(file.name)
    known = {one for suffixes in _SUFFIXES.values() for one in suffixes}
    if suffix not in known or suffix in _SUFFIXES[form.kind]:
        return None
    holds = _HOLDS.get(form.kind, form.kind.partition("-")[0].title())
    return UnusableFile(f"holds {holds}, which its name does not say", _advise_name(file, form), fatal=False)


def _advise_name(file: Path, form: FileForm) -> str:
    suffix = get_row_suffix(file.name)
    stem = Path(file.stem).stem if file.suffix.lower() in COMPRESSIONS else file.stem
    inner = suffix if suffix in _SUFFIXES[form.kind] else _SUFFIXES[form.kind][0]
    packed = next((one for one, name in COMPRESSIONS.items() if name == form.compression), "")
    return f"rename it to {stem}{inner}{packed}: frameworks and other programs go by the name"
