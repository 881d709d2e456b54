"""Symbolic links, pipes, leftovers, read-only folders, full disks: no foreign file changes, none is half written."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import shutil
import signal
import sys

import pytest
from click.testing import CliRunner

from qwen_recipes.cli import main
from qwen_recipes.filesystem.file_set import FileSet
from qwen_recipes.filesystem.folder_link import replace_folder_link
from qwen_recipes.filesystem.locked_folder import make_folder, move_into, move_into_place
from qwen_recipes.filesystem.logs import open_new_log, open_to_append
from qwen_recipes.filesystem.replace_file import UnsafePathError, replace_file

ROW = {"messages": [{"role": "user", "content": "q " * 40}, {"role": "assistant", "content": "a " * 40}]}
RECIPE = """version: 1
model: Qwen/Qwen3-0.6B
data: {train: rows.jsonl}
training: {packing: false, weight_decay: 0}
run: {backend: llamafactory}
hardware: {gpu: rtx-4090}
"""
FIXABLE = RECIPE.replace("training:", "method: {type: lora, targets: [q_proj, v_proj]}\ntraining:")
COMMANDS = {
    "compile": (["compile", "a.recipe.yaml", "-o", "out"], "out/llamafactory/train.yaml"),
    "init": (["init", "--data", "rows.jsonl", "--gpu", "rtx-4090", "-o", "new.yaml"], "new.yaml"),
    "fix": (["lint", "--unsafe-fixes", "fixable.recipe.yaml"], "fixable.recipe.yaml"),
    "prepare": (["data", "prepare", "rows.jsonl", "-o", "out.jsonl", "--force"], "out.jsonl"),
    "check": (["data", "check", "rows.jsonl", "--html", "r.html", "--jobs", "1"], "r.html"),
    "preview": (["data", "preview", "rows.jsonl", "--html", "r.html"], "r.html"),
    "lock": (["lock", "a.recipe.yaml"], "a.recipe.lock"),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a recipe, a fixable one, and rows; `victim` beside it must not change."""
    inside = tmp_path / "inside"
    inside.mkdir()
    monkeypatch.chdir(inside)
    (inside / "rows.jsonl").write_text("".join(json.dumps({**ROW, "id": n}) + "\n" for n in range(40)), "utf-8")
    (inside / "a.recipe.yaml").write_text(RECIPE, "utf-8")
    (inside / "fixable.recipe.yaml").write_text(FIXABLE, "utf-8")
    (tmp_path / "victim").write_text("dear\n", "utf-8")
    (tmp_path / "elsewhere").mkdir()
    return inside


def list_parts(folder):
    return list(folder.rglob(".recipes-*.part"))


def run(*arguments):
    result = CliRunner().invoke(main, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def run_in_child(arguments, prepare):
    """The exit code of a command in a process of its own, where `prepare` was called before; 99 for an exception."""
    child = os.fork()
    if child == 0:
        code = 99
        try:
            prepare()
            result = CliRunner().invoke(main, arguments)
            code = result.exit_code if result.exception is None or isinstance(result.exception, SystemExit) else 99
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


# --- symbolic links


@pytest.mark.parametrize("name", COMMANDS)
def test_a_link_in_a_files_place_is_refused(folder, name):
    arguments, target = COMMANDS[name]
    place, victim = folder / target, folder.parent / "victim"
    place.parent.mkdir(parents=True, exist_ok=True)
    if name == "fix":
        victim = folder.parent / "theirs.yaml"
        place.rename(victim)
    before = victim.read_bytes()
    place.symlink_to(victim)
    result = run(*arguments)
    assert result.exit_code in ((1, 2) if name == "compile" else (2,)), result.output
    assert victim.read_bytes() == before
    assert place.is_symlink()
    assert list_parts(folder) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_links_at_names_that_can_be_guessed_are_not_met(folder, name):
    arguments, target = COMMANDS[name]
    place, victim = folder / target, folder.parent / "victim"
    place.parent.mkdir(parents=True, exist_ok=True)
    for pattern in (".{}.part", "{}.part", "{}.new", "{}.tmp", ".{}.tmp", "{}~", ".{}.swp"):
        (place.parent / pattern.format(place.name)).symlink_to(victim)
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    assert place.is_file()
    assert victim.read_text("utf-8") == "dear\n"
    assert list_parts(folder) == []


@pytest.mark.parametrize("below", ["llamafactory", "llamafactory/rows"])
def test_compile_follows_no_link_below_its_output(folder, below):
    link = folder / "out" / below
    link.parent.mkdir(parents=True)
    link.symlink_to(folder.parent / "elsewhere")
    result = run("compile", "a.recipe.yaml", "-o", "out")
    assert result.exit_code == 2
    assert "is a symbolic link" in result.output
    assert list((folder.parent / "elsewhere").iterdir()) == []
    assert [path.name for path in link.parent.iterdir()] == [link.name]


def test_the_default_folder_is_not_followed_and_a_named_one_is(folder):
    (folder / "compiled").symlink_to(folder.parent / "elsewhere")
    assert run("compile", "a.recipe.yaml").exit_code == 2
    assert list((folder.parent / "elsewhere").iterdir()) == []
    assert run("compile", "a.recipe.yaml", "-o", "compiled").exit_code == 0
    assert (folder.parent / "elsewhere/llamafactory/train.yaml").is_file()


@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "hard link"])
@pytest.mark.parametrize("write", [open_to_append, lambda path: replace_file(path, "new")], ids=["log", "file"])
def test_what_is_no_file_of_its_own_is_not_written_to(tmp_path, kind, write):
    victim, place = tmp_path / "victim", tmp_path / "place"
    victim.write_text("dear\n", "utf-8")
    make = {"link": lambda: place.symlink_to(victim), "pipe": lambda: os.mkfifo(place)}
    make |= {"folder": place.mkdir, "hard link": lambda: place.hardlink_to(victim)}
    make[kind]()
    if kind == "hard link" and write is not open_to_append:
        write(place)  # the name is given to a new file
    else:
        with pytest.raises(OSError):
            write(place)
    assert victim.read_text("utf-8") == "dear\n"


