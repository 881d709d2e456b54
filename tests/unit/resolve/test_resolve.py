"""A plan leaves nothing open, and says of each value why."""

from __future__ import annotations

import dataclasses

import pytest

from qwen_recipes.backends import load_backend
from qwen_recipes.gpus.gpu_model import GpuModel
from qwen_recipes.qwen.models import REGISTRY
from qwen_recipes.resolve import resolve
from qwen_recipes.resolve.plan_table import list_plan_values
from tests.conftest import BACKENDS, ROOT, nest_value

EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
PARTS = (
    "model",
    "data",
    "chat",
    "objective",
    "method",
    "quantization",
    "training",
    "hardware",
    "output",
    "tracking",
    "run",
)


@pytest.fixture
def plan(loaded):
    return lambda changes=None, backend="axolotl": resolve(loaded(changes), load_backend(backend))


@pytest.fixture
def refused(loaded, problems):
    return lambda changes: problems(resolve, loaded(changes), load_backend("axolotl"))


def values(part, path):
    """Every value of a plan's part with its dotted path, found from the dataclasses themselves."""
    for field in dataclasses.fields(part):
        value = getattr(part, field.name)
        if dataclasses.is_dataclass(value) and not isinstance(value, GpuModel):
            yield from values(value, f"{path}.{field.name}")
        else:
            yield f"{path}.{field.name}", value


RECIPES = {
    "shortest": {},
    "everything-auto": {
        "chat": {"template": "auto", "thinking": "auto"},
        "method": {"type": "qlora", "targets": "all-linear", "rslora": "auto"},
        "quantization": {"storage": "auto"},
        "training": {"attention": "auto", "packing": True},
        "hardware": {"strategy": "auto", "gpus": 4, "gpu": "h100"},
    },
    "full": {"method": "full", "hardware": {"gpus": 2}},
    "steps": {"training": {"steps": 100, "warmup_ratio": 0.1}, "data": {"validation": 0.1}},
    "cpu": {"hardware": {"device": "cpu"}},
    "files": {"data": {"validation": ["a", "b"]}, "training": {"early_stopping": 3, "warmup_steps": 10}},
    "no-warmup": {"training": {"warmup_ratio": 0}},
    "eight-bit": {"quantization": {"bits": 8}},
    "qdora": {"method": {"type": "qdora", "targets": ["q_proj"], "rslora": True}},
}


@pytest.mark.parametrize("name", RECIPES)
def test_every_value_has_a_reason(plan, name):
    made = plan(RECIPES[name])
    for part in PARTS:
        for path, _ in values(getattr(made, part), part):
            assert path in made.reasons, f"{path} has no reason"
            assert made.reasons[path].text, f"{path}: the reason is empty"


@pytest.mark.parametrize("name", RECIPES)
def test_every_reason_belongs_to_a_value_and_names_fields_that_exist(plan, name):
    from qwen_recipes.recipe.field_index import index_fields

    made = plan(RECIPES[name])
    paths = {path for part in PARTS for path, _ in values(getattr(made, part), part)}
    assert set(made.reasons) <= paths
    fields = {field for reason in made.reasons.values() for field in reason.fields}
    assert {field.replace("validation[]", "train[]") for field in fields} <= set(index_fields())


@pytest.mark.parametrize("name", RECIPES)
def test_what_the_person_wrote_is_behind_some_value(plan, name):
    made = plan(RECIPES[name])
    behind = {field for reason in made.reasons.values() for field in reason.fields}
    assert {f for f in made.set_fields if f not in ("version", "name")} <= behind


@pytest.mark.parametrize("name", RECIPES)
def test_the_table_holds_every_value_with_its_reason(plan, name):
    made = plan(RECIPES[name])
    rows = list_plan_values(made)
    for row in rows:
        assert row.reason, row.field
        assert row.display_text
    hidden = () if made.method.adapter else ("method.",)
    unused = () if made.quantization.bits == 4 else ("quantization.type", "quantization.double", "quantization.storage")
    expected = {p for part in PARTS for p, _ in values(getattr(made, part), part)}
    missing = expected - {row.field for row in rows}
    assert all(path.startswith(hidden or ("-",)) or path in unused for path in missing), missing


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda f: f.stem)
def test_nothing_is_open_in_an_example(file):
    from qwen_recipes.recipe.load import load_recipe

    made = resolve(load_recipe(str(file)), load_backend("ms-swift"))
    for part in PARTS:
        for path, value in values(getattr(made, part), part):
            assert value != "auto" or path == "chat.thinking", path


def test_the_plan_is_the_same_for_every_backend(plan):
    plans = [plan({"method": "qlora"}, name) for name in BACKENDS]
    assert len({dataclasses.replace(p, backend="", backend_version="", recipe_hash="").training for p in plans}) == 1
    assert len({p.method for p in plans}) == 1


# --- shorthands


