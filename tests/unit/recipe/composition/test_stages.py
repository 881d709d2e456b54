"""`stages`: what each stage's recipe is, what it starts from, and what is wrong with a pipeline, with lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from qwen_recipes.backends import load_backend
from qwen_recipes.finding import Finding, RecipeError
from qwen_recipes.guards.lint import lint_text
from qwen_recipes.recipe.load import LoadedRecipe, load_recipe
from qwen_recipes.recipe.pipeline import Pipeline, load_pipeline, load_stage
from qwen_recipes.resolve import resolve

HEAD = "version: 1\nmodel: Qwen/Qwen3-4B\ndata: {train: rows.jsonl}\n"
PIPELINE = (
    HEAD
    + """\
training: {learning_rate: 1e-4}
stages:
  - name: sft
    method: {type: lora, rank: 8}
    objective: {type: sft, kl_weight: 0.05}
  - name: merge
    merge: base
  - name: dpo
    data: {train: pairs.jsonl}
    objective: {type: dpo, beta: 0.05}
    training: {learning_rate: 2e-5}
"""
)


def load(folder: Path, text: str, *sets: str) -> Pipeline:
    """The pipeline of this text."""
    file = folder / "p.yaml"
    file.write_text(text)
    found = load_pipeline(str(file), sets)
    assert found is not None
    return found


def get(pipeline: Pipeline, name: str) -> LoadedRecipe:
    """The recipe of one stage."""
    return next(stage.loaded for stage in pipeline.stages if stage.name == name)


def find_errors(folder: Path, stages: str) -> list[Finding]:
    """What is wrong with these stages."""
    with pytest.raises(RecipeError) as caught:
        load(folder, HEAD + "stages:\n" + stages)
    return caught.value.findings


def find_error(folder: Path, stages: str) -> tuple[int, str]:
    """The line and message of the one thing that is wrong with these stages, which begin at line 5."""
    (found,) = find_errors(folder, stages)
    assert found.span is not None and found.suggestion
    return found.span.line, found.message


def test_dpo_starts_from_the_merged_model(tmp_path: Path) -> None:
    pipeline = load(tmp_path, PIPELINE)
    sft, merge, dpo = pipeline.stages
    assert [(one.folder, one.weight) for one in merge.inputs] == [("runs/p/sft", 1.0)]
    assert merge.output == "runs/p/merge"
    model = dpo.loaded.recipe.model
    assert (model.id, model.like, dpo.loaded.name) == ("runs/p/merge", "Qwen/Qwen3-4B", "p-dpo")
    training = dpo.loaded.recipe.training
    assert training is not None and training.learning_rate == 2e-5
    assert sft.loaded.recipe.training is not None and sft.loaded.recipe.training.learning_rate == 1e-4
    for stage in (sft, dpo):
        plan = resolve(stage.loaded, load_backend("llamafactory"))
        assert plan.output.dir == f"runs/p/{stage.name}" and plan.model.layer_class == "Qwen3DecoderLayer"


def test_an_adapter_is_continued_with_its_own_numbers(tmp_path: Path) -> None:
    pipeline = load(tmp_path, PIPELINE.replace("  - name: merge\n    merge: base\n", ""))
    dpo = get(pipeline, "dpo")
    plan = resolve(dpo, load_backend("llamafactory"))
    assert (plan.model.id, plan.method.start_from, plan.method.rank) == ("Qwen/Qwen3-4B", "runs/p/sft", 8)
    assert plan.objective.reference == "start"


def test_another_rank_than_the_adapter_will_have_is_an_error_before_it_is_there(tmp_path: Path) -> None:
    text = PIPELINE.replace("  - name: merge\n    merge: base\n", "").replace(
        "    data: {train: pairs", "    method: {rank: 32}\n    data: {train: pairs"
    )
    (tmp_path / "p.yaml").write_text(text)
    found = lint_text(text, str(tmp_path / "p.yaml"), tmp_path, "ms-swift").findings
    errors = [f for f in found if f.severity == "error"]
    assert len(errors) == 1 and "`method.rank` is 32" in errors[0].message and errors[0].span.line == 10
    assert errors[0].message.endswith("(stage dpo)")


def test_merge_and_extend_goes_on_and_on(tmp_path: Path) -> None:
    stages = "".join(f"  - {{name: train{n}}}\n  - {{name: merge{n}, merge: base}}\n" for n in (1, 2, 3))
    pipeline = load(tmp_path, HEAD + "stages:\n" + stages)
    models = [stage.loaded.recipe.model.id for stage in pipeline.trainings]
    assert models == ["Qwen/Qwen3-4B", "runs/p/merge1", "runs/p/merge2"]
    assert [stage.loaded.recipe.model.like for stage in pipeline.trainings] == [None, *["Qwen/Qwen3-4B"] * 2]


def test_whole_models_follow_one_another_and_a_stage_may_use_another_framework(tmp_path: Path) -> None:
    stages = """\
  - {name: cpt, objective: pretrain, method: full, run: {backend: axolotl}}
  - {name: sft, method: full}
  - {name: other, from_stage: cpt, run: {backend: trl}}
