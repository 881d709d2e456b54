"""What a file is, by its first bytes and then by its name."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from .regular_file import open_regular_file

HEAD_BYTES = 1 << 16
"""Bytes that are looked at."""
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bzip2", ".xz": "xz"}
"""By the suffix of a file's name."""
COMPRESSION_MARKS = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2", b"\xfd7zXZ": "xz"}
"""How compressed files begin."""
ARROW_MARKS = {b"PAR1": "parquet", b"ARROW1": "arrow", b"\xff\xff\xff\xff": "arrow-stream"}
ARROW_SUFFIXES = {".parquet": "Parquet", ".arrow": "Arrow", ".feather": "Feather"}
FOREIGN_MARKS = {
    b"PK\x03\x04": ("a zip archive (an Excel file is one too)", "unpack it, or save the table as CSV"),
    b"PK\x05\x06": ("an empty zip archive", "export it again"),
    b"7z\xbc\xaf\x27\x1c": ("a 7z archive", "unpack it"),
    b"Rar!\x1a": ("a RAR archive", "unpack it"),
    b"\xd0\xcf\x11\xe0": ("an old Excel or Word file", "save it as CSV"),
    b"{\\rtf": ("a document of a word processor (RTF)", "save it as plain text"),
    b"%PDF": ("a PDF", "extract its text first"),
    b"\x89PNG": ("an image", ""),
    b"\xff\xd8\xff": ("an image", ""),
    b"GIF89a": ("an image", ""),
    b"\x7fELF": ("a program", ""),
    b"SQLite format": ("a SQLite database", "export the table as CSV or JSON lines"),
    b"\x89HDF": ("an HDF5 file", "export it as JSON lines or Parquet"),
    b"\x93NUMPY": ("a NumPy array", "export it as JSON lines or Parquet"),
    b"Obj\x01": ("an Avro file", "export it as JSON lines or Parquet"),
    b"FEA1\0": ("a Feather file of version 1", "save it again with a newer pyarrow"),
    **{
        b"\x80" + version: ("a pickle", "export it as JSON lines or Parquet")
        for version in b"\x02 \x03 \x04 \x05".split()
    },
    b"version https://git-lfs": ("a Git LFS pointer", "run `git lfs pull`, or download the file itself"),
}
"""How files begin that hold no rows: what they are, and what to do instead."""
WEB_PAGE_MARKS = (b"<!doctype", b"<html", b"<head", b"<?xml")
_WEB_PAGE = ("a web page (HTML or XML)", "download the file itself: this is often a login page or an error message")
_TAR = ("a tar archive", "unpack it")
_BINARY = ("binary data", "rows are JSON, CSV, text, Parquet or Arrow")
_CONTROLS = frozenset(range(9)) | frozenset(range(14, 27)) | frozenset(range(28, 32))
FIRST_BYTES = 512
BYTE_ORDER_MARKS = {
    b"\xef\xbb\xbf": "utf-8",
    b"\xff\xfe\0\0": "utf-32",
    b"\0\0\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
Kind = Literal["lines", "json", "csv", "text", "parquet", "arrow", "arrow-stream"]
FileProblemKind = Literal["broken", "empty", "not-text", "changed"]


class FileForm(NamedTuple):
    """How a file is read. `encoding` is Python's name; `utf-8` files of lines can be read in parts."""

    kind: Kind
    compression: str = ""
    encoding: str = "utf-8"


@dataclass(frozen=True)
class FileProblem:
    """What is wrong with a file as a whole."""

    kind: FileProblemKind
    message: str
    instead: str = ""
    """What to do."""

    def __str__(self) -> str:
        return f"{self.message}; {self.instead}" if self.instead else self.message


def open_rows(path: Path) -> io.BufferedReader:
    """A file of rows. Raises OSError for what is not there, can't be read, or is a pipe, a device or a folder."""
    return open_regular_file(path, "it is a pipe or a device: save the rows to a file first")


def read_head(path: Path, size: int = HEAD_BYTES) -> bytes:
    """The first bytes of a file. Raises OSError."""
    with open_rows(path) as file:
        return file.read(size)


def find_file_problem(path: Path, encoding: str = "") -> FileProblem | None:
    """Why a file can't be read as rows at all, by its size and its first bytes. Raises OSError.

    `encoding` is the one that the recipe states.
    """
    head = read_head(path, FIRST_BYTES)
    if not head:
        return FileProblem("empty", "the file is empty")
    if form := find_foreign_form(head, encoding):
        return FileProblem("not-text", f"the file is {form[0]}, not rows", form[1])
    name = ARROW_SUFFIXES.get(path.suffix.lower())
    if name and _is_prose(head, encoding):
        renamed = f"rename it to {path.stem}.csv or {path.stem}.txt if it is that"
        return FileProblem(
            "not-text", f"the file is text, not {name} as its name says", f"export it again, or {renamed}"
        )
    return None


def _is_prose(head: bytes, encoding: str) -> bool:
    """Whether a file begins like a text that is not JSON."""
    if find_compression(head) or head.startswith(tuple(ARROW_MARKS)):
        return False
    text = head.decode(find_encoding(head, encoding), "replace").lstrip("\ufeff\0 \t\r\n")
    return text[:1] not in ("{", "[", "")


def find_foreign_form(head: bytes, encoding: str = "") -> tuple[str, str] | None:
    """What a file is that begins so and holds no rows, and what to do instead; None where it may hold rows."""
    for mark, form in FOREIGN_MARKS.items():
        if head.startswith(mark):
            return form
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(WEB_PAGE_MARKS):
        return _WEB_PAGE
    if head[257:262] == b"ustar":
        return _TAR
    return _BINARY if not encoding and _is_binary(head) else None


def _is_binary(head: bytes) -> bool:
    """Whether many of a file's first bytes are no characters; zeros around its text are what a full disk leaves."""
    if find_compression(head) or head.startswith(tuple(ARROW_MARKS)) or find_encoding(head) != "utf-8":
        return False
    head = head.lstrip(b"\0")[:64].rstrip(b"\0")
    controls = sum(byte in _CONTROLS for byte in head)
    return controls > 2 and controls * 10 >= len(head)


def find_compression(head: bytes) -> str:
    """The name of the compression that a file begins like; empty for none."""
    return next((name for mark, name in COMPRESSION_MARKS.items() if head.startswith(mark)), "")


def find_encoding(head: bytes, stated: str = "") -> str:
    """The encoding that a text begins like, else the one that is stated, else UTF-8."""
    for mark, name in BYTE_ORDER_MARKS.items():
        if head.startswith(mark):
            return name
    if stated:
        return stated
    even, odd = head[:16:2], head[1:16:2]
    if len(head) >= 4 and not any(odd) and all(even):
        return "utf-16-le"
    return "utf-16-be" if len(head) >= 4 and not any(even) and all(odd) else "utf-8"


def find_text_kind(suffix: str, head: str) -> Kind:
    """How a text is laid out in rows, by the suffix of its file's name and its beginning."""
    head = head.lstrip("\ufeff \t\r\n")
    if suffix in (".csv", ".tsv") and not head.startswith('{"'):
        return "csv"
    if suffix == ".txt":
        return "lines" if _begins_with_object(head) else "text"
    if head.startswith("["):
        inner = head[1:].lstrip()
        return "json" if suffix == ".json" or not inner or inner[0] in "{]" else "lines"
    spread = suffix == ".json" or head.partition("\n")[0].strip() == "{"
    return "json" if spread and not _is_object_a_line(head) else "lines"


def _begins_with_object(head: str) -> bool:
    """Whether the first line is an object, or several that no line break divides."""
    line = head.partition("\n")[0]
    try:
        value, end = json.JSONDecoder().raw_decode(line)
        return isinstance(value, dict) and line[end:].strip()[:1] in ("", "{")
    except (ValueError, RecursionError):
        return line.startswith("{") and len(head) == len(line) and len(line) > HEAD_BYTES // 2


def _is_object_a_line(head: str) -> bool:
    """Whether a text is one object a line, and not one that goes over lines."""
    return any(line.startswith("{") and line.rstrip().endswith("}") for line in head.split("\n"))