@pytest.mark.parametrize(
    ("method", "variant", "bits"),
    [("lora", "plain", 16), ("dora", "dora", 16), ("qlora", "plain", 4), ("qdora", "dora", 4), (None, "plain", 16)],
)
def test_shorthands_unfold(plan, method, variant, bits):
    made = plan(nest_value("method", method))
    assert (made.method.type, made.method.variant, made.quantization.bits) == ("lora", variant, bits)


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ({"method": "dora"}, {"method": {"type": "lora", "variant": "dora"}}),
        ({"method": "qlora"}, {"method": "lora", "quantization": {"bits": 4}}),
        ({"method": "qdora"}, {"method": {"type": "qlora", "variant": "dora"}}),
        ({}, {"method": {"type": "lora"}}),
        ({"objective": "sft"}, {}),
        ({"method": "qlora"}, {"method": "lora", "quantization": {}}),
    ],
)
def test_a_shorthand_is_its_long_form(plan, short, long):
    one, other = plan(short), plan(long)
    for part in PARTS:
        assert getattr(one, part) == getattr(other, part)


def test_a_shorthand_carries_the_rest(plan):
    made = plan({"method": {"type": "qlora", "rank": 64, "dropout": 0.1}, "quantization": {"bits": 8}})
    assert (made.method.rank, made.method.dropout, made.quantization.bits) == (64, 0.1, 8)


@pytest.mark.parametrize(
    ("method", "alpha", "rslora"),
    [
        ({"rank": 8}, 16, False),
        ({"rank": 63}, 126, False),
        ({"rank": 64}, 128, False),
        ({"rank": 64, "rslora": "auto"}, 128, False),
        ({"rank": 128, "rslora": False}, 256, False),
        ({"rank": 8, "rslora": True}, 8, True),
        ({"rank": 8, "alpha": 1}, 1, False),
    ],
)
def test_alpha_follows_the_rank(plan, method, alpha, rslora):
    made = plan({"method": method}).method
    assert (made.alpha, made.rslora) == (alpha, rslora)


def test_targets_keep_the_models_order(plan):
    assert plan({"method": {"targets": ["down_proj", "q_proj"]}}).method.targets == ("q_proj", "down_proj")


# --- objectives


@pytest.mark.parametrize("kind", ["dpo", "kto", "simpo"])
def test_a_loss_without_beta_learns_nothing(problems, loaded, kind):
    (finding,) = problems(loaded, {"objective": {"type": kind, "beta": 0}})
    assert finding.route == ("objective", "beta") and "learns nothing" in finding.message


@pytest.mark.parametrize("kind", ["orpo", "grpo"])
def test_beta_may_be_0_where_another_term_learns(plan, kind):
    rewards = {"rewards": [{"path": "rewards.py", "function": "right"}]} if kind == "grpo" else {}
    assert plan({"objective": {"type": kind, "beta": 0, **rewards}}).objective.beta == 0


# --- plain text


def test_plain_text_may_be_handed_over_as_tokens(plan):
    assert plan({"objective": "pretrain", "chat": {"encoding": "exact"}}).chat.exact


@pytest.mark.parametrize("chat", [{"thinking": "auto"}, {"encoding": "exact", "train_on": "all"}])
def test_plain_text_has_no_chat(problems, loaded, chat):
    (finding,) = problems(loaded, {"objective": "pretrain", "chat": chat})
    assert finding.route == ("chat",) and "`chat` does not apply to plain text" in finding.message


# --- warmup, intervals


@pytest.mark.parametrize(
    ("training", "steps", "ratio"),
    [
        ({}, None, 0.05),
        ({"warmup_steps": 0}, 0, None),
        ({"warmup_ratio": 0.5}, None, 0.5),
        ({"warmup_steps": 1}, 1, None),
        ({"warmup_steps": 7}, 7, None),
        ({"steps": 100}, 5, None),
        ({"steps": 101}, 6, None),
        ({"steps": 10}, 2, None),
        ({"steps": 2}, 2, None),
        ({"steps": 1}, 0, None),
        ({"steps": 10, "warmup_steps": 10}, 10, None),
        ({"steps": 10, "warmup_ratio": 0.99}, 10, None),
        ({"steps": 10, "warmup_ratio": 0}, 0, None),
    ],
)
def test_warmup(plan, training, steps, ratio):
    made = plan({"training": training}).training.warmup
    assert (made.steps, made.ratio) == (steps, ratio)


@pytest.mark.parametrize("training", [{"steps": 10, "warmup_steps": 11}])
def test_warmup_that_cannot_be(refused, training):
    (finding,) = refused({"training": training})
    assert finding.route == ("training", "warmup_steps")
    assert finding.span.line > 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_step_compiles(plan, loaded, backend, tmp_path):
    from qwen_recipes.compile import compile_recipe

    assert compile_recipe(loaded({"training": {"steps": 1}}), load_backend(backend), tmp_path / "o").files