"""
    pipeline = load(tmp_path, HEAD + "stages:\n" + stages)
    assert [stage.loaded.recipe.model.id for stage in pipeline.stages] == [
        "Qwen/Qwen3-4B", "runs/p/cpt", "runs/p/cpt",
    ]  # fmt: skip
    assert [(one.loaded.recipe.run or None) and one.loaded.recipe.run.backend for one in pipeline.stages] == [
        "axolotl", None, "trl",
    ]  # fmt: skip


def test_set_wins_over_stages_and_one_stage_can_be_meant(tmp_path: Path) -> None:
    sets = ("training.learning_rate=3e-5", "stages[2].objective.beta=0.2", "output.dir=elsewhere")
    pipeline = load(tmp_path, PIPELINE, *sets)
    rates = [stage.loaded.recipe.training.learning_rate for stage in pipeline.trainings if stage.loaded.recipe.training]
    assert rates == [3e-5, 3e-5]
    objective = get(pipeline, "dpo").recipe.objective
    assert objective is not None and objective.beta == 0.2
    assert [stage.output for stage in pipeline.stages] == ["elsewhere/sft", "elsewhere/merge", "elsewhere/dpo"]


def test_stages_of_a_base_in_another_folder_keep_their_paths(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base/p.yaml").write_text(PIPELINE)
    pipeline = load(tmp_path, "extends: base/p.yaml\nname: mine\n")
    assert get(pipeline, "dpo").recipe.data.train[0].path == "base/pairs.jsonl"
    assert get(pipeline, "dpo").name == "mine-dpo"


def test_one_recipe_is_asked_for_where_there_are_several(tmp_path: Path) -> None:
    load(tmp_path, PIPELINE)
    with pytest.raises(RecipeError) as caught:
        load_recipe(str(tmp_path / "p.yaml"))
    (found,) = caught.value.findings
    assert found.suggestion == "--stage NAME" and found.span is not None and found.span.line == 5
    assert load_stage(str(tmp_path / "p.yaml"), (), "dpo").name == "p-dpo"
    with pytest.raises(RecipeError) as caught:
        load_stage(str(tmp_path / "p.yaml"), (), "dop")
    assert caught.value.findings[0].suggestion == "use one of: sft, dpo"
    with pytest.raises(RecipeError) as caught:
        load_stage(str(tmp_path / "p.yaml"), (), "merge")
    assert "merges, and has no recipe" in caught.value.findings[0].message


@pytest.mark.parametrize(
    ("stages", "line", "message"),
    [
        ("  - {method: lora}\n", 5, "`stages[0].name` is missing"),
        ("  - {name: a}\n  - {name: a}\n", 6, "two stages are named `a`"),
        ("  - {name: a}\n  - {name: b, from_stage: c}\n", 6, "there is no stage `c`"),
        ("  - {name: a, from_stage: b}\n  - {name: b}\n", 5, "stage `b` comes after `a`"),
        ("  - {name: a, from_stage: a}\n", 5, "stages start from each other: a → a"),
        ("  - {name: a, extends: official}\n", 5, "`extends` applies to the whole recipe, not to a stage"),
        ("  - {name: a, stages: [{name: c}]}\n", 5, "`stages` applies to the whole recipe, not to a stage"),
        ("  - {name: a}\n  - {name: b, merge: {adapters: [a, zz]}}\n", 6, "there is no stage or folder `zz`"),
        ("  - {name: a, merge: base}\n", 5, "stage `a` has nothing to merge: no stage comes before it"),
        (
            "  - {name: a, method: full}\n  - {name: b, merge: base}\n", 6,
            "stage `b` has nothing to merge: runs/p/a holds a whole model, not an adapter",
        ),
        (
            "  - {name: a}\n  - {name: b, method: full}\n", 6,
            "stage `b` trains the model's own weights, but starts from the adapter in runs/p/a",
        ),
        (
            "  - {name: a, output: {dir: x}}\n  - {name: b, output: {dir: ./x}}\n", 6,
            "stages `a` and `b` write to one folder: ./x",
        ),
        (
            "  - {name: a}\n  - {name: b, merge: base, training: {epochs: 1}}\n", 6,
            "`training` does not apply to stage `b`, which merges",
        ),
        (
            "  - {name: a}\n  - {name: b, merge: {density: 0.5}}\n", 6, "`merge.density` does not apply to `cat`",
        ),
        (
            "  - {name: a}\n  - {name: b, merge: {combine: ties}}\n", 6, "`combine: ties` needs several adapters",
        ),
        (
            "  - {name: a}\n  - {name: b, model: Qwen/Qwen3-8B, from_stage: a}\n", 6,
            "stage `b` has both `from_stage` and `model`",
        ),
        ("  - {name: a}\n  - {name: b, from_stage: a, merge: {adapters: [a]}}\n", 6,
         "stage `b` has both `from_stage` and `merge.adapters`"),
        ("  - {name: a, merge: {adapters: [./x]}}\n", 4, "no stage trains"),
        ("  - {name: a/b}\n", 5, "invalid value for `stages[0].name`: 'a/b'"),
        ("  - {name: a, merge: {rank: many}}\n", 5, "invalid value for `stages[0].merge.rank`: 'many'"),
        ("  - {name: a, trianing: {epochs: 1}}\n", 5, "`trianing` is not a field"),
        ("  - {name: a, training: {epochs: lots}}\n", 5, "invalid value for `training.epochs`: 'lots'"),
    ],
)  # fmt: skip
def test_what_is_wrong_has_a_line_and_a_way_out(tmp_path: Path, stages: str, line: int, message: str) -> None:
    assert find_error(tmp_path, stages) == (line, message)


MODELS = """\
  - {name: a, method: full}
  - {name: b, method: full, model: Qwen/Qwen3-4B-Base}
  - {name: l, model: Qwen/Qwen3-4B, method: lora}
