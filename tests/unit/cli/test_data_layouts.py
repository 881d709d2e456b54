"""Columns, roles, encodings and prompts that a recipe states, through `recipes data` and the rows program."""

import json

import pytest
from click.testing import CliRunner

pytest.importorskip("tokenizers")

from qwen_recipes.backends import load_backends
from qwen_recipes.cli import main
from qwen_recipes.compile import compile_recipe
from qwen_recipes.data.rows.layouts import CONVERSATION_FORMATS, LAYOUTS_BY_FORMAT
from qwen_recipes.data.rows.prepare import read_normalized_rows
from qwen_recipes.recipe.load import load_recipe
from qwen_recipes.recipe.objective_formats import COLUMNS_BY_FORMAT, DEFAULT_FORMATS, FORMATS_BY_OBJECTIVE

HEAD = "version: 1\nmodel: Qwen/Qwen3-4B\nhardware: {device: cpu}\n"


@pytest.fixture
def recipe(tmp_path):
    def write(source, objective="sft", **files):
        for name, content in files.items():
            (tmp_path / name.replace("_", ".")).write_bytes(content)
        path = tmp_path / "r.yaml"
        path.write_text(f"{HEAD}objective: {objective}\ndata: {{train: {json.dumps(source)}}}\n", "utf-8")
        return path

    return write


def run(*words):
    result = CliRunner().invoke(main, [*map(str, words)], env={"COLUMNS": "200"})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return result.exit_code, result.output


TICKETS = "Customer Question;Agent Reply\nWo bleibt mein Päckchen?;Es ist unterwegs, Zoë.\n".encode("latin-1")
ODD = json.dumps({"talk": {"turns": [{"role": "customer", "content": "Where?"},
                                     {"role": "agent", "content": "On its way."}]}}).encode()  # fmt: skip


def test_a_semicolon_file_in_latin_1(recipe):
    source = {"path": "t.csv", "columns": {"prompt": "Customer Question", "completion": "Agent Reply"}}
    path = recipe({**source, "encoding": "latin-1"}, t_csv=TICKETS)
    code, shown = run("data", "preview", path)
    assert code == 0 and "Päckchen" in shown and "[[Es ist unterwegs, Zoë.<|im_end|>]]" in shown
    path = recipe(source, t_csv=TICKETS)
    code, shown = run("data", "check", path, "--jobs", "1")
    assert code == 1 and "`encoding`" in shown


def test_what_is_previewed_is_what_the_rows_program_of_each_framework_reads(recipe, monkeypatch):
    source = {"path": "o.jsonl", "columns": {"messages": "talk.turns"},
              "roles": {"customer": "user", "agent": "assistant"}}  # fmt: skip
    path = recipe(source, o_jsonl=ODD)
    code, shown = run("data", "preview", path)
    assert code == 0 and "user\nWhere?" in shown and "[[On its way.<|im_end|>]]" in shown
    monkeypatch.chdir(path.parent)
    for backend in filter(lambda one: one.takes_any_recipe, load_backends()):
        spec = json.loads(compile_recipe(load_recipe(path), backend, path.parent / backend.name).files["rows.json"])
        ((_, _, row, why),) = read_normalized_rows(spec["train"][0])
        assert not why
        assert [m["content"] for m in row["messages"]] == ["Where?", "On its way."]


@pytest.mark.parametrize(
    ("source", "said", "instead"),
    [
        ({"columns": {"mesages": "talk"}}, "unknown column", "did you mean `messages`"),
        ({"format": "alpaca", "columns": {"messages": "talk"}}, "unknown column `messages`", "known here"),
        ({"roles": {"customer": "usr"}}, "usr", "did you mean `user`"),
        ({"encoding": "latin1"}, "latin1", "latin-1"),
        ({"format": "messages", "prompt_style": "alpaca"}, "prompt_style", "remove it"),
    ],
)
def test_unknown_names_are_refused_with_a_suggestion(recipe, source, said, instead):
    code, shown = run("lint", recipe({"path": "o.jsonl", **source}, o_jsonl=ODD))
    assert code == 1 and said in shown and instead in shown


def test_the_columns_of_a_recipe_are_those_of_the_layouts():
    for name, columns in COLUMNS_BY_FORMAT.items():
        read = {one for layout in LAYOUTS_BY_FORMAT[name] for names in layout.keys for one in names}
        read |= {one for layout in LAYOUTS_BY_FORMAT[name] for one in layout.optional}
        assert read <= set(columns), name
    assert FORMATS_BY_OBJECTIVE["sft"] == CONVERSATION_FORMATS
    assert DEFAULT_FORMATS["sft"] in LAYOUTS_BY_FORMAT
