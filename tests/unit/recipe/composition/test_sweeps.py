"""`sweep`: names, values and places of trials; what is wrong is told at its line, all at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from qwen_recipes.backends import load_backend
from qwen_recipes.finding import RecipeError
from qwen_recipes.recipe.load import load_recipe
from qwen_recipes.recipe.trials import LoadedSweep, load_trials, load_trials_text
from qwen_recipes.resolve import resolve

HEAD = "version: 1\nname: base\nmodel: Qwen/Qwen3-4B\ndata: {train: a.jsonl}\nmethod: lora\nsweep:\n"


def load(sweep: str, *overrides: str) -> LoadedSweep:
    """A sweep written below HEAD, each line indented by two."""
    found = load_trials_text(HEAD + sweep, "r.yaml", Path(), overrides)
    assert found is not None
    return found


def problems(sweep: str, head: str = HEAD) -> list[tuple[int, str]]:
    """Line and message of each problem."""
    with pytest.raises(RecipeError) as caught:
        load_trials_text(head + sweep, "r.yaml", Path())
    return [(f.span.line if f.span else 0, f.message) for f in caught.value.findings]


def test_every_combination_is_a_trial_with_a_name_and_a_folder():
    sweep = load("  parameters: {training.learning_rate: [5e-5, 1e-4], method.rank: [8, 16, 32]}\n")
    assert [one.name for one in sweep.trials][:4] == ["lr5e-5-rank8", "lr5e-5-rank16", "lr5e-5-rank32", "lr1e-4-rank8"]
    assert len(sweep.trials) == 6
    last = sweep.trials[-1]
    assert last.values == {"training.learning_rate": 1e-4, "method.rank": 32}
    assert (last.loaded.recipe.training.learning_rate, last.loaded.recipe.method.rank) == (1e-4, 32)
    assert (last.loaded.name, last.loaded.recipe.output.dir) == ("base-lr1e-4-rank32", "runs/base/lr1e-4-rank32")
    assert sweep.output == Path("runs/base")


@pytest.mark.parametrize(
    ("stated", "values"),
    [
        ("{min: 0.05, max: 0.20, step: 0.05}", [0.05, 0.1, 0.15, 0.2]),
        ("{min: 8, max: 64, count: 4, log: true}", [8, 16, 32, 64]),
        ("{min: 0, max: 1, count: 3}", [0, 0, 1]),
        ("{min: 1e-5, max: 1e-3, count: 3, log: true}", [1e-5, 1e-4, 1e-3]),
        ("{min: 1, max: 6, step: 2}", [1, 3, 5]),
    ],
)
def test_values_of_ranges(stated, values):
    from qwen_recipes.recipe.composition.sweep_ranges import list_range_values
    from qwen_recipes.recipe.spec.sweep import ParameterRange
    from qwen_recipes.yaml_text.nodes import plain_data
    from qwen_recipes.yaml_text.reader import read_yaml

    assert list_range_values(ParameterRange(**plain_data(read_yaml(stated, "x").root))) == values


def test_named_trials_merge_maps_and_null_removes():
    sweep = load(
        "  trials:\n    small: {method: {rank: 8}, training.epochs: 2}\n"
        "    plain: {method.type: full, method.rank: null}\n"
    )
    small, plain = (one.loaded.recipe for one in sweep.trials)
    assert (small.method.type, small.method.rank, small.training.epochs) == ("lora", 8, 2)
    assert (plain.method.type, plain.method.rank, plain.training) == ("full", None, None)


def test_an_override_wins_and_its_field_is_not_swept():
    sweep = load(
        "  parameters: {training.learning_rate: [5e-5, 1e-4], method.rank: [8, 16]}\n",
        "method.rank=4",
        "training.epochs=7",
    )
    assert [one.name for one in sweep.trials] == ["lr5e-5", "lr1e-4"]
    assert {(one.loaded.recipe.method.rank, one.loaded.recipe.training.epochs) for one in sweep.trials} == {(4, 7)}


def test_an_override_may_change_the_sweep():
    sweep = load("  parameters: {method.rank: [8, 16]}\n", "sweep.parameters={method.alpha: [1, 2, 3]}")
    assert [one.name for one in sweep.trials] == ["alpha1", "alpha2", "alpha3"]


def test_a_preset_a_chain_of_three_a_sweep_of_twelve_and_set(tmp_path):
    """extends < file < sweep < --set; the plan says where each value comes from."""
    (tmp_path / "a.yaml").write_text("extends: official\ntraining: {epochs: 1, weight_decay: 0.1, seed: 1}\n", "utf-8")
    (tmp_path / "b.yaml").write_text("extends: a.yaml\ntraining: {epochs: 2, warmup_ratio: 0.2}\n", "utf-8")
    (tmp_path / "c.yaml").write_text(
        "extends: b.yaml\nversion: 1\nname: chain\nmodel: Qwen/Qwen3-4B\ndata: {train: a.jsonl}\n"
        "training: {epochs: 3}\nsweep:\n  parameters:\n    training.learning_rate: [1e-5, 2e-5, 3e-5]\n"
        "    method.rank: {min: 8, max: 32, step: 8}\n",
        "utf-8",
    )
    sweep = load_trials(str(tmp_path / "c.yaml"), ("training.seed=9",))
    assert sweep is not None
    assert len(sweep.trials) == 12
    plan = resolve(sweep.trials[-1].loaded, load_backend("trl"))
    training = plan.training
    assert (training.learning_rate, plan.method.rank, plan.method.alpha, training.epochs) == (3e-5, 32, 32, 3)
    assert (training.weight_decay, training.warmup.ratio, training.seed) == (0.1, 0.2, 9)
    reasons = {
        field: plan.reasons[field].text
        for field in ("training.learning_rate", "method.rank", "method.alpha", "training.epochs", "training.seed")
    }
    assert reasons == {
        "training.learning_rate": "set by sweep (line 9)",
        "method.rank": "set by sweep (line 10)",
        "method.alpha": "set by preset official",
        "training.epochs": "set in the recipe",
        "training.seed": "set by --set",
    }
    assert plan.reasons["training.weight_decay"].text == "set in a.yaml:2"
    assert plan.reasons["training.warmup.ratio"].text == "set in b.yaml:2"


def test_a_recipe_without_a_sweep_has_no_trials(tmp_path):
    file = tmp_path / "r.yaml"
    file.write_text(HEAD.removesuffix("sweep:\n"), "utf-8")
    assert load_trials(str(file)) is None


def test_one_recipe_is_wanted(tmp_path):
    file = tmp_path / "r.yaml"
    file.write_text(HEAD + "  parameters: {method.rank: [8, 16]}\n", "utf-8")
    with pytest.raises(RecipeError) as caught:
        load_recipe(str(file))
    assert caught.value.findings[0].suggestion == "choose one with --set sweep.trial=NAME"


def test_ten_thousand_combinations_are_refused_with_the_count_and_the_line():
    ((line, message),) = problems(
        "  parameters:\n    method.rank: {min: 1, max: 100, step: 1}\n    method.alpha: {min: 1, max: 100, step: 1}\n"
    )
    assert message == "the sweep has 10,000 combinations (100 × 100); the maximum is 1,000"
    assert line == 8


def test_all_problems_are_told_at_their_lines():
    found = problems(
        "  parameters:\n    training.learning_rat: [1e-4]\n    method.rank: [8, 8]\n    name: [a]\n"
        "    method.alpha: {min: 3, max: 1, step: 1}\n    training.epochs: {min: 1, max: 2}\n  trials:\n    x: {}\n",
        HEAD.replace("method: lora", "method: lorra"),
    )
    assert found == [
        (5, "invalid value for `method`: 'lorra'"),
        (8, "`training.learning_rat` is not a field"),
        (9, "`method.rank` lists 8 twice"),
        (10, "`name` cannot be swept"),
        (11, "the range of `method.alpha` is empty: min 3, max 1"),
        (12, "the range of `training.epochs` has neither `step` nor `count`"),
        (14, "trial `x` sets nothing"),
    ]


def test_wrong_types_are_told_at_the_value_all_at_once():
    found = problems("  parameters:\n    method.rank: [8, a, 0]\n    training.epochs: [1, 2, x]\n")
    assert found == [
        (8, "invalid value for `method.rank`: 'a'"),
        (8, "invalid value for `method.rank`: 0"),
        (9, "invalid value for `training.epochs`: 'x'"),
    ]


def test_a_misspelt_field_gets_a_suggestion():
    with pytest.raises(RecipeError) as caught:
        load_trials_text(HEAD + "  parameters: {lr: [1e-4], rank: [8]}\n", "r.yaml", Path())
    assert [f.suggestion for f in caught.value.findings] == [
        "did you mean `training.learning_rate`?",
        "did you mean `method.rank`?",
    ]


def test_the_shape_of_a_sweep_is_checked():
    assert problems("  parametrs: {method.rank: [8]}\n")[0] == (7, "`parametrs` is not a field under `sweep`")
    assert problems("  parameters: {method.rank: 8}\n")[0][0] == 7
    assert problems("  trials: {a/b: {method.rank: 8}}\n")[0] == (7, "`a/b` is not allowed under `sweep.trials`")


def test_a_wrong_shape_hides_nothing_else():
    found = problems("""\
  parameters:
    training.learning_rate: {min: 1e-5, scale: log}
    method.rnk: [8, 16]
    method.rank: [8, big]
  trials: {bad name: {method.rank: 3}, empty: {}}
  goal: least
