"""Input that can't be trained on as it is meant: an error at its line, and nothing is written."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from qwen_recipes.cli import main
from qwen_recipes.qwen.models import get_model_facts
from qwen_recipes.qwen.placeholder_model import write_placeholder_model
from tests.conftest import BACKENDS

ROW = json.dumps({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}) + "\n"
ADAPTER = {
    "peft_type": "LORA",
    "base_model_name_or_path": "Qwen/Qwen3-4B",
    "r": 16,
    "lora_alpha": 32,
    "lora_dropout": 0.0,
    "target_modules": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with rows in a folder of their own, and the same rows through links."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data/deep").mkdir(parents=True)
    (tmp_path / "data/deep/rows.jsonl").write_text(ROW, "utf-8")
    (tmp_path / "linked").symlink_to("data")
    (tmp_path / "rows.jsonl").symlink_to("data/deep/rows.jsonl")
    return tmp_path


def list_files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def refuse(place, recipe, line, *said, command=("compile", "--backend", "axolotl", "-o", "out")):
    """The recipe is refused at a line, in these words, and nothing is there that was not before."""
    (place / "r.yaml").write_text(f"version: 1\nmodel: Qwen/Qwen3-4B\n{recipe}", "utf-8")
    before = list_files(place)
    result = CliRunner().invoke(main, [command[0], "r.yaml", *command[1:]])
    assert result.exit_code == 1, result.output
    assert f"r.yaml:{line}:" in result.output and all(word in result.output for word in said), result.output
    assert list_files(place) == before


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("command", ["compile", "plan", "lint"])
def test_every_command_and_backend_refuses_an_output_above_the_data(place, backend, command):
    recipe = f"data: {{train: data/deep/rows.jsonl}}\noutput: {{dir: data}}\nrun: {{backend: {backend}}}\n"
    refuse(place, recipe, 4, "is a folder above the source", command=(command,))


@pytest.mark.parametrize("source", ["data/deep/rows.jsonl", "linked/deep/rows.jsonl", "rows.jsonl", "data/*/*.jsonl"])
@pytest.mark.parametrize(
    "output", [".", "./", "..", "data", "data/deep", "data/", "./data/../data", "linked", "linked/deep", "{here}/data"]
)
def test_an_output_at_or_above_the_data(place, source, output):
    output = output.format(here=place)
    recipe = f'data: {{train: "{source}"}}\noutput: {{dir: "{output}"}}\n'
    refuse(place, recipe, 4, "is a folder above the source", f"output.dir: {output}")


@pytest.mark.parametrize(
    ("data", "output", "how"),
    [
        ("{train: data/deep/rows.jsonl}", "data/deep/rows.jsonl", "is the source"),
        ("{train: data}", "data", "is the source"),
        ("{train: data}", "linked/runs", "lies in the folder that is the source"),
        ("{train: not/there.jsonl}", "not", "is a folder above the source"),
        ("{train: [{path: elsewhere.jsonl}, {path: data/deep/rows.jsonl}]}", "data", "is a folder above"),
        ("{train: elsewhere.jsonl, validation: data/deep/rows.jsonl}", "data", "is a folder above"),
        ("{train: runs/r/rows/train.jsonl}", "runs/r", "is a folder above"),
        ("{train: 'data/**/*.jsonl'}", "data/deep/new", "holds rows that would be read by the pattern data/**/*.jsonl"),
        ("{train: 'data/*/*/rows/t*.jsonl'}", "data/a/b", "holds rows that would be read by the pattern"),
        ("{train: data/deep/rows.jsonl}", "data/deep/rows.jsonl/x", "lies below a file"),
    ],
)
def test_an_output_in_the_way_of_one_of_several_sources(place, data, output, how):
    refuse(place, f"data: {data}\noutput: {{dir: {output}}}\n", 4, how)


def test_an_output_beside_the_data_is_taken(place):
    (place / "r.yaml").write_text(
        "version: 1\nmodel: Qwen/Qwen3-4B\ndata: {train: data/deep/rows.jsonl}\noutput: {dir: data/runs}\n", "utf-8"
    )
    result = CliRunner().invoke(main, ["compile", "r.yaml", "--backend", "axolotl", "-o", "out"])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("saved", "method", "said"),
    [
        (None, "", "adapter_config.json"),
        ({"target_modules": ["q_proj", "v_proj"]}, ", targets: all-linear", "q_proj"),
        ({"r": 8}, ", rank: 16", "8"),
        ({"base_model_name_or_path": "Qwen/Qwen3-8B"}, "", "Qwen/Qwen3-8B"),
        ({"peft_type": "IA3"}, "", "IA3"),
        ({"use_dora": True}, ", variant: plain", "dora"),
    ],
)
@pytest.mark.parametrize("folder", ["saved", "./saved", "saved/", "link", "{here}/saved"])
def test_an_adapter_that_is_another(place, saved, method, said, folder):
    (place / "saved").mkdir()
    (place / "link").symlink_to("saved")
    (place / "saved/adapter_model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    if saved is not None:
        (place / "saved/adapter_config.json").write_text(json.dumps({**ADAPTER, **saved}), "utf-8")
    start = folder.format(here=place)
    recipe = f'data: {{train: data/deep/rows.jsonl}}\nmethod: {{type: lora, start_from: "{start}"{method}}}\n'
    refuse(place, recipe, 4, said)


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ({"train": "false"}, "`train` of a message is true or false, not 'false'"),
        ({"train": 0}, "`train` of a message is true or false, not 0"),
        ({"loss": "no"}, "`loss` of a message is true or false, not 'no'"),
        ({"loss": []}, "`loss` of a message is true or false, not []"),
        ({"weight": 0.5}, "`weight` of a message is 0 or 1, not 0.5"),
        ({"weight": -1}, "`weight` of a message is 0 or 1, not -1"),
        ({"weight": "0"}, "`weight` of a message is 0 or 1, not '0'"),
        ({"weight": False}, "`weight` of a message is 0 or 1, not False"),
        ({"weight": 1, "train": False}, "`train` and `weight` of a message contradict each other"),
    ],
)
@pytest.mark.parametrize("layout", ["messages", "conversations"])
def test_a_flag_of_a_wrong_type_is_named_with_its_line(tmp_path, flag, said, layout):
    pytest.importorskip("tokenizers")
    words = {"messages": ("role", "content", "user", "assistant"), "conversations": ("from", "value", "human", "gpt")}
    role, content, user, assistant = words[layout]
    turns = [{role: user, content: "q"}, {role: assistant, content: "a"}]
    rows = [{layout: turns}, {layout: [*turns, turns[0], {**turns[1], **flag}]}]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    result = CliRunner().invoke(main, ["data", "check", str(tmp_path / "rows.jsonl")])
    assert result.exit_code == 1 and f"rows.jsonl:2: {said}"[:60] in result.output and said in result.output


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("training: {packing: sometimes}", "training.packing"),
        ('training: {packing: "yes"}', "training.packing"),
        ("training: {tf32: 1}", "training.tf32"),
        ("method: {type: lora, rslora: 'on'}", "method.rslora"),
        ("data: {train: a.jsonl, streaming: 2}", "data.streaming"),
    ],
)
def test_a_switch_of_a_recipe_that_is_none(place, line, said):
    data = "" if line.startswith("data") else "data: {train: data/deep/rows.jsonl}\n"
    refuse(place, f"{data}{line}\n", 4 if data else 3, said)


@pytest.fixture
def model_with(tmp_path, monkeypatch):
    """A model's folder with this tokenizer.json, beside rows and a recipe."""
    monkeypatch.chdir(tmp_path)
    write_placeholder_model(get_model_facts("Qwen/Qwen3-0.6B"), tmp_path / "model")
    turns = [{"role": "user", "content": "a question"}, {"role": "assistant", "content": "a long enough answer"}]
    (tmp_path / "rows.jsonl").write_text(json.dumps({"messages": turns}) + "\n", "utf-8")
    (tmp_path / "r.yaml").write_text(
        "version: 1\nmodel: model\ndata: {train: rows.jsonl}\nhardware: {device: cpu}\nrun: {backend: axolotl}\n",
        "utf-8",
    )

    def write(change):
        file = tmp_path / "model/tokenizer.json"
        file.write_text(change(file.read_text("utf-8")), "utf-8")

    return write


