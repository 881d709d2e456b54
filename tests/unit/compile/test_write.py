"""Compiled files are put in place whole or not at all, and nobody's edits are lost."""

from __future__ import annotations

import errno
import hashlib
import json
import os

import pytest

from qwen_recipes.compile import HandEditedError, diff_files, find_drifted, find_hand_edited, write_files

FILES = {"train.yaml": "a: 1\n", "run.sh": "#!/bin/sh\n", "ä.json": "{}\n"}


def snapshot(folder):
    return {file.name: (file.read_bytes(), file.stat().st_mode & 0o777) for file in folder.iterdir()}


def test_everything_is_written_and_a_script_can_run(tmp_path):
    folder = tmp_path / "deep/er"
    assert write_files(folder, FILES) == list(FILES)
    assert {name: text for name, text in FILES.items() if (folder / name).read_bytes() == text.encode()} == FILES
    assert (folder / "run.sh").stat().st_mode & 0o111
    assert not (folder / "train.yaml").stat().st_mode & 0o111
    assert {f.name for f in folder.iterdir()} == {*FILES, ".recipes.json"}


def test_written_again_nothing_changes(tmp_path):
    write_files(tmp_path, FILES)
    before = snapshot(tmp_path)
    assert write_files(tmp_path, FILES) == []
    assert snapshot(tmp_path) == before
    assert find_drifted(tmp_path, FILES) == []
    assert diff_files(tmp_path, FILES) == ""


def test_line_ends_are_as_compiled(tmp_path):
    write_files(tmp_path, {"a": "x\ny\n"})
    assert (tmp_path / "a").read_bytes() == b"x\ny\n"
    (tmp_path / "a").write_bytes(b"x\r\ny\r\n")
    assert find_hand_edited(tmp_path, {"a": "x\ny\n"}) == ["a"]


def test_a_hand_edit_is_refused_and_kept(tmp_path):
    write_files(tmp_path, FILES)
    (tmp_path / "train.yaml").write_text("a: mine\n", "utf-8")
    before = snapshot(tmp_path)
    with pytest.raises(HandEditedError) as caught:
        write_files(tmp_path, {**FILES, "run.sh": "new\n"})
    assert caught.value.files == ["train.yaml"]
    assert snapshot(tmp_path) == before
    assert write_files(tmp_path, FILES, force=True) == ["train.yaml"]
    assert (tmp_path / "train.yaml").read_text("utf-8") == "a: 1\n"


def test_a_file_that_was_there_before_us_is_a_hand_edit(tmp_path):
    (tmp_path / "train.yaml").write_text("theirs\n", "utf-8")
    with pytest.raises(HandEditedError):
        write_files(tmp_path, FILES)
    (tmp_path / "train.yaml").write_text("a: 1\n", "utf-8")
    write_files(tmp_path, FILES)


def test_an_edit_that_is_what_would_be_written_is_none(tmp_path):
    write_files(tmp_path, FILES)
    (tmp_path / "train.yaml").write_text("a: 2\n", "utf-8")
    assert write_files(tmp_path, {**FILES, "train.yaml": "a: 2\n"}) == []


def test_stale_files_go_unless_somebody_edited_them(tmp_path):
    write_files(tmp_path, {**FILES, "deepspeed.json": "{}", "fsdp.json": "{}"})
    (tmp_path / "fsdp.json").write_text("{mine}", "utf-8")
    (tmp_path / "notes.txt").write_text("mine", "utf-8")
    assert find_drifted(tmp_path, FILES) == ["deepspeed.json"]
    assert "deepspeed.json" in diff_files(tmp_path, FILES)
    write_files(tmp_path, FILES)
    assert {f.name for f in tmp_path.iterdir()} == {*FILES, "fsdp.json", "notes.txt", ".recipes.json"}


