"""Messages that a second reader stumbled over, in the words that they have now."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from qwen_recipes.cli import main
from qwen_recipes.finding import RecipeError
from qwen_recipes.qwen.hub_download import is_offline
from qwen_recipes.recipe.load import load_recipe_text
from qwen_recipes.recipe.spec import Recipe, text_forms
from qwen_recipes.recipe.spec.sweep import Sweep
from qwen_recipes.sizes import format_bytes, format_gib

RECIPE = """\
version: 1
name: toy
model: Qwen/Qwen3-0.6B
data: {train: rows.jsonl}
hardware: {device: cpu}
run: {backend: axolotl}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text(RECIPE, "utf-8")
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.mark.parametrize("group", ["env", "data"])
def test_a_group_without_a_command_prints_its_help(group: str) -> None:
    done = run(group)
    assert done.exit_code == 2 and "Error" not in done.output and "--help" in done.output


def find_why(line: str) -> str:
    with pytest.raises(RecipeError) as caught:
        load_recipe_text(RECIPE.replace(line.partition(":")[0] + ":", "#", 1) + line + "\n", "a.yaml", Path())
    return caught.value.findings[0].why


def test_a_text_of_another_form_is_told_which() -> None:
    assert find_why("name: a/b") == "expected letters, digits, `.`, `_` and `-`, starting with a letter or a digit"
    assert find_why("output: {hub: {id: bot}}") == "expected ORGANISATION/NAME"


def test_a_single_choice_is_no_list() -> None:
    assert find_why("version: 2") == "expected 1"
    assert find_why("chat: {train_on: nobody}").startswith("expected one of 'assistant', ")


@pytest.mark.parametrize("model", [Recipe, Sweep])
def test_every_pattern_is_described(model: type[Recipe] | type[Sweep]) -> None:
    text = json.dumps(model.model_json_schema(), ensure_ascii=False)
    patterns = {part.split('"')[0] for part in text.split('"pattern": "')[1:]} - {"^[0-9.]+ ?G(i?B)?$"}
    assert patterns and patterns <= set(text_forms.DESCRIPTIONS)


def test_no_lock_is_written_without_the_data(folder: Path) -> None:
    done = run("lock", "a.yaml")
    assert done.exit_code == 1 and "rows.jsonl does not exist" in done.output
    assert not (folder / "a.lock").exists()


def test_a_lock_that_cannot_be_used(folder: Path) -> None:
    assert "a.lock does not exist; write it with `recipes lock a.yaml`" in run("compile", "a.yaml", "--locked").output
    for content in ("{", '{"version": 3}'):
        (folder / "a.lock").write_text(content, "utf-8")
        done = run("compile", "a.yaml", "--locked")
        assert done.exit_code == 2 and done.output.count("a.lock") == 1, done.output
        assert "write it again with `recipes lock a.yaml`" in done.output


def test_an_output_folder_that_is_a_file(folder: Path) -> None:
    done = run("compile", "a.yaml", "-o", "a.yaml")
    assert done.exit_code == 2 and "a.yaml: cannot write: it, or a folder above it, is a file" in done.output


def test_what_is_missing_of_an_adapter(folder: Path) -> None:
    adapter = folder / "adapter"
    adapter.mkdir()
    assert "adapter has no adapter: " in run("merge", "adapter", "-o", "out").output
    (adapter / "adapter_config.json").write_text("{}", "utf-8")
    assert "has adapter_config.json, but no adapter_model.safetensors" in run("merge", "adapter", "-o", "out").output
    (adapter / "adapter_model.safetensors").write_bytes(bytes(20))
    assert "is not a safetensors file" in run("merge", "adapter", "-o", "out").output


def test_a_finding_about_a_native_key_points_at_the_key(folder: Path) -> None:
    (folder / "rows.jsonl").write_text("{}\n", "utf-8")
    line = "backends: {axolotl: {extra: {bogus_key: 12345}}}\n"
    (folder / "a.yaml").write_text(RECIPE + line, "utf-8")
    (found,) = [one for one in json.loads(run("lint", "a.yaml", "--format", "json").stdout) if one["code"] == "QR702"]
    assert (found["line"], found["column"]) == (7, line.index("bogus_key") + 1)


def test_sizes_are_in_binary_units() -> None:
    assert format_gib(9e9, 0) == "8 GiB" and format_gib(1.5 * 2**30) == "1.5 GiB"
    assert [format_bytes(one) for one in (5, 5e3, 5e6, 5e10)] == ["5 B", "5 KiB", "5 MiB", "46.6 GiB"]


@pytest.mark.parametrize(("value", "offline"), [("1", True), ("yes", True), ("0", False), ("", False)])
def test_the_hub_is_switched_off_as_its_client_reads_it(
    value: str, offline: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", value)
    assert is_offline() is offline


def test_diff_says_once_which_framework_it_uses(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("version: 1\nmodel: Qwen/Qwen3-0.6B\ndata: {train: [{path: a.jsonl}]}\n", "utf-8")
    assert run("diff", str(file), str(file)).stderr.count("using ") == 1


def test_logs_of_a_folder_that_is_not_there(tmp_path):
    result = run("logs", str(tmp_path / "none"))
    assert result.exit_code == 2 and "does not exist or is not a folder" in result.stderr


def test_another_name_is_advised_only_where_it_helps(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.yaml").write_text(
            f"version: 1\nname: {name}\nmodel: Qwen/Qwen3-0.6B\ndata: {{train: [{{path: a.jsonl}}]}}\n", "utf-8"
        )
    (tmp_path / "a.jsonl").write_text('{"messages": [{"role": "user", "content": "a"}]}\n', "utf-8")
    assert run("compile", str(tmp_path / "a.yaml"), "-o", str(tmp_path / "out")).exit_code == 0
    result = run("compile", str(tmp_path / "b.yaml"), "-o", str(tmp_path / "out"))
    assert result.exit_code == 1 and "another `name`" not in result.stderr and "use another folder" in result.stderr
