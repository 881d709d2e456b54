"""The command line: exit codes, streams, formats."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys

import pytest
import yaml

from qwen_recipes.cli.root import COMMANDS
from qwen_recipes.guards import list_guard_codes
from tests.conftest import ALL_BACKENDS, BACKENDS, ROOT, deep_merge, nest_value
from tests.unit.cli.run_command import run

GOOD = str(ROOT / "examples/one-24gb-card.yaml")
ZERO3 = deep_merge(nest_value("method", "lora"), nest_value("hardware", {"gpus": 2, "strategy": "zero3"}))
RECIPES = [sys.executable, "-c", "from qwen_recipes.cli import main; main(prog_name='recipes')"]


def process(*args, **named):
    return subprocess.run([*RECIPES, *map(str, args)], capture_output=True, text=True, check=False, cwd=ROOT, **named)


# --- the group


def test_version_and_help():
    assert run("--version").stdout.startswith("recipes, version ")
    for flag in ("-h", "--help"):
        shown = run(flag)
        assert shown.exit_code == 0
        assert all(name in shown.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_its_summary(name):
    shown = run(name, "--help")
    assert shown.exit_code == 0
    assert "Usage: recipes " + name in shown.stdout


@pytest.mark.parametrize("args", [["--version"], ["--help"], ["bogus"]])
def test_nothing_heavy_is_loaded_for_little(args):
    code = "import sys; from qwen_recipes.cli import main\n"
    code += "try: main(sys.argv[1:])\nexcept SystemExit: pass\n"
    code += "print(sorted({'pydantic', 'yaml', 'jinja2', 'jsonschema'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("word", ["compil", "lnt", "sho"])
def test_a_slip_of_the_pen_gets_a_suggestion(word):
    result = run(word)
    assert result.exit_code == 2
    assert "Did you mean" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    "args", [["zzz"], ["lint"], ["compile"], ["lint", "--format", "xml", "x"], ["lint", "--nope"], ["show"]]
)
def test_wrong_calls_exit_2(args):
    result = run(*args)
    assert result.exit_code == 2
    assert result.stdout == ""


@pytest.mark.parametrize("command", [["lint"], ["show"], ["compile", "--backend", "axolotl"]])
@pytest.mark.parametrize("file", ["missing.yaml", "."])
def test_a_file_that_is_not_there_exits_2(command, file):
    if (command, file) == (["lint"], "."):
        return  # lint takes folders
    result = run(*command, file)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("recipes: ")


@pytest.mark.parametrize("command", [["lint"], ["show", "--resolved"], ["compile"]])
def test_an_unknown_backend_exits_2(command, tmp_path):
    result = run(*command, GOOD, "--backend", "axoltl")
    assert result.exit_code == 2
    assert "did you mean `axolotl`?" in result.stderr


def test_an_unknown_backend_in_the_recipe_is_the_recipes_fault(write_recipe):
    result = run("lint", write_recipe(nest_value("run.backend", "axoltl")))
    assert result.exit_code == 1
    assert ":6:12: " in result.stdout
    assert "did you mean `axolotl`?" in result.stdout


# --- lint


def test_lint_of_a_good_recipe():
    result = run("lint", GOOD)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "1 file checked, no problems\n"


@pytest.mark.parametrize("file", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda f: f.stem)
def test_every_example_is_clean(file):
    assert run("lint", file).exit_code == 0


def test_every_example_fits_its_gpu():
    """`recipes plan` says `fits`, not `may fit`, of every example that names a GPU."""
    files = sorted((ROOT / "examples").rglob("*.yaml"))
    examples = [file for file in files if "\n  gpu:" in file.read_text("utf-8")]
    assert len(examples) > 30
    for file in examples:
        result = run("plan", file, "--format", "json")
        fits = {entry.get("fits", "yes") for entry in json.loads(result.stdout)}
        assert (result.exit_code, fits) == (0, {"yes"}), file


def test_lint_reports_every_file_and_line(write_recipe):
    bad = write_recipe({"lora_r": 8, "trainig": {}}, "bad.yaml")
    worse = write_recipe("a: [", "worse.yaml")
    result = run("lint", bad, GOOD, worse)
    assert result.exit_code == 1
    assert f"{bad}:5:1: error[recipe]" in result.stdout
    assert f"{worse}:1:" in result.stdout
    assert "  5 | lora_r: 8\n    | ^^^^^^\n" in result.stdout
    assert result.stderr == "3 files checked, 3 errors\n"


@pytest.mark.parametrize("text", ["a: \t'x", "größe: 1\n", "🦜🦜: {b: 1}\n", "a: |\n  x\nversion: 1\n", "", "\x00"])
def test_the_caret_stands_under_what_is_meant(text):
    result = run("lint", "-", input=text)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    for at, line in enumerate(lines):
        if set(line.partition("|")[2].strip()) == {"^"}:
            assert len(line.rstrip("^")) <= len(lines[at - 1])


def test_lint_json(write_recipe):
    bad = write_recipe(deep_merge(ZERO3, {"name": "x"}), "bad.yaml")
    (bad.parent / "rows.jsonl").write_text('{"prompt": "q", "completion": "a"}\n')
    result = run("lint", bad, GOOD, "--format", "json", "--backend", "axolotl")
    (found,) = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (found["code"], found["field"], found["file"]) == ("QR101", "hardware.strategy", str(bad))
    line = bad.read_text("utf-8").splitlines()[found["line"] - 1]
    assert line[found["column"] - 1 : found["end_column"] - 1] == "zero3"
    assert set(found) >= {"code", "severity", "message", "why", "suggestion", "field", "file", "line", "column",
    "end_line",
                          "end_column"}  # fmt: skip
    assert json.loads(run("lint", GOOD, "--format", "json").stdout) == []


@pytest.mark.parametrize("text", ["a: [", "lora_r: 1\n", "", "[1]"])
def test_json_stays_json_whatever_is_wrong(text):
    result = run("lint", "-", "--format", "json", input=text)
    assert result.exit_code == 1
    assert json.loads(result.stdout)
    shown = run("show", "-", "--format", "json", input=text)
    assert shown.exit_code == 1
    assert json.loads(shown.stdout)


def test_standard_input():
    text = (ROOT / "examples/one-24gb-card.yaml").read_text("utf-8")
    assert run("lint", "-", input=text).exit_code == 0
    assert yaml.safe_load(run("show", "-", input=text).stdout)["version"] == 1
    assert "<stdin>:1:1: " in run("lint", "-", input="- 1\n").stdout


def test_guards_are_for_one_backend_or_all(write_recipe):
    recipe = write_recipe(nest_value("backends.axolotl.extra", {"eot_tokens": []}))
    assert run("lint", recipe).exit_code == 1
    assert run("lint", recipe, "--backend", "ms-swift").exit_code == 0
    assert run("lint", recipe, "--backend", "axolotl").stdout.count("QR301") == 1


def test_quiet_says_errors_only(write_recipe):
    assert "error" in run("lint", "-q", write_recipe({"x": 1})).stdout


# --- colour


def terminal(*args, **environment):
    """What a terminal would see."""
    parent, child = pty.openpty()
    env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM")} | {"TERM": "xterm"} | environment
    with subprocess.Popen([*RECIPES, *map(str, args)], stdout=child, stderr=child, stdin=child, env=env) as running:
        os.close(child)
        seen = b""
        while True:
            try:
                part = os.read(parent, 65536)
            except OSError:
                break
            if not part:
                break
            seen += part
        running.wait()
    os.close(parent)
    return seen


@pytest.mark.parametrize("command", [["lint"], ["compile", "--backend", "axolotl"]])
def test_colour_only_where_it_is_wanted(write_recipe, command):
    bad = write_recipe({"x": 1})
    assert b"\x1b[" in terminal(*command, bad)
    assert b"\x1b[" not in terminal(*command, bad, NO_COLOR="1")
    done = process(*command, bad)
    assert "\x1b[" not in done.stdout + done.stderr


# --- show, schema, backends, explain


def test_show():
    assert yaml.safe_load(run("show", GOOD).stdout)["method"]["rank"] == 32
    assert json.loads(run("show", GOOD, "--format", "json").stdout)["method"]["rank"] == 32


@pytest.mark.parametrize("backend", BACKENDS)
def test_show_resolved(backend):
    result = run("show", GOOD, "--resolved", "--backend", backend, "--format", "json")
    rows = json.loads(result.stdout)
    assert result.stderr == ""
    assert {row["field"] for row in rows} >= {
        "training.learning_rate",
        "method.rank",
        "model.id",
        "hardware.strategy",
    }
    assert all(set(row) == {"field", "value", "origin", "reason"} and row["reason"] for row in rows)
    shown, whole = (run("show", GOOD, "--resolved", "--backend", backend, *more) for more in ((), ("--all",)))
    assert all(len(line) <= 80 for line in (shown.stdout + whole.stdout).splitlines())
    assert all(f"\n  {row['field'].partition('.')[2]} " in whole.stdout for row in rows)
    assert "learning_rate" in shown.stdout and "max_completion_length" not in shown.stdout
    assert "values do not apply to this recipe; --all prints them" in shown.stderr


def test_backends_are_a_table_with_details_on_demand():
    assert [len(line.split()) for line in run("backends").stdout.splitlines()[1:4]] == [5, 5, 5]
    detail = run("backends", "axolotl").stdout
    assert "  hardware.strategy: no Megatron\n" in detail and all(len(line) <= 80 for line in detail.splitlines())
    assert run("backends", "axolotle").exit_code == 2


def test_lint_looks_whether_data_is_there(write_recipe):
    missing = write_recipe({"data": {"train": "nothing.jsonl"}})
    result = run("lint", missing)
    assert result.exit_code == 0 and "warning[data]: nothing.jsonl does not exist" in result.stdout


def test_show_of_what_does_not_resolve(write_recipe):
    result = run("show", "--resolved", write_recipe({"model": "Qwen/Qwen3-5B"}))
    assert result.exit_code == 1
    assert result.stdout == ""
    assert ":2:" in result.stderr


def test_schema_is_the_file():
    assert run("schema").stdout == (ROOT / "schemas/recipe.schema.json").read_text("utf-8")


def test_backends():
    assert [one["name"] for one in json.loads(run("backends", "--format", "json").stdout)] == sorted(ALL_BACKENDS)
    assert all(name in run("backends").stdout for name in BACKENDS)


def test_explain():
    assert [line.split()[0] for line in run("explain").stdout.splitlines()] == list_guard_codes()
    assert "Why it matters:" in run("explain", "qr101").stdout
    assert "merge is a command, not a guard; recipes merge --help" in run("explain", "merge").stderr
    for number in ("301", "QR-301", "qr 301"):
        assert "QR301  End of turn is not the end of sequence" in run("explain", number).stderr
    result = run("explain", "QR999")
    assert (result.exit_code, result.stdout) == (2, "")


# --- compile


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def test_compile_prints_nothing_on_standard_output(out):
    result = run("compile", GOOD, "--backend", "all", "-o", out)
    assert (result.exit_code, result.stdout) == (0, "")
    assert {folder.name for folder in out.iterdir()} == set(BACKENDS)
    assert run("compile", GOOD, "--backend", "all", "-o", out, "-q").stderr == ""


def test_compile_takes_the_recipes_backend_and_name(write_recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = write_recipe(deep_merge(nest_value("run.backend", "axolotl"), {"name": "bot"}))
    assert run("compile", file).exit_code == 0
    assert (tmp_path / "compiled/bot/axolotl/train.yaml").is_file()


def test_compile_without_a_backend_takes_the_first_that_can_and_says_so(write_recipe, out):
    result = run("compile", write_recipe(), "-o", out)
    assert result.exit_code == 0
    assert "using LLaMA-Factory" in result.stderr
    assert [folder.name for folder in out.iterdir()] == ["llamafactory"]


@pytest.mark.parametrize("backend", [*BACKENDS, "all"])
def test_an_adapter_under_zero3_is_refused_and_allowed_with_a_reason(write_recipe, out, backend):
    result = run("compile", write_recipe(ZERO3), "--backend", backend, "-o", out)
    assert result.exit_code == 1
    assert result.stderr.count("error[QR101]") == 1
    assert not out.exists()
    allowed = write_recipe(deep_merge(ZERO3, nest_value("allow.QR101", "measured")))
    assert run("compile", allowed, "--backend", backend, "-o", out).exit_code == 0
    for script in out.glob("*/run.sh"):
        assert "# QR101 is allowed: measured" in script.read_text("utf-8")


def test_nothing_is_written_unless_everything_compiles(write_recipe, out):
    result = run("compile", write_recipe({"method": "qdora"}), "--backend", "all", "-o", out)
    assert result.exit_code == 1
    assert "LLaMA-Factory" in result.stderr
    assert "Axolotl, ms-swift, TRL and Unsloth support it" in result.stderr
    assert not out.exists()


def test_check_and_diff_write_nothing(out):
    args = ("compile", GOOD, "--backend", "all", "-o", out)
    assert run(*args, "--check").exit_code == 1
    shown = run(*args, "--diff")
    assert shown.exit_code == 0
    assert "+learning_rate: 0.0001" in shown.stdout
    assert run(*args, "--diff", "--check").exit_code == 1
    assert not out.exists()
    run(*args)
    for flags in (("--check",), ("--diff",), ("--check", "--diff")):
        result = run(*args, *flags)
        assert (result.exit_code, result.stdout) == (0, "")
    changed = run(*args, "--check", "--set", "training.seed=1")
    assert changed.exit_code == 1
    assert "train.yaml is out of date" in changed.stderr
    (out / "axolotl/train.yaml").write_text("x", "utf-8")
    assert run(*args, "--check").exit_code == 1
    assert (out / "axolotl/train.yaml").read_text("utf-8") == "x"


def test_a_stale_file_is_drift(out):
    args = ("compile", GOOD, "--backend", "ms-swift", "-o", out)
    run(*args, "--set", "hardware.gpus=2")
    assert (out / "ms-swift/deepspeed.json").is_file()
    assert run(*args, "--check").exit_code == 1
    assert run(*args).exit_code == 0
    assert not (out / "ms-swift/deepspeed.json").exists()
    assert run(*args, "--check").exit_code == 0


def test_hand_edits_are_kept_in_every_folder(out):
    args = ("compile", GOOD, "--backend", "all", "-o", out)
    run(*args)
    (out / "ms-swift/run.sh").write_text("mine", "utf-8")
    before = (out / "axolotl/train.yaml").read_bytes()
    result = run(*args, "--set", "training.seed=5")
    assert result.exit_code == 1
    assert "run.sh" in result.stderr
    assert "--force" in result.stderr
    assert (out / "axolotl/train.yaml").read_bytes() == before, "one backend's edit stops all"
    assert run(*args, "--set", "training.seed=5", "--force").exit_code == 0
    assert (out / "ms-swift/run.sh").read_text("utf-8") != "mine"


@pytest.mark.parametrize("flags", [[], ["--check"], ["--diff"], ["--force"]])
def test_an_output_that_is_a_file(tmp_path, flags):
    (tmp_path / "out").write_text("x", "utf-8")
    result = run("compile", GOOD, "--backend", "axolotl", "-o", tmp_path / "out", *flags)
    assert result.exit_code in (1, 2) if flags == ["--check"] else (0, 2)
    assert (tmp_path / "out").read_text("utf-8") == "x"


@pytest.mark.parametrize("flags", [[], ["--check"], ["--diff"]])
def test_a_folder_in_a_files_place_is_no_traceback(out, flags):
    (out / "axolotl/train.yaml").mkdir(parents=True)
    result = run("compile", GOOD, "--backend", "axolotl", "-o", out, *flags)
    assert result.exit_code == 2
    assert [f.name for f in (out / "axolotl").iterdir()] == ["train.yaml"]


def test_templates_that_make_nonsense_are_no_traceback(monkeypatch, out):
    from qwen_recipes.compile import InvalidOutputError, compiler

    def broken(*_):
        raise InvalidOutputError("train.yaml", [("", "does not parse")])

    monkeypatch.setattr(compiler, "_render_outputs", broken)
    result = run("compile", GOOD, "--backend", "axolotl", "-o", out)
    assert result.exit_code == 1
    assert "does not parse" in result.stderr


def test_as_a_process(tmp_path):
    done = process("compile", GOOD, "--backend", "axolotl", "-o", tmp_path / "out")
    assert (done.returncode, done.stdout) == (0, "")
    assert process("lint", "missing.yaml").returncode == 2
    assert process("lint", "-", input="- 1").returncode == 1
    assert process("show", GOOD, env={**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii"}).returncode == 0
