"""`recipes lint` as people and machines call it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from qwen_recipes.cli import main
from qwen_recipes.guards.lint_settings import _read_folder_settings

GOOD = "version: 1\nmodel: Qwen/Qwen3-4B\ndata: {train: rows.jsonl}\n"
FP16 = GOOD + "training:\n  precision: fp16  # short of memory\n"
FEW = GOOD + "method: {type: lora, targets: [q_proj]}\n"


@pytest.fixture(autouse=True)
def fresh_settings():
    _read_folder_settings.cache_clear()


@pytest.fixture
def lint(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *words, stdin=None: CliRunner().invoke(main, ["lint", *map(str, words)], input=stdin)


def write(name, text):
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    (path.parent / "rows.jsonl").write_text('{"prompt": "A question?", "completion": "An answer."}\n')
    return path


def codes(result):
    return [(f["file"], f["code"]) for f in json.loads(result.stdout)]


def test_exit_codes(lint):
    write("good.yaml", GOOD)
    write("bad.yaml", FP16)
    assert lint("good.yaml").exit_code == 0
    assert lint("good.yaml", "bad.yaml").exit_code == 1
    for words in (
        ["none.yaml"],
        ["*.nothing"],
        ["good.yaml", "--select", "XY"],
        ["good.yaml", "--backend", "no"],
        [],
    ):
        assert lint(*words).exit_code == 2, words


def test_a_folder_is_searched_for_recipes(lint):
    write("runs/a.recipe.yaml", FP16)
    write("runs/deep/b.yaml", "\ufeff" + FP16)
    write("runs/c.yml", FP16.replace("version: 1\n", "# c\nversion: 1\n"))
    write("runs/compose.yaml", "version: 3\nservices:\n  model: x\n")
    write("runs/train.yaml", "base_model: x\nversion: 1\n")
    write("runs/broken.recipe.yaml", "a: [")
    write("runs/.hidden/d.recipe.yaml", FP16)
    found = codes(lint("runs", "--format", "json"))
    assert found == [
        ("runs/a.recipe.yaml", "QR401"),
        ("runs/broken.recipe.yaml", "recipe"),
        ("runs/c.yml", "QR401"),
        ("runs/deep/b.yaml", "QR401"),
    ]


def test_globs_and_each_file_once(lint):
    write("x/a.yaml", FP16)
    write("x/y/b.yaml", FP16)
    found = codes(lint("x/**/*.yaml", "x/a.yaml", "--format", "json"))
    assert found == [("x/a.yaml", "QR401"), ("x/y/b.yaml", "QR401")]


@pytest.mark.parametrize("pattern", ["x/**/*.yaml", "**/*.yaml", "x/**/**/*.yaml", "x/*", "x/**"])
def test_a_glob_goes_through_no_link(lint, pattern):
    write("x/a.yaml", FP16)
    write("x/y/b.yaml", FP16)
    Path("x/rows.jsonl").unlink()
    Path("x/y/rows.jsonl").unlink()
    Path("x/y/up").symlink_to("..")
    Path("x/root").symlink_to("/")
    found = codes(lint(pattern, "--select", "QR401", "--format", "json"))
    assert found == [("x/a.yaml", "QR401"), ("x/y/b.yaml", "QR401")]


def test_what_cannot_be_read_is_an_error_among_others(lint):
    write("x/a.recipe.yaml", FP16)
    os.mkfifo("x/b.recipe.yaml")
    Path("x/c.recipe.yaml").symlink_to("gone")
    for words in (["x"], ["x/*.recipe.yaml"], ["x", "--diff"]):
        result = lint(*words)
        assert result.exit_code == 1, words
        assert "3 files checked" in result.stderr
    assert codes(lint("x", "--format", "json")) == [
        ("x/a.recipe.yaml", "QR401"),
        ("x/b.recipe.yaml", "recipe"),
        ("x/c.recipe.yaml", "recipe"),
    ]
    assert lint("x/b.recipe.yaml").exit_code == 2


def test_an_empty_folder_is_no_error(lint):
    Path("empty").mkdir()
    result = lint("empty")
    assert result.exit_code == 0 and "0 files" in result.stderr


def test_standard_input(lint):
    Path("rows.jsonl").write_text('{"text": "A row."}\n')
    result = lint("-", "--format", "json", stdin=FP16)
    assert codes(result) == [("<stdin>", "QR401")] and result.exit_code == 1


def test_select_and_ignore(lint):
    write("r.yaml", FP16 + FEW.removeprefix(GOOD))
    both = {"QR201", "QR401"}
    for words, wanted in [
        ([], both),
        (["--select", "QR2"], {"QR201"}),
        (["--select", "QR2,QR401"], both),
        (["--select", "QR2", "--select", "QR4"], both),
        (["--ignore", "QR2"], {"QR401"}),
        (["--ignore", "QR"], set()),
        (["--ignore", "QR4", "--select", "QR401"], {"QR401"}),
        (["--select", "QR4", "--ignore", "QR4"], set()),
    ]:
        assert {code for _, code in codes(lint("r.yaml", "--format", "json", *words))} == wanted, words


def test_what_the_spec_forbids_can_not_be_ignored(lint):
    write("r.yaml", "version: 1\n")
    assert lint("r.yaml", "--ignore", "QR").exit_code == 1


@pytest.mark.parametrize(
    ("name", "head"), [("pyproject.toml", "[tool.qwen-recipes.lint]"), (".recipes.toml", "[lint]")]
)
def test_settings_are_found_upwards(lint, name, head):
    write(name, f'{head}\nignore = ["QR2"]\n[{head.strip("[]")}.severity]\nQR4 = "advice"\n')
    write("a/pyproject.toml", '[project]\nname = "other"\n')
    write("a/b/r.yaml", FP16 + FEW.removeprefix(GOOD))
    result = lint("a/b/r.yaml", "--format", "json")
    assert [(f["code"], f["severity"]) for f in json.loads(result.stdout)] == [("QR401", "advice")]
    assert result.exit_code == 0
    assert lint("a/b/r.yaml", "--ignore", "QR4").exit_code == 1


def test_the_nearest_settings_win_and_off_is_off(lint):
    write("pyproject.toml", '[tool.qwen-recipes.lint]\nignore = ["QR"]\n')
    write("a/.recipes.toml", '[lint.severity]\nQR = "error"\nQR401 = "off"\nQR2 = "warning"\n')
    write("a/r.yaml", FP16 + FEW.removeprefix(GOOD))
    result = lint("a/r.yaml", "--format", "json")
    assert [(f["code"], f["severity"]) for f in json.loads(result.stdout)] == [("QR201", "warning")]


@pytest.mark.parametrize(
    "text",
    [
        "[lint",
        '[lint]\nselekt = ["QR1"]',
        '[lint]\nignore = "QR1"',
        '[lint]\nselect = ["QR9"]',
        '[lint.severity]\nQR1 = "no"',
    ],
)
def test_bad_settings_are_said_with_their_file(lint, text):
    write(".recipes.toml", text)
    write("r.yaml", GOOD)
    result = lint("r.yaml")
    assert result.exit_code == 2 and ".recipes.toml" in result.stderr


def test_fix_edits_the_file(lint):
    path = write("r.yaml", b"\xef\xbb\xbf" + FP16.replace("\n", "\r\n").encode())
    result = lint("r.yaml", "--fix")
    assert result.exit_code == 0 and "QR401 fixed" in result.stderr
    assert path.read_bytes() == b"\xef\xbb\xbf" + FP16.replace("fp16", "bf16").replace("\n", "\r\n").encode()


def test_an_unsafe_fix_is_left_alone_and_still_an_error(lint):
    path = write("r.yaml", FEW)
    result = lint("r.yaml", "--fix")
    assert result.exit_code == 1 and path.read_text() == FEW
    assert lint("r.yaml", "--unsafe-fixes").exit_code == 0
    assert "targets: all-linear" in path.read_text()


def test_diff_writes_nothing(lint):
    path = write("r.yaml", FP16)
    result = lint("r.yaml", "--diff")
    assert result.exit_code == 1 and path.read_text() == FP16
    assert "-  precision: fp16  # short of memory\n+  precision: bf16  # short of memory\n" in result.stdout


@pytest.mark.parametrize("text", [FP16, GOOD, "not: [a recipe"])
def test_standard_input_is_fixed_to_standard_output(lint, text):
    assert lint("-", "--fix", stdin=text).stdout == text.replace("fp16", "bf16")


def test_fix_honours_ignore(lint):
    path = write("r.yaml", FP16)
    assert lint("r.yaml", "--fix", "--ignore", "QR4").exit_code == 0
    assert path.read_text() == FP16


def test_fix_with_set_is_refused(lint):
    write("r.yaml", FP16)
    assert lint("r.yaml", "--fix", "--set", "training.epochs=1").exit_code == 2


def test_statistics(lint):
    write("a.yaml", FP16)
    write("b.yaml", FP16 + FEW.removeprefix(GOOD))
    result = lint("a.yaml", "b.yaml", "--statistics")
    assert [line.split()[:2] for line in result.stdout.splitlines()] == [["2", "QR401"], ["1", "QR201"]]
    rows = json.loads(lint("a.yaml", "--statistics", "--format", "json").stdout)
    assert rows == [{"code": "QR401", "severity": "error", "count": 1, "title": "Training in fp16"}]


def test_the_summary_says_what_could_be_fixed(lint):
    write("r.yaml", FP16 + FEW.removeprefix(GOOD))
    said = lint("r.yaml").stderr
    assert "2 errors; 1 fixable with --fix, 1 with --unsafe-fixes" in said


LIMITED = GOOD + "objective: {type: sft, kl_weight: 0.05}\n"


def test_what_the_named_backend_can_not_be_told_is_an_error(lint):
    file = write("a.yaml", LIMITED)
    assert not [c for c in codes(lint(file, "--format", "json")) if c[1] == "backend"], "no backend is named"
    named = lint(file, "--backend", "axolotl", "--format", "json", "--ignore", "QR406")
    assert named.exit_code == 1
    assert ("a.yaml", "backend") in codes(named)
    assert codes(lint(write("b.yaml", LIMITED + "run: {backend: axolotl}\n"), "--format", "json", "--ignore", "QR406"))
    assert not codes(lint(file, "--backend", "ms-swift", "--format", "json", "--ignore", "QR"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{% for m in messages %}\n{{ m.content }\n", "not a valid Jinja template: line 2: "),
        (b"{{ messages }}\xff", "not a valid Jinja template: it is not UTF-8 text"),
        (b"{{ 'a' * 10 ** 10 }}", "not a valid Jinja template: `*` makes more than 1,000,000 characters"),
        (b"x" * (3 << 20), "can't be read: it has 3.0 MiB; the maximum is 2 MiB (RECIPES_MAX_TEMPLATE_MIB"),
        (b"{{ messages }}", ""),
        (None, "the chat template mine.jinja does not exist"),
    ],
)
def test_a_template_that_is_broken_or_not_here(lint, content, said):
    if content is not None:
        Path("mine.jinja").write_bytes(content)
    write("r.yaml", GOOD + "chat: {template: mine.jinja}\n")
    result = lint("r.yaml")
    assert result.exit_code == (1 if said else 0) and said in result.stderr + result.stdout
    if said:
        assert "r.yaml:4:18: error[recipe]" in result.stderr + result.stdout


def test_who_else_can_is_asked_with_a_plan_of_its_own(lint):
    """The others take these rows as tokens, which LLaMA-Factory, with packing, can't: their plans are others."""
    asked = GOOD + "chat: {template: mine.jinja}\ntraining: {packing: true}\nrun: {backend: llamafactory"
    Path("mine.jinja").write_text("{{ messages }}", "utf-8")
    write("r.yaml", f"{asked}}}\n")
    result = lint("r.yaml")
    assert result.exit_code == 1
    assert "help: Axolotl, ms-swift and TRL support it\n" in result.stderr + result.stdout


