"""`recipes data check` and `preview`, as people call them."""

import json
import random
import re
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

pytest.importorskip("tokenizers")

from qwen_recipes.cli import main
from qwen_recipes.data.sample_lengths import sample_lengths
from qwen_recipes.guards.rows import parallel_check as checking
from qwen_recipes.guards.rows.parallel_check import check_rows
from qwen_recipes.guards.rows.row_checker import RowFile
from qwen_recipes.guards.rows.summary import summarize_check
from qwen_recipes.qwen.models import get_model_facts
from qwen_recipes.qwen.placeholder_model import write_placeholder_model
from qwen_recipes.resolve import resolve
from tests.conftest import ROOT
from tests.unit.guards.row_judges import judge_of

HYBRID = "Qwen/Qwen3-4B"
DATA = ROOT / "examples" / "data"
MADE = [
    str(DATA / name) for name in ("support.jsonl", "reasoning.jsonl", "tools.jsonl", "sharegpt.jsonl", "alpaca.json")
]


def run(*words, code=0):
    result = CliRunner().invoke(main, ["data", *map(str, words)])
    assert result.exit_code == code, result.output
    return result.stdout


def row(question, answer):
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def write(path, rows):
    path.write_text("".join(json.dumps(one) + "\n" for one in rows), "utf-8")
    return path


@pytest.fixture
def many(tmp_path):
    """2,400 rows in several files, some of them bad, some twice."""
    draw, files = random.Random(8), []
    words = (DATA / "articles.jsonl").read_text("utf-8").split()
    for number in range(3):
        rows = [row(" ".join(draw.choices(words, k=20)), " ".join(draw.choices(words, k=30))) for _ in range(800)]
        rows[100], rows[200]["messages"][0]["role"] = rows[7], "customer"
        files.append(write(tmp_path / f"{number}.jsonl", rows))
    return files


def test_several_processes_find_what_one_finds(many, monkeypatch):
    rules = judge_of("hybrid", 64).rules
    files = [RowFile(number, str(file), "messages", {}, number == 2) for number, file in enumerate(many)]
    monkeypatch.setattr("qwen_recipes.data.rows.row_reader.CHUNK_BYTES", 60_000)
    monkeypatch.setattr(checking, "MIN_PARALLEL_BYTES", 1000)
    one, two = check_rows(files, rules, cores=1), check_rows(files, rules, cores=2)
    assert summarize_check(one) == summarize_check(two)
    assert one.train.read == 1600
    assert (one.train.violation_counts["QR501"], one.train.violation_counts["QR514"]) == (2, 3)
    assert [example.line for example in one.train.examples["QR501"]] == [201, 201]


def test_examples_are_good_and_their_report_says_so():
    said = run("check", *MADE, "--model", HYBRID)
    assert "rows read" in said
    assert "no problems" in said or "error[" not in said
    without_reasoning = [file for file in MADE if not file.endswith("reasoning.jsonl")]
    assert "error[" not in run("check", *without_reasoning)


def test_json_has_what_the_text_has(tmp_path):
    file = write(tmp_path / "rows.jsonl", [row("q", "\nanswer"), row("q", "\nanswer"), row("Q " * 90, "a")])
    found = json.loads(run("check", file, "--format", "json", "--sequence-length", 64, code=1))
    assert [one["code"] for one in found["findings"]] == ["QR509", "QR512", "QR513", "QR514"]
    assert found["train"]["read"] == found["train"]["good"] == 3
    assert found["lengths"]["sequence_length"]["longer"] == found["lengths"]["sequence_length"]["nothing_trained"] == 1
    said = run("check", file, "--sequence-length", 64, code=1)
    for one in found["findings"]:
        assert f"{one['severity']}[{one['code']}]: {one['title']}: {one['count']:,}" in said
    assert f"{file}:1: the answer starts with a newline: \\nanswer" in said


def test_leaks_between_train_and_validation(tmp_path):
    train = write(tmp_path / "train.jsonl", [row("q", "a"), row("q2", "a"), row("q2", "a")])
    held = write(tmp_path / "held.jsonl", [row("q2", "a"), row("q3", "a")])
    found = json.loads(run("check", train, "--validation", held, "--format", "json", code=1))
    codes = {one["code"]: one for one in found["findings"]}
    assert codes["QR516"]["count"] == codes["QR514"]["count"] == 1
    assert codes["QR516"]["examples"][0] == {
        "file": str(held), "line": 1, "message": f"also a training example: {train}:2", "text": "",
    }  # fmt: skip
    assert found["validation"]["read"] == 2


