"""`recipes lsp`, asked over standard input and output as an editor would."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qwen_recipes.cli.lint import LintOptions
from qwen_recipes.recipe.field_index import index_fields
from tests.editor.client import LanguageClient
from tests.editor.conftest import ROOT

pytest.importorskip("pygls", reason="the extra `lsp` is not installed")

SHORTEST = "version: 1\nmodel: Qwen/Qwen3-4B\ndata: {train: rows.jsonl}\n"
ZERO3 = SHORTEST + "method: lora\nhardware: {gpu: h100, gpus: 8, strategy: zero3}\nrun: {backend: axolotl}\n"
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LanguageClient]:
    folder = tmp_path_factory.mktemp("editor")
    with LanguageClient([sys.executable, "-m", "qwen_recipes", "lsp"], folder) as running:
        yield running
    assert running.code == 0


def codes(problems: list[dict[str, Any]]) -> set[str]:
    return {problem["code"] for problem in problems}


def applied(text: str, edits: list[dict[str, Any]]) -> str:
    """The text after one edit, as a client applies it: characters are UTF-16 code units."""
    (edit,) = edits
    units = [line.encode("utf-16-le") for line in text.splitlines(keepends=True)]

    def offset(place: dict[str, int]) -> int:
        return sum(map(len, units[: place["line"]])) + 2 * place["character"]

    whole, new = text.encode("utf-16-le"), str(edit["newText"]).encode("utf-16-le")
    start, end = offset(edit["range"]["start"]), offset(edit["range"]["end"])
    return (whole[:start] + new + whole[end:]).decode("utf-16-le")


def actions(client: LanguageClient, uri: str, line: int, wanted: str) -> str:
    """The text after the action whose title holds `wanted`."""
    place = {"line": line, "character": 0}
    found = client.request(
        "textDocument/codeAction",
        textDocument={"uri": uri},
        range={"start": place, "end": place},
        context={"diagnostics": []},
    )
    titles = [action["title"] for action in found]
    action = next((action for action in found if wanted in action["title"]), None)
    assert action is not None, titles
    return applied(client.texts[uri], action["edit"]["changes"][uri])


def test_what_lint_says_the_editor_shows(client: LanguageClient) -> None:
    uri = client.open("zero3.recipe.yaml", ZERO3)
    found = client.wait_for_diagnostics(uri)
    said = LintOptions(None, (), (), ()).find(ZERO3, str(client.folder / "zero3.recipe.yaml"))
    assert codes(found) == {finding.code for finding in said if finding.code != "data"} >= {"QR101"}
    (problem,) = [p for p in found if p["code"] == "QR101"]
    start = problem["range"]["start"]
    assert (start["line"], problem["severity"], problem["source"]) == (4, 1, "recipes")


def test_text_that_is_not_saved_is_judged(client: LanguageClient) -> None:
    uri = client.open("live.recipe.yaml", SHORTEST)
    assert client.wait_for_diagnostics(uri) == []
    client.change(uri, SHORTEST + "trainning: {epochs: 3}\n")
    (problem,) = client.wait_for_diagnostics(uri)
    assert "did you mean `training`?" in problem["message"]
    assert problem["range"] == {"start": {"line": 3, "character": 0}, "end": {"line": 3, "character": 9}}
    client.change(uri, SHORTEST + "training: [\n")
    assert "invalid YAML" in client.wait_for_diagnostics(uri)[0]["message"]
    client.change(uri, SHORTEST)
    assert client.wait_for_diagnostics(uri) == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_examples_show_what_lint_says(client: LanguageClient, example: Path) -> None:
    text = example.read_text("utf-8")
    uri = client.open(f"{example.stem}.recipe.yaml", text)
    said = LintOptions(None, (), (), ()).find(text, str(client.folder / f"{example.stem}.recipe.yaml"))
    shown = [p["code"] for p in client.wait_for_diagnostics(uri) if "code" in p]
    assert sorted(shown) == sorted(finding.code for finding in said if finding.code != "data")


def test_characters_are_counted_as_the_editor_counts(client: LanguageClient) -> None:
    uri = client.open("wide.recipe.yaml", SHORTEST + 'allow: {QR101: "\U0001f600\U0001f600 fine", QR999: because}\n')
    (problem,) = client.wait_for_diagnostics(uri)
    assert (
        client.texts[uri]
        .splitlines()[3]
        .encode("utf-16-le")[: 2 * problem["range"]["start"]["character"]]
        .decode("utf-16-le")
        .endswith('fine", ')
    )


def test_other_yaml_is_left_alone(client: LanguageClient) -> None:
    uri = client.open("compose.yaml", 'version: "3"\nservices: {web: {image: nginx}}\n')
    assert client.wait_for_diagnostics(uri) == []
    assert client.hover_text(uri, "services") == ""
    assert client.list_completions(uri, 1, 0) == {}


def test_a_frameworks_own_config_is_judged(client: LanguageClient) -> None:
    text = "base_model: Qwen/Qwen3-4B\nlearning_rate: 1e-4\ndatasets: [{path: a, type: alpaca}]\nlora_rank: 8\n"
    uri = client.open("train.yaml", text)
    (problem,) = client.wait_for_diagnostics(uri)
    assert (problem["code"], problem["range"]["start"]) == ("QR702", {"line": 3, "character": 0})
    assert "**QR702**" in client.hover_text(uri, "lora_rank")
    assert client.hover_text(uri, "learning_rate") == ""
    assert client.list_completions(uri, 1, 0) == {}


def test_guards_that_cannot_look_are_named(client: LanguageClient) -> None:
    uri = client.open("train.yaml", "# mine\nbase_model: me/unknown\ndatasets: [{path: a, type: alpaca}]\n")
    (note,) = client.wait_for_diagnostics(uri)
    assert note["message"].startswith("not checked: ") and note["range"]["start"]["line"] == 1


def test_closing_takes_the_findings_away(client: LanguageClient) -> None:
    uri = client.open("closed.recipe.yaml", "version: 2\n")
    assert client.wait_for_diagnostics(uri)
    client.notify("textDocument/didClose", textDocument={"uri": uri})
    client.versions[uri] = -1
    client.diagnostics.pop(uri, None)
    assert client.wait_for_diagnostics(uri) == []


def test_hover_explains_the_guard_and_the_field(client: LanguageClient) -> None:
    uri = client.open("hover.recipe.yaml", ZERO3)
    client.wait_for_diagnostics(uri)
    page = client.hover_text(uri, "zero3")
    assert "**QR101**" in page and "**Evidence**" in page
    uri = client.open("field.recipe.yaml", SHORTEST + "training:\n  scheduler: linear\n  learning_rate: 1e-4\n")
    assert index_fields()["training.learning_rate"].description in client.hover_text(uri, "learning_rate")
    assert "- `cosine`: Half a cosine, down to zero." in client.hover_text(uri, "scheduler")
    client.change(uri, SHORTEST + "training:\n  learning_rate: [\n")
    assert index_fields()["training.learning_rate"].description in client.hover_text(uri, "learning_rate")


@pytest.mark.parametrize(
    ("text", "offered", "missing"),
    [
        ("|", {"training", "method", "hardware"}, {"version", "epochs"}),
        ("training:\n  epochs: 3\n  |\n", {"learning_rate", "scheduler"}, {"epochs", "training"}),
        ("training:\n  |\n  epochs: 3\n", {"learning_rate"}, {"epochs"}),
        ("training:\n  lear|", {"learning_rate"}, set()),
        ("training: {epochs: 1, |}", {"learning_rate"}, {"epochs"}),
        ("training:\n  scheduler: |", {"cosine", "linear"}, {"learning_rate"}),
        ("training:\n  packing: |", {"true", "false"}, set()),
        ("method: |", {"qlora", "full"}, {"rank"}),
        ("method: {type: |}", {"qlora", "full"}, {"rank"}),
        ("method:\n  targets: [q_proj, |]", {"k_proj"}, {"rank"}),
        ("method:\n  targets:\n  - |", {"k_proj"}, {"rank"}),
        ("hardware:\n  gpu: rtx-4|", {"rtx-4090"}, {"h100:"}),
        ("allow:\n  |", {"QR101"}, {"training"}),
        ("backends:\n  |", {"axolotl", "ms-swift"}, {"extra"}),
        ("backends:\n  axolotl:\n    |", {"extra"}, {"axolotl"}),
        ("backends:\n  axolotl:\n    extra:\n      |", set(), {"extra", "training"}),
        ("run: {backend: |}", {"axolotl", "llamafactory"}, set()),
        ("nothing:\n  |", set(), {"training"}),
        ("# |", set(), {"training"}),
    ],
)
def test_completion(client: LanguageClient, text: str, offered: set[str], missing: set[str]) -> None:
    whole = SHORTEST + text
    line = whole[: whole.index("|")].count("\n")
    character = len(whole[: whole.index("|")].rpartition("\n")[2])
    uri = client.open("complete.recipe.yaml", whole.replace("|", ""))
    found = client.list_completions(uri, line, character)
    assert offered <= found.keys()
    assert not missing & found.keys()


def test_completion_in_a_list_of_sources(client: LanguageClient) -> None:
    text = "version: 1\nmodel: Qwen/Qwen3-4B\ndata:\n  train:\n    - path: a.jsonl\n      \n  validation: 0.1\n"
    uri = client.open("sources.recipe.yaml", text)
    found = client.list_completions(uri, 5, 6)
    assert "format" in found and "path" not in found and "validation" not in found
    assert found["format"]["textEdit"]["newText"] == "format: "


def test_a_completion_replaces_what_was_typed(client: LanguageClient) -> None:
    text = SHORTEST.replace("Qwen/Qwen3-4B", "Qwen/Qwen3-4B-In")
    uri = client.open("typed.recipe.yaml", text)
    found = client.list_completions(uri, 1, len("model: Qwen/Qwen3-4B-In"))["Qwen/Qwen3-4B-Instruct-2507"]
    assert applied(text, [found["textEdit"]]).splitlines()[1] == "model: Qwen/Qwen3-4B-Instruct-2507"


def test_a_slip_is_put_right(client: LanguageClient) -> None:
    text = SHORTEST + "training:\n  learning_rat: 1e-4  # slow\n  scheduler: cosin\n"
    uri = client.open("slip.recipe.yaml", text)
    assert len(client.wait_for_diagnostics(uri)) == 2
    assert actions(client, uri, 4, "Write `learning_rate`") == text.replace("learning_rat:", "learning_rate:")
    assert actions(client, uri, 5, "Write `cosine`") == text.replace("cosin\n", "cosine\n")


def test_a_guard_can_be_allowed(client: LanguageClient) -> None:
    uri = client.open("allowed.recipe.yaml", ZERO3)
    assert "QR101" in codes(client.wait_for_diagnostics(uri))
    client.change(uri, actions(client, uri, 4, "Allow QR101"))
    assert "QR101" not in codes(client.wait_for_diagnostics(uri))


def test_a_guards_fix_is_offered_and_holds(client: LanguageClient) -> None:
    uri = client.open("fix.recipe.yaml", SHORTEST + "training:\n  precision: fp16  # kept\n")
    assert "QR401" in codes(client.wait_for_diagnostics(uri))
    fixed = SHORTEST + "training:\n  precision: bf16  # kept\n"
    assert actions(client, uri, 4, "Set `training.precision` to bf16") == fixed
    assert actions(client, uri, 0, "Fix everything") == fixed
    client.change(uri, fixed)
    assert "QR401" not in codes(client.wait_for_diagnostics(uri))