def put_foreign_merge(text):
    model = {"type": "BPE", "vocab": {"a": 0}, "merges": [["x", "y"]]}
    return json.dumps({**json.loads(text), "model": model})


BROKEN_TOKENIZERS = {
    "cut": (lambda text: text[:100_000], "is not a whole JSON object"),
    "empty": (lambda text: "", "is not a whole JSON object"),
    "page": (lambda text: "<html></html>", "is not a whole JSON object"),
    "hole": (lambda text: text[:1000] + text[5000:], "is not a tokenizer"),
    "merge": (put_foreign_merge, "is not a tokenizer"),
    "other": (lambda text: '{"model": {"type": "Unigram", "vocab": []}}', "is not a tokenizer of Qwen's kind"),
}
READERS = (
    ("data", "check", "rows.jsonl", "--model", "model"), ("data", "check", "r.yaml"), ("data", "preview", "r.yaml"),
    ("verify", "r.yaml"),
)  # fmt: skip


@pytest.mark.parametrize("kind", BROKEN_TOKENIZERS)
def test_a_broken_tokenizer_of_a_model_exits_1_with_its_file(model_with, kind):
    pytest.importorskip("tokenizers")
    change, said = BROKEN_TOKENIZERS[kind]
    model_with(change)
    readers = (
        READERS if kind == "other" else (*READERS, ("run", "r.yaml", "--dry-run"), ("verify", "r.yaml", "--trainer"))
    )
    for words in readers:
        result = CliRunner().invoke(main, words)
        assert result.exit_code == 1 and f"model/tokenizer.json {said}" in result.output, (words, result.output)