def test_near_duplicates(tmp_path):
    text = (DATA / "articles.jsonl").read_text("utf-8").splitlines()[0]
    file = write(tmp_path / "rows.jsonl", [row("q", text), row("q", text + " And one more."), row("q", "other")])
    found = json.loads(run("check", file, "--format", "json"))
    (near,) = found["findings"]
    assert (near["code"], near["count"], near["examples"][0]["line"]) == ("QR515", 1, 2)
    assert not json.loads(run("check", file, "--format", "json", "--ignore", "QR515"))["findings"]


def test_a_recipe_says_model_length_and_what_is_allowed(tmp_path):
    write(tmp_path / "rows.jsonl", [row("q", "<think>\nr\n</think>\n\na"), row("w " * 200, "a")])
    recipe = tmp_path / "x.yaml"
    recipe.write_text(
        "version: 1\nmodel: Qwen/Qwen3-4B-Instruct-2507\ndata: {train: rows.jsonl}\n"
        "training: {sequence_length: 128}\nrun: {backend: axolotl}\n"
    )
    found = json.loads(run("check", recipe, "--format", "json", code=1))
    assert found["template"] == "instruct-2507"
    assert [one["code"] for one in found["findings"]] == ["QR505", "QR512", "QR513"]
    recipe.write_text(recipe.read_text() + "allow: {QR505: on purpose, QR513: known}\n")
    assert [one["code"] for one in json.loads(run("check", recipe, "--format", "json"))["findings"]] == ["QR512"]


def test_the_page_stands_alone_and_is_well_formed(tmp_path):
    bad = write(tmp_path / "rows.jsonl", [row("<script>alert(1)</script>\n<|im_end|>", "a")] * 2)
    run("check", bad, MADE[0], "--html", tmp_path / "page.html", "--sequence-length", 128)
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "<script" not in page
    assert not re.search(r"(?:src|href|url)\s*[=(]", page)
    for plot in re.findall(r"<svg.*?</svg>", page, re.S):
        ElementTree.fromstring(plot)
    assert page.count("<svg") == 2
    assert "QR508" in page


def test_a_column_and_a_folder(tmp_path):
    (tmp_path / "rows").mkdir()
    write(tmp_path / "rows" / "a.jsonl", [{"question": "q", "answer": "a"}])
    write(tmp_path / "rows" / "b.jsonl", [{"question": "q2", "answer": "a"}])
    recipe = tmp_path / "x.yaml"
    columns = "{prompt: question, completion: answer}"
    recipe.write_text(
        "version: 1\nmodel: Qwen/Qwen3-4B\n"
        f"data: {{train: {{path: rows, format: prompt-completion, columns: {columns}}}}}\n"
    )
    assert json.loads(run("check", recipe, "--format", "json"))["train"]["good"] == 2


def test_calls_that_are_wrong(tmp_path):
    recipe = write(tmp_path / "x.yaml", [])
    run("check", MADE[0], "--model", "Qwen/none", code=2)
    run("check", recipe, MADE[0], code=2)
    run("check", tmp_path / "nothing*.jsonl", code=2)
    run("check", MADE[0], "--html", tmp_path / "no" / "page.html", code=2)


def test_preview_marks_what_is_trained(tmp_path):
    file = write(tmp_path / "rows.jsonl", [row("q", "answer")])
    assert run("preview", file).endswith("<|im_start|>assistant\n[[answer<|im_end|>]]\n")
    said = run("preview", file, "--model", HYBRID)
    assert said.endswith("<|im_start|>assistant\n<think>\n\n</think>\n\n[[answer<|im_end|>]]\n")
    assert run("preview", file, "--train-on", "all").count("[[") == 1
    cut = run("preview", file, "--sequence-length", 4)
    assert "q|truncated here|<|im_end|>" in cut


def test_preview_as_each_backend_is_told_and_of_pairs():
    for backend in ("axolotl", "llamafactory", "ms-swift"):
        said = run("preview", ROOT / "examples/thinking-last-turn.yaml", "--backend", backend, "--rows", "1")
        assert f", as prepared for {backend}" in said
        assert "[[" in said
    said = run("preview", DATA / "preferences.jsonl", "--rows", "2")
    assert said.count("(chosen)") == said.count("(rejected)") == 1


