"""`extends`, presets, `${env:NAME}`: what a recipe made of several files says, and where its errors stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from qwen_recipes.backends import load_backend
from qwen_recipes.finding import Finding, RecipeError
from qwen_recipes.guards.lint import lint_text
from qwen_recipes.recipe.composition.extends import MAX_BASES
from qwen_recipes.recipe.composition.presets import list_presets
from qwen_recipes.recipe.load import LoadedRecipe, load_recipe
from qwen_recipes.recipe.overrides import OverrideError
from qwen_recipes.resolve import resolve

WHOLE = "version: 1\nmodel: Qwen/Qwen3-4B\ndata: {train: rows.jsonl}\n"


def write_files(folder: Path, files: dict[str, str]) -> Path:
    """The files below `folder`; returns the path of the first."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder / next(iter(files))


def load(folder: Path, files: dict[str, str], *sets: str) -> LoadedRecipe:
    """The first of the files, loaded."""
    return load_recipe(str(write_files(folder, files)), sets)


def find_errors(folder: Path, files: dict[str, str]) -> list[Finding]:
    """What is wrong with the first of the files."""
    with pytest.raises(RecipeError) as caught:
        load(folder, files)
    return caught.value.findings


def find_error(folder: Path, files: dict[str, str]) -> Finding:
    """The one thing that is wrong with the first of the files."""
    (found,) = find_errors(folder, files)
    return found


def test_later_bases_win_over_earlier_ones_the_recipe_over_all_and_set_over_the_recipe(tmp_path: Path) -> None:
    training = "training: {{learning_rate: {}, epochs: {}, seed: {}, batch_size: {}}}\n"
    files = {
        "a.yaml": "extends: [b.yaml, c.yaml]\n" + WHOLE + "training: {epochs: 3, seed: 3}\n",
        "b.yaml": training.format("1e-5", 1, 1, 1),
        "c.yaml": "training: {learning_rate: 2e-5, epochs: 2, seed: 2}\n",
    }
    training_section = load(tmp_path, files, "training.seed=4").recipe.training
    assert training_section is not None
    made = (
        training_section.batch_size.examples,
        training_section.learning_rate,
        training_section.epochs,
        training_section.seed,
    )
    assert made == (1, 2e-5, 3, 4)


def test_a_chain_of_three_says_from_which_file_each_value_comes(tmp_path: Path) -> None:
    files = {
        "a.yaml": "extends: team/b.yaml\ntraining: {epochs: 3}\n",
        "team/b.yaml": "extends: [official, ../c.yaml]\ndata: {train: rows.jsonl}\nmethod: {rank: 12}\n",
        "c.yaml": "version: 1\nmodel: Qwen/Qwen3-4B\n",
    }
    plan = resolve(load(tmp_path, files, "training.seed=5"), load_backend("axolotl"))
    names = ("training.epochs", "method.rank", "model.id", "method.alpha", "training.seed", "data.train")
    assert [plan.reasons[name].text for name in names] == [
        *("set in the recipe", "set in b.yaml:3", "set in c.yaml:2", "set by preset official", "set by --set"),
        "set in b.yaml:2",
    ]
    assert [source.path for source in plan.data.train] == ["team/rows.jsonl"]


def test_null_takes_away_what_a_base_says(tmp_path: Path) -> None:
    files = {
        "a.yaml": "extends: b.yaml\ntraining: {epochs: null, steps: 9}\n",
        "b.yaml": WHOLE + "training: {epochs: 3}\n",
    }
    training = load(tmp_path, files).recipe.training
    assert training is not None
    assert (training.epochs, training.steps) == (None, 9)


def test_null_without_a_base_is_still_an_error(tmp_path: Path) -> None:
    assert "epochs" in find_error(tmp_path, {"a.yaml": WHOLE + "training: {epochs: null}\n"}).message