""")
    assert sorted(line for line, _ in found) == [8, 9, 10, 11, 11, 12]
    assert "`method.rnk` is not a field" in {message for _, message in found}


def test_a_contradiction_of_some_trials_names_them():
    ((_, message),) = problems("  parameters:\n    training.steps: [5, 6]\n    training.epochs: [null, 2]\n")[:1]
    assert "epochs" in message
    assert "steps" in message


def test_one_trial_is_chosen_by_its_name(tmp_path):
    file = tmp_path / "r.yaml"
    file.write_text(HEAD + "  parameters: {method.rank: [8, 16]}\n", "utf-8")
    chosen = load_recipe(str(file), ("sweep.trial=rank16", "training.epochs=2"))
    assert (chosen.name, chosen.recipe.method.rank, chosen.recipe.sweep) == ("base-rank16", 16, None)
    with pytest.raises(RecipeError) as caught:
        load_recipe(str(file), ("sweep.trial=rank166",))
    assert caught.value.findings[0].suggestion == "did you mean `rank16`?"


def test_the_values_of_a_search_make_a_trial():
    sweep = load("  parameters: {training.learning_rate: {min: 1e-5, max: 1e-3, log: true}}\n  search: {trials: 3}\n")
    assert [one.values["training.learning_rate"] for one in sweep.trials] == [1e-5, 1e-3]
    trial = sweep.make_trial("t001", {"training.learning_rate": 3e-5})
    assert (trial.loaded.name, trial.loaded.recipe.training.learning_rate) == ("base-t001", 3e-5)
