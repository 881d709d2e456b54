"""Tables and progress on a terminal (a real one), and as plain text elsewhere."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import threading

import pytest

STYLE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
ROW = '{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}\n'


def run_on_terminal(arguments, folder, **variables):
    """What a command writes to a terminal of 80 columns, and its exit code."""
    ours, theirs = pty.openpty()
    written = bytearray()

    def listen():
        while True:
            try:
                chunk = os.read(ours, 65_536)
            except OSError:
                return
            if not chunk:
                return
            written.extend(chunk)

    listener = threading.Thread(target=listen)
    listener.start()
    command = [sys.executable, "-m", "qwen_recipes", *arguments]
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "80", **variables}
    env.pop("NO_COLOR", None) if "NO_COLOR" not in variables else None
    done = subprocess.run(command, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, env=env, timeout=120)
    os.close(theirs)
    listener.join()
    os.close(ours)
    return done.returncode, written.decode("utf-8")


def run_to_file(arguments, folder):
    command = [sys.executable, "-m", "qwen_recipes", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("command", [["backends"], ["env", "list", "--root", "envs"]])
def test_a_table_fits_the_terminal_and_says_what_the_plain_one_does(command, tmp_path):
    code, shown = run_on_terminal(command, tmp_path)
    assert code == 0 and "─" in shown and "\x1b[1m" in shown
    assert max(len(line) for line in STYLE.sub("", shown).splitlines()) <= 80
    plain = run_to_file(command, tmp_path).stdout
    assert "\x1b" not in plain and "─" not in plain
    for line in plain.splitlines():
        assert not line.endswith(" ")
        assert line.split(" ")[0] in shown


def test_a_hostile_cell_reaches_no_terminal(tmp_path):
    folder = tmp_path / "a\x1b]0;x\x07 [red]b"
    folder.mkdir()
    record = {"name": "a", "status": "finished", "backend": {"name": "trl"}, "started": "2026-01-01T00:00:00"}
    (folder / "run.json").write_text(json.dumps(record), "utf-8")
    _, shown = run_on_terminal(["status"], tmp_path)
    assert "\x1b]" not in shown and "\x07" not in shown
    assert "[red]" in STYLE.sub("", shown)


def test_data_commands_show_a_bar_and_leave_none_behind(tmp_path):
    (tmp_path / "rows.jsonl").write_text(ROW * 200, "utf-8")
    for command in (["data", "check", "rows.jsonl"], ["data", "prepare", "rows.jsonl", "-o", "out.jsonl"]):
        code, shown = run_on_terminal(command, tmp_path)
        assert code == 0, shown
        assert re.search("reading.*[━╸]", shown) and "\x1b[2K" in shown
        assert "reading" not in run_to_file([*command, *(["--force"] if "-o" in command else [])], tmp_path).stderr


def test_steps_are_redrawn_and_kept(tmp_path):
    code = (
        "from qwen_recipes.cli.progress import StepPrinter\np = StepPrinter()\n"
        "for text in ('[1/2] uv: 1 s', '[1/2] uv: 2 s', '[2/2] a [red]\\x1b]0;x: 1 s'): p(text)\np.end()"
    )
    ours, theirs = pty.openpty()
    subprocess.run([sys.executable, "-c", code], stderr=theirs, check=True, env={**os.environ, "TERM": "xterm"})
    shown = os.read(ours, 65_536).decode("utf-8")
    assert "[1/2] uv: 2 s" in shown and "[red]\\x1b]0;x" in shown and "\x1b]" not in shown
    plain = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, check=True).stderr
    assert plain.splitlines()[:2] == ["[1/2] uv: 1 s", "[1/2] uv: 2 s"]


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["lint", "none.yaml"], ["backends"]])
def test_rich_is_loaded_only_to_draw(arguments, tmp_path):
    code = "import sys; from qwen_recipes.cli import main\ntry: main()\nfinally: print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=tmp_path)
    assert "qwen_recipes.cli" in done.stderr and "rich" not in done.stderr.split()