@pytest.mark.parametrize(
    ("base", "own", "expected"),
    [
        ("method: {type: lora, rank: 12}", "method: qlora", {"type": "qlora", "rank": 12}),
        ("method: qlora", "method: {rank: 12}", {"type": "qlora", "rank": 12}),
        ("method: {type: lora, rank: 12}", "method: full", {"type": "full"}),
        (
            "method: {type: lora, targets: [q_proj]}",
            "method: {targets: [v_proj]}",
            {"type": "lora", "targets": ["v_proj"]},
        ),
    ],
)
def test_maps_are_merged_and_another_kind_replaces_them(
    tmp_path: Path, base: str, own: str, expected: dict[str, object]
) -> None:
    method = load(tmp_path, {"a.yaml": f"extends: b.yaml\n{own}\n", "b.yaml": f"{WHOLE}{base}\n"}).recipe.method
    assert method is not None
    assert method.model_dump(exclude_none=True) == expected


def test_relative_paths_start_at_the_file_that_says_them(tmp_path: Path) -> None:
    base = (
        "version: 1\nmodel: model\ndata: {train: [rows.jsonl, {path: /data/all.jsonl}], validation: held.jsonl}\n"
        "chat: {template: own.jinja}\noutput: {dir: runs/x}\nobjective: {type: sft}\n"
    )
    (tmp_path / "shared/model").mkdir(parents=True)
    (tmp_path / "shared/own.jinja").write_text("")
    recipe = load(tmp_path, {"own/a.yaml": "extends: ../shared/b.yaml\n", "shared/b.yaml": base}).recipe
    assert recipe.model.id == "../shared/model"
    assert [source.path for source in recipe.data.train] == ["../shared/rows.jsonl", "/data/all.jsonl"]
    assert recipe.chat is not None
    assert recipe.output is not None
    assert (recipe.chat.template, recipe.output.dir) == ("../shared/own.jinja", "../shared/runs/x")


def test_a_model_on_the_hub_is_not_taken_for_a_folder(tmp_path: Path) -> None:
    files = {"own/a.yaml": "extends: ../b.yaml\n", "b.yaml": WHOLE}
    assert load(tmp_path, files).recipe.model.id == "Qwen/Qwen3-4B"


def test_an_error_in_a_base_stands_in_its_file_at_its_line(tmp_path: Path) -> None:
    found = find_error(tmp_path, {"a.yaml": "extends: b.yaml\n", "b.yaml": WHOLE + "training: {epoch: 3}\n"})
    assert (Path(found.file).name, found.span and found.span.line) == ("b.yaml", 4)
    assert found.line == "training: {epoch: 3}"
    assert "epochs" in found.suggestion


def test_what_a_guard_says_of_a_preset_stands_at_extends(tmp_path: Path) -> None:
    file = write_files(tmp_path, {"a.yaml": "extends: distillabs\n" + WHOLE})
    found = [one for one in lint_text(file.read_text(), str(file), tmp_path).findings if one.code == "QR203"]
    assert [(one.file, one.span and one.span.line) for one in found] == [(str(file), 1)]
    assert "preset distillabs" in found[0].message


def test_all_that_is_wrong_with_extends_and_variables_is_said_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.delenv("MISSING", raising=False)
    data = 'data: {train: ["${env:MISSING}/a.jsonl", "${env:EMPTY}/b", "${env:no name}/c", "${env:OPEN"]}\n'
    text = f"extends: [oficial, gone.yaml, a.yaml, folder/x, 3, bad.yaml]\n{data}name: ${{env:HOME}}\n"
    messages = [
        f"{f.span and f.span.line}: {f.message}" for f in find_errors(tmp_path, {"a.yaml": text, "bad.yaml": "- 1\n"})
    ]
    for expected in (
        "1: unknown preset `oficial`",
        "gone.yaml does not exist",
        "1: circular `extends`: a.yaml → a.yaml",
        "1: `folder/x` is not a YAML file",
        "1: `extends` expects file names or names of presets",
        "bad.yaml is not a map",
        "2: the environment variable `MISSING` is not set",
        "2: the environment variable `EMPTY` is empty",
        "2: `no name` is not the name of an environment variable",
        "2: `${env:` without its `}`",
        "3: `name` is not a path",
    ):
        assert any(expected in message for message in messages), (expected, messages)


