"""Files opened as streams of plain bytes or text, whatever they are compressed with."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from .file_forms import (
    ARROW_MARKS,
    HEAD_BYTES,
    FileForm,
    find_compression,
    find_encoding,
    find_foreign_form,
    find_text_kind,
    open_rows,
    read_head,
)
from .find_files import get_row_suffix
from .limits import explain_expansion, get_expanded_limit
from .row import MissingReaderError


class BrokenStreamError(Exception):
    """A compressed file that can't be read on, and why."""


def find_form(path: Path, encoding: str = "") -> FileForm:
    """What a file is. Raises OSError, MissingReaderError, BrokenStreamError."""
    head = read_head(path)
    compression = find_compression(head)
    if compression:
        with open_bytes(path, FileForm("lines", compression)) as file:
            head = file.read(HEAD_BYTES)
        if foreign := find_foreign_form(head, encoding):
            raise BrokenStreamError(f"{foreign[0]} within {compression}, not rows; {foreign[1]}".removesuffix("; "))
    for mark, kind in ARROW_MARKS.items():
        if head.startswith(mark):
            return FileForm(kind, compression)  # type: ignore[arg-type]
    found = find_encoding(head, encoding)
    text = head.decode(found, "replace")
    return FileForm(find_text_kind(get_row_suffix(path.name), text), compression, found)


def open_bytes(path: Path, form: FileForm) -> IO[bytes]:
    """The bytes of a file, decompressed. Raises OSError, MissingReaderError."""
    file = open_rows(path)
    if not form.compression:
        return file
    limit = get_expanded_limit(os.fstat(file.fileno()).st_size)
    unpack: dict[str, Callable[[BinaryIO], Any]] = {
        "gzip": gzip.open,
        "bzip2": bz2.open,
        "xz": lzma.open,
        "zstd": _open_zstd,
    }
    try:
        inner = unpack[form.compression](file)
    except MissingReaderError as error:
        file.close()
        raise MissingReaderError(f"{path} {error}") from None
    stream = _ExpandedStream(inner, file, form.compression, limit)
    return io.BufferedReader(cast(io.RawIOBase, stream), 1 << 20)


def open_text(path: Path, form: FileForm) -> IO[str]:
    """The text of a file without its byte order mark; bytes that are not UTF-8 become unpaired surrogates.

    Raises OSError, and MissingReaderError for a compression that no package here reads.
    """
    errors = "surrogateescape" if form.encoding == "utf-8" else "strict"
    encoding = "utf-8-sig" if form.encoding == "utf-8" else form.encoding
    return io.TextIOWrapper(open_bytes(path, form), encoding, errors, newline="")


def _open_zstd(file: BinaryIO) -> object:
    try:
        from compression import zstd  # type: ignore[import-not-found,unused-ignore]

        return zstd.open(file)
    except ImportError:
        pass
    try:
        import pyarrow

        return pyarrow.input_stream(file, compression="zstd")
    except ImportError:
        raise MissingReaderError("is zstd: reading it needs pyarrow (pip install pyarrow)") from None


class _ExpandedStream(io.RawIOBase):
    """What is decompressed, up to a limit. Raises BrokenStreamError for whatever is wrong in it."""

    def __init__(self, inner: Any, file: BinaryIO, compression: str, limit: int) -> None:
        self.inner, self.file, self.compression, self.left = inner, file, compression, limit

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Bytes that were read."""
        try:
            block = self.inner.read(len(buffer))
        except Exception as error:  # each library has its own kinds
            why = " ".join(str(error).split()) or type(error).__name__
            raise BrokenStreamError(f"the {self.compression} data is broken or cut off here: {why}") from None
        self.left -= len(block)
        if self.left < 0:
            raise BrokenStreamError(explain_expansion(f"the {self.compression} data"))
        buffer[: len(block)] = block
        return len(block)

    def close(self) -> None:
        """And the streams below."""
        self.inner.close()
        self.file.close()
        super().close()