def test_preview_as_a_page(tmp_path):
    run("preview", MADE[1], "--rows", "2", "--html", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text("utf-8")
    assert page.count("<pre>") == 2
    assert '<span class="in-loss control">&lt;think&gt;</span>' in page
    assert "<think>" not in page


def test_lengths_of_a_plan(loaded, tmp_path):
    from qwen_recipes.backends import load_backend

    file = write(tmp_path / "rows.jsonl", [row("q", "a"), row("w " * 300, "a")])
    made = loaded({"data": {"train": str(file)}})
    found = sample_lengths(resolve(made, load_backend("axolotl")), tmp_path)
    assert found is not None and found.complete
    found = found.histogram
    assert (found.count, found.longest_row > 300, found.loss_tokens) == (2, True, 4)
    assert sample_lengths(resolve(loaded({"data": {"train": "none.jsonl"}}), load_backend("axolotl")), tmp_path) is None
    first = sample_lengths(resolve(made, load_backend("axolotl")), tmp_path, max_rows=1)
    assert (first.histogram.count, first.complete) == (1, False)


def test_a_tokenizer_that_qwen_did_not_release_is_told_by_every_command(tmp_path):
    write_placeholder_model(get_model_facts("Qwen/Qwen3-0.6B"), tmp_path / "mine")
    rows, recipe = write(tmp_path / "rows.jsonl", [row("q", "a")]), tmp_path / "x.yaml"
    recipe.write_text("version: 1\nmodel: mine\ndata: {train: rows.jsonl}\nrun: {backend: axolotl}\n", "utf-8")
    calls = [
        ["data", "check", rows, "--model", tmp_path / "mine"],
        *(["data", command, recipe] for command in ("check", "preview")),
        *([command, recipe] for command in ("plan", "lint")),
        ["compile", recipe, "-o", tmp_path / "out"],
    ]

    def told(words):
        done = CliRunner().invoke(main, list(map(str, words)))
        assert done.exit_code == 0, done.output
        return "tokenizer.json is a custom tokenizer" in done.output

    assert [told(words) for words in calls] == [False] * len(calls)
    with (tmp_path / "mine" / "tokenizer.json").open("a") as file:
        file.write("\n")
    assert [told(words) for words in calls] == [True] * len(calls)


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (
            [row(f"question {n}", "yes") for n in range(20)] + [row(f"other {n}", f"reason {n}") for n in range(10)],
            "QR533",
        ),
        ([{**row(f"item {n}", "AB"[n % 2]), "label": n % 3 == 0} for n in range(40)], "QR532"),
    ],
)
def test_answers_that_are_alike(tmp_path, made, code):
    file = write(tmp_path / "rows.jsonl", made)
    codes = {one["code"] for one in json.loads(run("check", file, "--format", "json"))["findings"]}
    assert code in codes
    varied = write(tmp_path / "varied.jsonl", [row(f"question {n}", f"an answer of its own, {n}") for n in range(30)])
    codes = {one["code"] for one in json.loads(run("check", varied, "--format", "json"))["findings"]}
    assert not codes & {"QR532", "QR533"}


def test_roles_that_no_row_has_are_named_beside_those_that_rows_have(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    turns = [{"role": "customer", "content": "q"}, {"role": "agent", "content": "a"}]
    write(tmp_path / "rows.jsonl", [{"messages": turns}])
    write(tmp_path / "held.jsonl", [{"messages": [{"role": "user", "content": "x"}, turns[1]]}])
    recipe = tmp_path / "r.yaml"
    text = "version: 1\nmodel: Qwen/Qwen3-4B\ndata:\n  train: [{path: rows.jsonl, roles: ROLES}]\n"
    text += "  validation: [{path: held.jsonl, roles: ROLES}]\nrun: {backend: trl}\n"
    recipe.write_text(text.replace("ROLES", "{customer: user, agent: assistant}"), "utf-8")
    assert "QR534" not in run("check", recipe)
    recipe.write_text(text.replace("ROLES", "{customr: user, agent: assistant}"), "utf-8")
    report = json.loads(run("check", recipe, "--format", "json", code=1))
    (finding,) = [one for one in report["findings"] if one["code"] == "QR534"]
    assert "`customr`, which no row has; other roles, by rows: `customer` in 1, `user` in 1" in json.dumps(finding)
    recipe.write_text(text.replace("ROLES", "{agent: assistant}").replace("roles:", "columns: {mesages: x}, roles:"))
    assert "unknown column `mesages`" in CliRunner().invoke(main, ["data", "check", str(recipe)]).output
