"""What is printed is escaped for where it goes, in any locale, to a full output and to a reader that went away."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from click.testing import CliRunner

from qwen_recipes.cli import main
from qwen_recipes.cli.escaping import dump_json, escape_line, escape_styled, escape_text
from qwen_recipes.cli.tables import print_table

HOSTILE = "a\x1b]0;t\x07b\x9b31m\n::stop-commands::x\r##[error]y\u202e\udcff"
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]")
COMMAND = re.compile(r"(?m)^\s*::|##\[")
RECIPE = "version: 1\nmodel: Qwen/Qwen3-0.6B\ndata: {train: rows.jsonl}\nhardware: {gpu: rtx-4090}\n"
BAD = RECIPE + '"bad\\n::stop-commands::x\\e]0;t\\a\\u009b31m ##[error]": "\\u202e"\n'


@pytest.mark.parametrize("escape", [escape_text, escape_line, escape_styled])
def test_text_has_no_control_and_no_command(escape):
    escaped = escape(HOSTILE)
    assert not CONTROLS.search(escaped) and not COMMAND.search(escaped)
    escaped.encode("utf-8")
    assert ("\n" in escaped) == (escape is not escape_line)
    assert escape("plain – ünïcode\ttab") == "plain – ünïcode\ttab"


def test_styles_of_ours_stay_and_others_do_not():
    assert escape_styled("\x1b[31m\x1b[1mred\x1b[0m") == "\x1b[31m\x1b[1mred\x1b[0m"
    assert escape_styled("\x1b[8mhidden\x1b[2J") == "\\x1b[8mhidden\\x1b[2J"


def test_json_is_the_same_data_without_controls():
    text = dump_json({HOSTILE: [HOSTILE, "é"]})
    assert json.loads(text) == {HOSTILE: [HOSTILE, "é"]}
    assert not CONTROLS.search(text) and "é" in text


@pytest.fixture
def hostile(tmp_path, monkeypatch):
    """A recipe whose name, and a key of it, try everything; the folder is the working one."""
    monkeypatch.chdir(tmp_path)
    name = "n\n::stop-commands::y\x1b[8m\x07.recipe.yaml"
    (tmp_path / name).write_text(BAD, "utf-8")
    return name


@pytest.mark.parametrize("form", ["text", "json", "github", "sarif", "junit"])
def test_findings_in_every_form(hostile, form):
    result = CliRunner().invoke(main, ["lint", hostile, "--format", form])
    assert result.exit_code == 1
    assert not CONTROLS.search(result.output)
    commands = [line for line in result.output.splitlines() if COMMAND.search(line)]
    if form == "github":
        assert len(commands) == 1 and commands[0].startswith("::error file=n%0A%3A%3Astop-commands")
    elif form != "json" and form != "sarif":
        assert commands == []
    if form in ("json", "sarif"):
        json.loads(result.stdout)
    if form == "junit":
        ET.fromstring(result.stdout)


@pytest.mark.parametrize(
    "arguments",
    [
        ["show"], ["compile"], ["plan"], ["explain"], ["run", "--dry-run"], ["data", "check"], ["verify"], ["lock"],
        ["logs"], ["report"], ["why"], ["status"], ["diff", "x.yaml"], ["init", "-o", "o.yaml", "--data"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_names_in_messages(hostile, arguments):
    result = CliRunner().invoke(main, [*arguments, hostile])
    assert result.exit_code in (0, 1, 2, 3, 4)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", result.output)
    assert not COMMAND.search(result.output)


def run(arguments, folder, **options):
    variables = {**os.environ, **options.pop("env", {})}
    command = [sys.executable, "-m", "qwen_recipes", *arguments]
    return subprocess.run(command, cwd=folder, env=variables, stderr=subprocess.PIPE, timeout=120, **options)


LOCALES = [{"PYTHONIOENCODING": "latin-1"}, {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}]


@pytest.mark.parametrize("variables", LOCALES, ids=["latin-1", "C"])
def test_any_locale(tmp_path, variables):
    (tmp_path / "ä…\N{SNOWMAN}.recipe.yaml").write_text(BAD.replace("bad", "bäd \N{SNOWMAN}"), "utf-8")
    for form in ("text", "json"):
        done = run(["lint", ".", "--format", form], tmp_path, env=variables, stdout=subprocess.PIPE)
        assert done.returncode == 1 and b"Traceback" not in done.stderr
        if form == "json":
            assert json.loads(done.stdout.decode("utf-8"))[0]["message"].startswith("`bäd \N{SNOWMAN}")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["show", "r.yaml"], ["lint", "b.yaml"]], ids=" ".join)
def test_a_full_output(tmp_path, arguments):
    (tmp_path / "r.yaml").write_text(RECIPE, "utf-8")
    (tmp_path / "b.yaml").write_text(BAD, "utf-8")
    with Path("/dev/full").open("wb") as full:
        done = run(arguments, tmp_path, stdout=full)
    assert done.returncode == 2
    assert b"cannot write to standard output: No space left on device" in done.stderr
    assert b"Traceback" not in done.stderr and b"Exception ignored" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code"), [(["show", "--resolved", "r.yaml"], 0), (["lint", "b.yaml"], 1)], ids=["show", "lint"]
)
def test_a_reader_that_went_away(tmp_path, arguments, code):
    (tmp_path / "r.yaml").write_text(RECIPE, "utf-8")
    (tmp_path / "b.yaml").write_text(BAD, "utf-8")
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = run(arguments, tmp_path, stdout=writer)
    finally:
        os.close(writer)
    assert done.returncode == code, "the command's own answer"
    assert b"Traceback" not in done.stderr and b"Exception ignored" not in done.stderr


@pytest.mark.parametrize("command", ["backends", "show r.recipe.yaml", "doctor"])
def test_a_closed_standard_output_is_no_error(command, tmp_path):
    (tmp_path / "r.recipe.yaml").write_text(RECIPE, "utf-8")
    called = ["sh", "-c", f"exec {sys.executable} -m qwen_recipes {command} >&-"]
    done = subprocess.run(called, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr


@pytest.mark.parametrize("closed", ["<&-", "<&- >&- 2>&-"])
def test_a_closed_standard_input_is_empty(closed, tmp_path):
    """Files that are opened later must not take its number, nor what asks a person end in a traceback."""
    (tmp_path / "r.recipe.yaml").write_text(RECIPE, "utf-8")
    for command, code in {"init": 2, "lint -": 1, "why -": 1, "compile r.recipe.yaml": 0}.items():
        called = ["sh", "-c", f"exec {sys.executable} -m qwen_recipes {command} {closed}"]
        done = subprocess.run(called, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert (done.returncode, "Traceback" in done.stderr) == (code, False), (command, done.stderr)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("arguments", [["--help"], ["nothing"], ["lint", "--nothing"], ["--version"]], ids=" ".join)
def test_both_outputs_full(tmp_path, arguments):
    called = ["sh", "-c", 'exec "$@" >/dev/full 2>&1', "sh", sys.executable, "-m", "qwen_recipes", *arguments]
    assert subprocess.run(called, cwd=tmp_path, timeout=120).returncode == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_log_to_a_full_output(tmp_path):
    (tmp_path / "run.log").write_text("x\n", "utf-8")
    with Path("/dev/full").open("wb") as full:
        done = run(["logs", "."], tmp_path, stdout=full)
    assert done.returncode == 2 and b"Exception ignored" not in done.stderr
    assert b"cannot write to standard output: No space left on device" in done.stderr


@pytest.mark.parametrize("columns", ["\N{SUPERSCRIPT TWO}", "9" * 400, "-5", "x", "0"])
def test_a_terminal_of_an_odd_width(tmp_path, columns):
    reader, writer = os.openpty()
    done = run(["backends"], tmp_path, env={"COLUMNS": columns, "TERM": "xterm"}, stdout=writer)
    os.close(writer)
    shown = os.read(reader, 200)
    os.close(reader)
    assert done.returncode == 0 and b"Traceback" not in done.stderr and shown, done.stderr


def test_no_cell_of_a_table_begins_a_line(capsys):
    print_table(["name"], [["a\nfake  running\r"], ["b"]])
    assert capsys.readouterr().out == "name\na\\nfake  running\\r\nb\n"


@pytest.mark.parametrize("encoding", ["idna", "punycode", "utf-16", "cp500", "utf-7"])
def test_encodings_that_nobody_prints_in(tmp_path, encoding):
    done = run(["explain", "QR301"], tmp_path, env={"PYTHONIOENCODING": encoding}, stdout=subprocess.PIPE)
    assert done.returncode == 0 and b"Traceback" not in done.stderr and done.stdout, done.stderr


def test_a_log_on_standard_input_in_any_encoding(tmp_path):
    done = run(["why", "-"], tmp_path, env={"RECIPES_MAX_LOG_MIB": "1"}, stdout=subprocess.PIPE, input=b"\xff\xfe\n")
    assert done.returncode == 1 and b"no known cause" in done.stderr, done.stderr
    done = run(["why", "-"], tmp_path, env={"RECIPES_MAX_LOG_MIB": "1"}, stdout=subprocess.PIPE, input=b"x" * (2 << 20))
    assert done.returncode == 2 and b"RECIPES_MAX_LOG_MIB" in done.stderr, done.stderr


ASCII_NAMES = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}


@pytest.mark.parametrize("command", ["lint", "compile", "plan", "show --resolved", "data check"])
def test_a_name_that_the_locale_does_not_have(tmp_path, command):
    row = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
    (tmp_path / "rö.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    (tmp_path / "r.yaml").write_text(RECIPE.replace("rows", "rö"), "utf-8")
    done = run([*command.split(), "r.yaml"], tmp_path, env=ASCII_NAMES, stdout=subprocess.PIPE)
    assert done.returncode == 2 and b"Traceback" not in done.stderr
    assert b"the names of files are in ascii here" in done.stderr and b"PYTHONUTF8=1" in done.stderr, done.stderr


def test_names_that_are_no_utf_8(tmp_path):
    """What is written about such a file holds its name with an escape, and is not taken for edited."""
    recipe, rows = os.fsdecode(b"r\xff.recipe.yaml"), os.fsdecode(b"rows\xff.jsonl")
    (tmp_path / recipe).write_text(RECIPE, "utf-8")
    messages = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    for name in (rows, "rows.jsonl"):
        (tmp_path / name).write_text(json.dumps({"messages": messages}) + "\n", "utf-8")
    prepare = ["data", "prepare", rows, "-o", os.fsdecode(b"o\xff.jsonl")]
    for arguments in (
        ["compile", recipe],
        ["compile", recipe, "--check"],
        ["compile", recipe],
        ["lock", recipe],
        prepare,
    ):
        done = run(arguments, tmp_path, stdout=subprocess.PIPE)
        assert done.returncode == 0 and b"Traceback" not in done.stderr, (arguments, done.stderr)
    manifest = json.loads((tmp_path / os.fsdecode(b"o\xff.jsonl.manifest.json")).read_text("utf-8"))
    assert rows in json.dumps(manifest, ensure_ascii=False)


@pytest.mark.parametrize(
    "command", ["compile r.recipe.yaml", "compile r.recipe.yaml --diff", "compile -o loop r.recipe.yaml"]
)
def test_a_link_that_leads_to_itself_is_told(command, tmp_path, monkeypatch):
    (tmp_path / "r.recipe.yaml").write_text(RECIPE, "utf-8")
    for name in ("compiled", "loop"):
        (tmp_path / name).symlink_to(name)
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, command.split())
    assert done.exit_code == 2 and isinstance(done.exception, SystemExit), done.exception