def test_a_circle_through_several_files_is_found_under_any_name(tmp_path: Path) -> None:
    (tmp_path / "link.yaml").symlink_to(tmp_path / "a.yaml")
    files = {"a.yaml": "extends: b.yaml\n", "b.yaml": "extends: sub/c.yaml\n", "sub/c.yaml": "extends: ../link.yaml\n"}
    found = find_error(tmp_path, files)
    assert "a.yaml → b.yaml → c.yaml → a.yaml" in found.message
    assert Path(found.file).name == "c.yaml"


def test_a_recipe_extends_a_bounded_number_of_files(tmp_path: Path) -> None:
    files = {f"{i}.yaml": f"extends: {i + 1}.yaml\n" for i in range(MAX_BASES + 1)}
    assert "at most" in find_error(tmp_path, {**files, f"{MAX_BASES + 1}.yaml": WHOLE}).message


def test_a_base_counts_as_often_as_it_is_named(tmp_path: Path) -> None:
    """Nine files, each of which names the next ten times, would be a hundred million."""
    files = {f"{i}.yaml": f"extends: [{', '.join([f'{i + 1}.yaml'] * 10)}]\n" for i in range(8)}
    assert "at most" in find_error(tmp_path, {**files, "8.yaml": WHOLE}).message
    many = {"a.yaml": f"extends: [{', '.join(['8.yaml'] * 20_000)}]\n", "8.yaml": WHOLE}
    assert "at most" in find_error(tmp_path, many).message


def test_variables_are_filled_in_in_the_recipe_in_bases_and_in_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROWS", str(tmp_path / "rows"))
    files = {
        "a.yaml": "extends: sub/b.yaml\noutput: {dir: '${env:ROWS}/runs'}\n",
        "sub/b.yaml": "version: 1\nmodel: Qwen/Qwen3-4B\ndata: {train: '${env:ROWS}/a.jsonl'}\n",
    }
    recipe = load(tmp_path, files, "data.validation=${env:ROWS}/held.jsonl").recipe
    assert recipe.data.train[0].path == str(tmp_path / "rows/a.jsonl")
    assert recipe.output is not None
    assert recipe.output.dir == str(tmp_path / "rows/runs")
    assert "held.jsonl" in str(recipe.data.validation)


def test_extends_is_not_set_on_the_command_line(tmp_path: Path) -> None:
    with pytest.raises(OverrideError):
        load(tmp_path, {"a.yaml": WHOLE}, "extends=official")


def test_the_hash_is_of_what_is_said_and_not_of_where(tmp_path: Path) -> None:
    split = {"a.yaml": "extends: b.yaml\ntraining: {epochs: 3}\n", "b.yaml": WHOLE}
    whole = {"w.yaml": WHOLE + "training: {epochs: 3}\n"}
    assert load(tmp_path, split).recipe_hash == load(tmp_path, whole).recipe_hash


@pytest.mark.parametrize("name", list_presets())
def test_every_preset_resolves_names_its_source_and_has_no_error(tmp_path: Path, name: str) -> None:
    file = write_files(tmp_path, {"a.yaml": f"extends: {name}\n{WHOLE}", "rows.jsonl": "{}\n"})
    assert "# Source: " in (Path(__file__).parents[4] / "presets" / f"{name}.yaml").read_text()
    assert [f for f in lint_text(file.read_text(), str(file), tmp_path).findings if f.severity == "error"] == []


def test_the_presets_are_those_that_were_published() -> None:
    assert list_presets() == ["community", "distillabs", "official", "tool-calling"]