@pytest.mark.parametrize(
    ("training", "evaluate", "save"),
    [
        ({}, "epoch", "epoch"),
        ({"steps": 100}, 20, 20),
        ({"steps": 3}, 1, 1),
        ({"steps": 100, "evaluate_every": 7}, 7, 7),
        ({"steps": 100, "save_every": 7}, 20, 7),
        ({"steps": 100, "evaluate_every": "epoch"}, "epoch", 20),
        ({"early_stopping": 2}, 50, 50),
        ({"early_stopping": 2, "evaluate_every": "epoch"}, "epoch", "epoch"),
        ({"early_stopping": 2, "evaluate_every": 10}, 10, 10),
        ({"early_stopping": 2, "evaluate_every": 10, "save_every": 30}, 10, 30),
    ],
)
def test_intervals(plan, training, evaluate, save):
    made = plan({"data": {"validation": 0.1}, "training": training}).training
    assert (made.evaluate_every, made.save_every) == (evaluate, save)


def test_without_validation_nothing_is_evaluated(plan):
    made = plan({"training": {"steps": 100}}).training
    assert (made.evaluate_every, made.save_every) == ("never", 20)


@pytest.mark.parametrize(("evaluate", "save"), [(10, 15), (10, "epoch"), ("epoch", 10), (10, 5)])
def test_early_stopping_needs_its_checkpoints(refused, evaluate, save):
    training = {"early_stopping": 2, "evaluate_every": evaluate, "save_every": save}
    (finding,) = refused({"data": {"validation": 0.1}, "training": training})
    assert finding.route == ("training", "save_every")
    assert str(evaluate) in finding.suggestion


# --- hardware, model, data


@pytest.mark.parametrize(
    ("hardware", "method", "strategy"),
    [
        ({}, "lora", "single"),
        ({"gpus": 1}, "full", "single"),
        ({"gpus": 2}, "lora", "zero2"),
        ({"gpus": 2, "strategy": "auto"}, "qlora", "zero2"),
        ({"gpus": 2}, "full", "fsdp"),
        ({"gpus": 2, "strategy": "ddp"}, "full", "ddp"),
        ({"device": "cpu"}, "full", "single"),
        ({"device": "cpu", "strategy": "single"}, "lora", "single"),
    ],
)
def test_strategy(plan, hardware, method, strategy):
    assert plan({"hardware": hardware, "method": method}).hardware.strategy == strategy


def test_the_cpu_trains_in_what_it_can(plan):
    made = plan({"hardware": {"device": "cpu"}}).training
    assert (made.precision, made.optimizer, made.gradient_checkpointing) == ("fp32", "adamw_torch", False)


@pytest.mark.parametrize(("strategy", "storage"), [("zero2", "uint8"), ("fsdp", "bf16"), ("zero3", "bf16")])
def test_storage_follows_the_strategy(plan, strategy, storage):
    made = plan({"method": "qlora", "hardware": {"gpus": 2, "strategy": strategy}})
    assert made.quantization.storage == storage


def test_an_unknown_gpu(refused):
    (finding,) = refused({"hardware": {"gpu": "rtx-4900"}})
    assert finding.route == ("hardware", "gpu")
    assert "rtx-4090" in finding.suggestion


def test_an_unknown_model(refused):
    (finding,) = refused({"model": "Qwen/Qwen3-4B-Instruct"})
    assert "Qwen/Qwen3-4B-Instruct-2507" in finding.message + finding.suggestion
    assert finding.span.line == 2


def test_several_problems_come_together(refused):
    found = refused(
        {
            "hardware": {"gpu": "abacus", "gpus": 3},
            "training": {"batch_size": 16, "steps": 3, "warmup_steps": 9},
            "chat": {"template": "chatml"},
        }
    )
    assert {f.route[-1] for f in found} == {"gpu", "batch_size", "warmup_steps", "template"}
    assert [f.span.line for f in found] == sorted(f.span.line for f in found)


@pytest.mark.parametrize("model", sorted(REGISTRY))
def test_every_released_model_resolves(plan, model):
    made = plan({"model": model})
    assert made.model.id == model
    assert made.model.max_positions >= made.training.sequence_length
    assert made.method.targets
    assert made.chat.eos != made.chat.pad


def test_a_local_folder_is_told_as_written(plan, tmp_path, monkeypatch):
    config = (ROOT / "tests/conformance/samples/model/config.json").read_text("utf-8")
    (tmp_path / "m").mkdir()
    (tmp_path / "m/config.json").write_text(config, "utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert plan({"model": "./m"}).model.id == "./m"
    assert plan({"model": "./m"}).model.local
    assert plan({"model": "~/m"}).model.id == str(tmp_path / "m"), "no framework unfolds ~"


def test_a_local_folder_has_no_revision(refused, tmp_path):
    config = (ROOT / "tests/conformance/samples/model/config.json").read_text("utf-8")
    (tmp_path / "m").mkdir()
    (tmp_path / "m/config.json").write_text(config, "utf-8")
    (finding,) = refused({"model": {"id": "m", "revision": "abc"}})
    assert finding.route == ("model", "revision")


def test_sources_of_one_name_are_told_apart(plan):
    made = plan({"data": {"train": ["a/rows.jsonl", "b/rows.jsonl", "ä ö.jsonl"], "validation": ["c/rows.jsonl"]}}).data
    names = [s.name for s in (*made.train, *made.validation)]
    assert len(set(names)) == 4
    assert [s.path for s in made.train] == ["a/rows.jsonl", "b/rows.jsonl", "ä ö.jsonl"]