def test_a_new_log_takes_the_place_of_a_link(tmp_path):
    (tmp_path / "victim").write_text("dear\n", "utf-8")
    (tmp_path / "run.log").symlink_to(tmp_path / "victim")
    with open_new_log(tmp_path / "run.log") as log:
        log.write(b"x")
    assert (tmp_path / "victim").read_text("utf-8") == "dear\n"
    assert (tmp_path / "run.log").read_bytes() == b"x"


def test_nothing_is_moved_through_a_link(tmp_path):
    (tmp_path / "run/earlier").parent.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run/earlier").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "run/run.json").write_text("{}", "utf-8")
    with pytest.raises(UnsafePathError):
        move_into(tmp_path / "run/run.json", tmp_path / "run/earlier/1", tmp_path / "run")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_path_that_leads_out_is_refused(tmp_path):
    with FileSet(tmp_path / "in") as files, pytest.raises((UnsafePathError, ValueError)):
        files.stage(tmp_path / "in/../out", "x")
    assert not (tmp_path / "out").exists()


# --- permissions and leftovers


def test_permissions_stay_and_new_files_follow_the_umask(tmp_path):
    (tmp_path / "old").write_text("x", "utf-8")
    (tmp_path / "old").chmod(0o640)
    before = os.umask(0o077)
    try:
        replace_file(tmp_path / "old", "y")
        replace_file(tmp_path / "new", "y")
    finally:
        os.umask(before)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("old", "new")] == [0o640, 0o600]


def test_leftovers_go_and_parts_in_use_stay(tmp_path):
    left, used = (tmp_path / f".recipes-{digit * 32}.part" for digit in "ab")
    for part in (left, used):
        part.write_text("half", "utf-8")
    (tmp_path / ".recipes-mine.part").write_text("a name that is not ours", "utf-8")
    with used.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        replace_file(tmp_path / "file", "x")
    assert {path.name for path in tmp_path.iterdir()} == {used.name, ".recipes-mine.part", "file"}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_folder_that_may_not_be_written_to(folder, name, monkeypatch):
    arguments, target = COMMANDS[name]
    shutil.copytree(folder, folder.parent / "imports")
    with monkeypatch.context() as elsewhere:
        elsewhere.chdir(folder.parent / "imports")
        run(*arguments)  # imports all that nobody's rights may not reach
    held = (folder / target).read_bytes() if (folder / target).exists() else None

    def give_up_rights():
        folder.chmod(0o555)
        os.seteuid(65534) if os.geteuid() == 0 else None

    folder.parent.chmod(0o755)
    try:
        code = run_in_child(arguments, give_up_rights)
    finally:
        folder.chmod(0o755)
    assert code == 2
    assert ((folder / target).read_bytes() if (folder / target).exists() else None) == held
    assert list_parts(folder) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs RLIMIT_FSIZE and SIGXFSZ")
@pytest.mark.parametrize("size", [0, 100])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_disk_leaves_what_was_there(folder, name, size):
    arguments, target = COMMANDS[name]
    place = folder / target
    if name in ("prepare", "check", "preview"):
        place.write_text("earlier\n", "utf-8")
    held = place.read_bytes() if place.exists() else None

    def fill_disk():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    assert run_in_child(arguments, fill_disk) == 2
    assert (place.read_bytes() if place.exists() else None) == held
    assert list_parts(folder) == []


def test_a_link_to_a_folder_takes_an_earlier_links_place_and_no_others(tmp_path):
    for name in ("t000", "t001", "real"):
        (tmp_path / name).mkdir()
    link = tmp_path / "best"
    for target in ("t000", "t001"):
        replace_folder_link(link, target)
        assert str(link.readlink()) == target
    with pytest.raises(UnsafePathError, match="not a link"):
        replace_folder_link(tmp_path / "real", "t000")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best", "real", "t000", "t001"]


def test_a_filled_folder_takes_an_empty_ones_place_and_goes_through_no_link(tmp_path):
    for name in (".out.part", "out", "elsewhere"):
        (tmp_path / name).mkdir()
    (tmp_path / ".out.part" / "model").write_text("weights", "utf-8")
    (tmp_path / "link").symlink_to("elsewhere")
    with pytest.raises(OSError):
        move_into_place(tmp_path / ".out.part", tmp_path / "link")
    move_into_place(tmp_path / ".out.part", tmp_path / "out")
    assert (tmp_path / "out" / "model").is_file() and not any((tmp_path / "elsewhere").iterdir())


def test_a_trials_folder_is_not_made_through_a_link(tmp_path):
    (tmp_path / "sweep").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "sweep" / "t000").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnsafePathError, match="symbolic link"):
        make_folder(tmp_path / "sweep" / "t000", tmp_path / "sweep")