@pytest.mark.parametrize("command", ["lint", "plan", "compile", "lock"])
def test_a_tokenizer_that_is_cut_off_is_an_error_of_the_recipe(model_with, command):
    model_with(lambda text: text[:100_000])
    result = CliRunner().invoke(main, [command, "r.yaml"])
    assert result.exit_code == 1 and "r.yaml:2:8: error" in result.output, result.output
    assert "model/tokenizer.json is not a whole JSON object" in result.output


def test_a_tokenizer_config_with_broken_tokens_exits_1(model_with, tmp_path):
    pytest.importorskip("tokenizers")
    file = tmp_path / "model/tokenizer_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), "added_tokens_decoder": {"x": {}}}), "utf-8")
    for words in READERS:
        result = CliRunner().invoke(main, words)
        assert result.exit_code == 1 and "added_tokens_decoder is not a map" in result.output, (words, result.output)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("compile", "r.yaml", "-o", "a/" * 2000), "File name too long"),
        (("init", "--data", "rows.jsonl", "-o", "a/" * 2000 + "b.yaml"), "a/b.yaml"),
        (("data", "check", "rows.jsonl", "--html", "a/" * 2000 + "b.html"), "a/b.html: cannot write"),
        (("data", "prepare", "rows.jsonl", "-o", "a/" * 2000 + "b.jsonl"), "File name too long"),
        (("data", "prepare", "rows.jsonl", "-o", ""), "-o needs the name of a file"),
    ],
)
def test_an_output_that_cannot_be_is_a_usage_error(place, arguments, said):
    (place / "r.yaml").write_text("version: 1\nmodel: Qwen/Qwen3-4B\ndata: {train: rows.jsonl}\n", "utf-8")
    before = list_files(place)
    result = CliRunner().invoke(main, [*arguments])
    assert result.exit_code == 2 and said in result.output, result.output[-500:]
    assert list_files(place) == before