def test_an_empty_list_is_told_in_our_words(lint):
    write("r.yaml", GOOD + "training: {kernels: []}\n")
    said = lint("r.yaml")
    assert ": an empty list" in said.stderr + said.stdout and "pydantic" not in said.stderr + said.stdout
    assert "expected a list with at least one item" in said.stderr + said.stdout


def test_an_empty_data_file_is_a_warning(lint):
    file = write("r.yaml", GOOD)
    assert lint(file, "--format", "json").stdout.strip() == "[]"
    Path("rows.jsonl").write_text("")
    (found,) = json.loads(lint(file, "--format", "json").stdout)
    assert (found["severity"], found["message"]) == ("warning", "rows.jsonl is empty")


def test_an_unknown_framework_is_named_beside_other_errors(lint):
    write("r.yaml", f"{GOOD}trainin: {{epochs: 1}}\nrun: {{backend: axolotlx}}\n")
    said = [(f["line"], f["message"], f["suggestion"]) for f in json.loads(lint("r.yaml", "--format", "json").stdout)]
    assert said == [
        (4, "`trainin` is not a field", "did you mean `training`?"),
        (5, "unknown framework `axolotlx`", "did you mean `axolotl`?"),
    ]
    write("r.yaml", f"{GOOD}trainin: {{epochs: 1}}\nrun: {{backend: axolotl}}\n")
    assert len(json.loads(lint("r.yaml", "--format", "json").stdout)) == 1