def test_a_manifest_from_elsewhere_deletes_nothing_outside(tmp_path):
    victim = tmp_path / "victim.txt"
    victim.write_text("dear", "utf-8")
    folder = tmp_path / "out"
    folder.mkdir()
    digest = hashlib.sha256(b"dear").hexdigest()
    known = {"../victim.txt": digest, str(victim): digest}
    (folder / ".recipes.json").write_text(json.dumps({"sha256": known}), "utf-8")
    write_files(folder, FILES)
    assert victim.exists()


@pytest.mark.parametrize("manifest", ["", "[]", "{}", '{"sha256": []}', '{"sha256": null}', "\xff"])
def test_a_broken_manifest_is_none(tmp_path, manifest):
    (tmp_path / ".recipes.json").write_bytes(manifest.encode("latin-1"))
    assert write_files(tmp_path, FILES) == list(FILES)


def test_drift_and_differences_write_nothing(tmp_path):
    folder = tmp_path / "out"
    assert find_drifted(folder, FILES) == list(FILES)
    assert "+a: 1" in diff_files(folder, FILES)
    assert not folder.exists()
    write_files(folder, FILES)
    (folder / "run.sh").unlink()
    before = snapshot(folder)
    assert find_drifted(folder, FILES) == ["run.sh"]
    shown = diff_files(folder, {**FILES, "train.yaml": "a: 2\n"})
    assert "-a: 1\n+a: 2\n" in shown
    assert snapshot(folder) == before


# --- half a failure


@pytest.mark.parametrize("first", [True, False], ids=["new", "over-old"])
@pytest.mark.parametrize("at", range(4))
def test_a_failing_rename_leaves_the_folder_as_it_was(tmp_path, monkeypatch, first, at):
    if not first:
        write_files(tmp_path, {name: f"old {name}\n" for name in FILES})
    before, real, calls = snapshot(tmp_path), os.replace, []

    def replace(source, target, **named):
        calls.append(target)
        if len(calls) == at + 1:
            raise OSError(errno.ENOSPC, "No space left on device", str(target))
        real(source, target, **named)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(OSError, match="No space"):
        write_files(tmp_path, FILES)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("first", [True, False], ids=["new", "over-old"])
@pytest.mark.parametrize("at", range(4))
def test_a_full_disk_leaves_the_folder_as_it_was(tmp_path, monkeypatch, first, at):
    if not first:
        write_files(tmp_path, {name: f"old {name}\n" for name in FILES})
    before, real, calls = snapshot(tmp_path), os.fdopen, []

    def fdopen(handle, mode="r", *args, **named):
        calls.extend([handle] if "w" in mode else [])
        if len(calls) == at + 1:
            os.close(handle)
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(handle, mode, *args, **named)

    monkeypatch.setattr(os, "fdopen", fdopen)
    with pytest.raises(OSError, match="No space"):
        write_files(tmp_path, FILES)
    monkeypatch.undo()
    assert snapshot(tmp_path) == before


def test_a_folder_in_a_files_place(tmp_path):
    write_files(tmp_path, {"a": "1", "c": "1"})
    (tmp_path / "b").mkdir()
    with pytest.raises(OSError):
        write_files(tmp_path, {"a": "2", "b": "2", "c": "2"})
    assert (tmp_path / "a").read_text("utf-8") == "1"
    assert (tmp_path / "c").read_text("utf-8") == "1"
    assert {f.name for f in tmp_path.iterdir()} == {"a", "b", "c", ".recipes.json"}


def test_ctrl_c_between_two_renames(tmp_path, monkeypatch):
    write_files(tmp_path, dict.fromkeys(FILES, "old\n"))
    before, real, calls = snapshot(tmp_path), os.replace, []

    def replace(source, target, **named):
        calls.append(target)
        if len(calls) == 2:
            raise KeyboardInterrupt
        real(source, target, **named)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(KeyboardInterrupt):
        write_files(tmp_path, FILES)
    assert snapshot(tmp_path) == before
