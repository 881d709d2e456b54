"""Another process puts a link, a pipe or another file in a file's place, between one look at it and the next."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from qwen_recipes.data.rows.open_file import find_form
from qwen_recipes.data.rows.row_reader import read_file_rows
from qwen_recipes.filesystem.logs import open_new_log
from qwen_recipes.filesystem.read_file import read_bytes
from qwen_recipes.filesystem.replace_file import replace_file

TRIES = 100


@contextmanager
def flipping(path: Path, *makers) -> Iterator[None]:
    """Another thread that puts one thing after the other in the path's place, as fast as it can."""
    stop = threading.Event()

    def flip() -> None:
        while not stop.is_set():
            for place, make in enumerate(makers):
                other = path.with_name(f"other-{place}")
                with suppress(OSError):
                    make(other)
                    other.rename(path)
                with suppress(OSError):
                    other.unlink()

    thread = threading.Thread(target=flip, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def make_file(path: Path) -> None:
    path.write_text('{"text": "a"}\n', "utf-8")


def make_link(path: Path) -> None:
    path.symlink_to("kept")


def make_folder_link(path: Path) -> None:
    path.symlink_to("outside", target_is_directory=True)


@pytest.fixture
def kept(tmp_path):
    (tmp_path / "kept").write_text("as it was", "utf-8")
    yield tmp_path / "kept"
    assert (tmp_path / "kept").read_text("utf-8") == "as it was"


def test_what_a_link_leads_to_is_never_written(tmp_path, kept):
    with flipping(tmp_path / "target", make_link, make_file):
        for _ in range(TRIES):
            with suppress(OSError):
                replace_file(tmp_path / "target", "new")
    assert not list(tmp_path.glob(".recipes-*"))


def test_a_folder_that_becomes_a_link_leads_nowhere(tmp_path, kept):
    (tmp_path / "outside").mkdir()
    (tmp_path / "out").mkdir()
    folder = tmp_path / "out" / "compiled"
    (tmp_path / "out" / "outside").symlink_to("../outside")
    with flipping(folder, Path.mkdir, make_folder_link):
        for _ in range(TRIES):
            with suppress(OSError):
                replace_file(folder / "train.yaml", "new", tmp_path / "out")
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_log_is_never_opened_through_a_link(tmp_path, kept):
    with flipping(tmp_path / "run.log", make_link, make_file):
        for _ in range(TRIES):
            with suppress(OSError), open_new_log(tmp_path / "run.log") as log:
                log.write(b"printed")


def test_a_pipe_in_a_file_s_place_is_not_waited_for(tmp_path, kept):
    rows = tmp_path / "rows.jsonl"
    make_file(rows)
    with flipping(rows, os.mkfifo, make_file):
        for _ in range(TRIES):
            with suppress(OSError):
                find_form(rows)
                list(read_file_rows(rows))
            with suppress(OSError):
                read_bytes(rows, "config")
    rows.unlink(missing_ok=True)
    make_file(rows)
    assert len(list(read_file_rows(rows))) == 1