"""


@pytest.mark.parametrize(
    ("merge", "message"),
    [
        ("{models: [a]}", "invalid value for `stages[3].merge.models`: a list"),
        ("{models: [a, l]}", "stage `m` has nothing to merge: runs/p/l holds an adapter, not a whole model"),
        ("{models: [a, zz]}", "there is no stage or folder `zz`"),
        ("{models: [a, m]}", "stages start from each other: m → m"),
        ("{models: [a, b], adapters: [l]}", "adapters and models cannot be merged together"),
        ("{models: [a, b], into: base}", "`merge.into` is for adapters: whole models become one model"),
        ("{models: [a, b], combine: cat}", "`combine: cat` merges adapters"),
        ("{models: [a, b], rank: 8}", "`merge.rank` does not apply to `linear`"),
        ("{models: [a, b], base: a}", "`merge.base` does not apply to `linear`"),
        ("{models: [a, b], combine: ties, base: l}",
         "stage `m` has nothing to merge: runs/p/l holds an adapter, not a whole model"),
        ("{models: [a, b, a], combine: slerp}", "slerp merges two models, not 3"),
        ("{models: [a, {model: b, weight: -0.5}], combine: slerp}", "slerp needs weights of 0 or more"),
        ("{models: [a, {model: b, weight: -1}]}", "linear divides by the sum of the weights, which is 0"),
        ("{adapters: [l, l], combine: slerp}", "`combine: slerp` merges whole models"),
        ("{adapters: [l, l], combine: ties, base: a}",
         "`merge.base` is for whole models: an adapter's base is the model it was trained on"),
    ],
)  # fmt: skip
def test_models_that_cannot_be_merged_have_a_line_and_a_way_out(tmp_path: Path, merge: str, message: str) -> None:
    assert find_error(tmp_path, f"{MODELS}  - {{name: m, merge: {merge}}}\n") == (8, message)


def test_a_stage_merges_whole_models_and_the_next_starts_from_the_result(tmp_path: Path) -> None:
    stages = """\
  - {name: m, merge: {models: [{model: a, weight: 0.7}, ./other, b], combine: ties, density: 0.3}}
  - {name: dpo, method: lora, objective: dpo, data: {train: pairs.jsonl}}
  - {name: again, merge: {models: [m, b], combine: task_arithmetic, base: a}}
"""
    pipeline = load(tmp_path, HEAD + "stages:\n" + MODELS + stages)
    merge, dpo, again = pipeline.stages[3:]
    assert [(one.folder, one.weight) for one in merge.inputs] == [
        ("runs/p/a", 0.7), ("./other", 1.0), ("runs/p/b", 1.0),
    ]  # fmt: skip
    assert merge.base is not None and (merge.base.folder, merge.output) == ("Qwen/Qwen3-4B", "runs/p/m")
    model = dpo.loaded.recipe.model
    assert (model.id, model.like) == ("runs/p/m", "Qwen/Qwen3-4B")
    assert again.base is not None and again.base.folder == "runs/p/a"
    resolve(dpo.loaded, load_backend("llamafactory"))


def test_the_base_of_a_merge_is_the_pipelines_model_at_its_revision(tmp_path: Path) -> None:
    text = HEAD.replace("Qwen/Qwen3-4B", "{id: Qwen/Qwen3-4B, revision: abc}") + "stages:\n" + MODELS
    pipeline = load(tmp_path, text + "  - {name: m, merge: {models: [a, b], combine: ties}}\n")
    base = pipeline.stages[-1].base
    assert base is not None and base.folder == "Qwen/Qwen3-4B@abc"


def test_models_of_two_sizes_are_found_before_any_is_trained(tmp_path: Path) -> None:
    text = HEAD + "stages:\n" + MODELS.replace("4B-Base", "8B") + "  - {name: m, merge: {models: [a, b]}}\n"
    (found,) = [f for f in lint_text(text, "p.yaml", tmp_path).findings if f.severity == "error"]
    assert found.message.startswith("runs/p/b cannot be merged with runs/p/a: hidden_size 4096 and not 2560")
    assert found.span is not None and found.span.line == 8


def test_a_loop_over_several_stages_names_them(tmp_path: Path) -> None:
    found = find_errors(
        tmp_path, "  - {name: a, from_stage: b}\n  - {name: b, from_stage: c}\n  - {name: c, from_stage: a}\n"
    )
    assert {f.message for f in found} == {
        "stages start from each other: a → b → c → a",
        "stages start from each other: b → c → a → b",
        "stages start from each other: c → a → b → c",
    }


def test_all_problems_at_once(tmp_path: Path) -> None:
    stages = """\
  - {name: a, training: {epochs: lots}}
  - {from_stage: a}
  - {name: c, merge: {density: 2}}
  - {name: d, from_stage: e, output: {dir: x}}
  - {name: e, from_stage: d, output: {dir: x}}
  - {name: f, from_stage: g, trianing: {epochs: 1}}
"""
    lines = [f.span.line for f in find_errors(tmp_path, stages) if f.span]
    assert lines == [5, 6, 7, 8, 9, 9, 10, 10]


def test_empty_or_wrong_stages_are_errors(tmp_path: Path) -> None:
    for text in ("stages: []\n", "stages: sft\n", "stages: [sft]\n"):
        with pytest.raises(RecipeError):
            load(tmp_path, HEAD + text)


def test_lint_sees_every_stage(tmp_path: Path) -> None:
    text = PIPELINE.replace("beta: 0.05", "beta: 0.05, gamma: 1.0")
    (found,) = [f for f in lint_text(text, "p.yaml", tmp_path).findings if f.severity == "error"]
    assert "`objective.gamma` does not apply to `dpo`" in found.message and found.span.line == 13
