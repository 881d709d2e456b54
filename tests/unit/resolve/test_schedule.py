"""Shares and rates can't be confused; intervals an epoch; what a run without checkpoints can't have."""

from __future__ import annotations

import pytest
import yaml

from qwen_recipes.backends import load_backend
from qwen_recipes.compile import compile_recipe
from qwen_recipes.resolve import resolve
from tests.conftest import BACKENDS, deep_merge, nest_value

MINIMUM = {"scheduler": "cosine_with_min_lr", "learning_rate": 1e-4}


@pytest.fixture
def plan(loaded):
    return lambda recipe: resolve(loaded(recipe), load_backend("axolotl"))


@pytest.fixture
def errors(loaded, problems):
    def of(training, backend="axolotl", **parts):
        return problems(lambda recipe: resolve(loaded(recipe), load_backend(backend)), {"training": training, **parts})

    return of


@pytest.fixture
def told(loaded, tmp_path):
    def of(recipe, backend):
        return yaml.safe_load(compile_recipe(loaded(recipe), load_backend(backend), tmp_path / "o").files["train.yaml"])

    return of


@pytest.mark.parametrize(
    ("asked", "ratio"),
    [
        ({"min_learning_rate": 1e-5}, 0.1),
        ({"min_learning_rate_ratio": 0.2}, 0.2),
        ({"min_learning_rate": 0}, 0.0),
        ({}, 0.1),
    ],
)
def test_a_minimum_is_a_rate_or_a_share(plan, asked, ratio):
    assert plan({"training": {**MINIMUM, **asked}}).training.min_learning_rate_ratio == ratio


@pytest.mark.parametrize(
    ("asked", "field", "instead"),
    [
        ({"min_learning_rate": 0.1}, "min_learning_rate", "min_learning_rate_ratio: 0.1"),
        ({"min_learning_rate": 1e-4}, "min_learning_rate", "min_learning_rate: 1e-05"),
        (
            {"min_learning_rate_ratio": 1e-6},
            "min_learning_rate_ratio",
            "min_learning_rate: 1e-06, if you mean a learning rate",
        ),
    ],
)
def test_one_that_is_taken_for_the_other_is_refused(errors, asked, field, instead):
    (found,) = errors({**MINIMUM, **asked})
    assert (found.route, found.suggestion) == (("training", field), instead)


@pytest.mark.parametrize(
    ("training", "field"),
    [
        ({"warmup_ratio": 0.1, "warmup_steps": 3}, "warmup_steps"),
        ({**MINIMUM, "min_learning_rate": 1e-5, "min_learning_rate_ratio": 0.1}, "min_learning_rate_ratio"),
        ({"min_learning_rate": 1e-5}, "min_learning_rate"),
        ({"decay_ratio": 0.1}, "decay_ratio"),
        ({"save_every": "never", "keep_checkpoints": 3}, "keep_checkpoints"),
        ({"save_every": "never", "save_optimizer": False}, "save_optimizer"),
        ({"save_every": 5, "saves_per_epoch": 2}, "saves_per_epoch"),
        ({"saves_per_epoch": 2, "steps": 100}, "saves_per_epoch"),
        ({"saves_per_epoch": 0.25, "epochs": 3}, "saves_per_epoch"),
        ({"scheduler": "warmup_stable_decay", "packing": True}, "scheduler"),
        ({"scheduler": "warmup_stable_decay", "decay_ratio": 0.99}, "decay_ratio"),
        ({"evaluations_per_epoch": 2}, "evaluations_per_epoch"),
        ({"early_stopping": 2, "save_every": "never"}, "save_every"),
    ],
)
def test_what_cannot_be(errors, training, field):
    data = {"train": "rows.jsonl", **({"validation": 0.1} if "early_stopping" in training else {})}
    assert ("training", field) in [found.route for found in errors(training, data=data)]


@pytest.mark.parametrize("backend", BACKENDS)
def test_intervals_of_an_epoch_are_shares_of_the_run(told, backend):
    recipe = {
        "data": {"validation": 0.1},
        "training": {"epochs": 2, "evaluations_per_epoch": 4, "saves_per_epoch": 0.625},
    }
    made = told(recipe, backend)
    assert (made["eval_strategy"], made["eval_steps"]) == ("steps", 0.125)
    assert (made["save_strategy"], made["save_steps"]) == ("steps", 0.5)
    once = told(deep_merge(recipe, nest_value("training.evaluations_per_epoch", 1)), backend)
    assert once["eval_strategy"] == "epoch" and "eval_steps" not in once


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_run_without_checkpoints_and_one_of_weights_alone_is_not_gone_on_with(loaded, told, backend):
    one = load_backend(backend)
    for training in ({"save_every": "never"}, {"save_optimizer": False}):
        made = told({"training": training}, backend)
        assert one.explain_cannot_resume(resolve(loaded({"training": training}), one))
        assert made["save_strategy"] == "no" or made["save_only_model"] is True
    assert one.explain_cannot_resume(resolve(loaded({}), one)) is None


@pytest.mark.parametrize("backend", BACKENDS)
def test_warmup_stable_decay_is_told_in_steps(told, backend):
    training = {"steps": 100, "scheduler": "warmup_stable_decay", "decay_ratio": 0.2, "min_learning_rate_ratio": 0.05}
    assert told({"training": training}, backend)["lr_scheduler_kwargs"] == {
        "decay_type": "linear", "min_lr_ratio": 0.05, "num_stable_steps": 75, "num_decay_steps": 20
    }  # fmt: skip


A100, T4, CPU = {"gpu": "a100-80gb"}, {"gpu": "t4"}, {"device": "cpu"}
TF32 = [
    (A100, {"precision": "bf16"}, True),
    ({}, {"precision": "bf16"}, True),
    (A100, {}, True),
    (A100, {"precision": "fp32"}, False),
    ({}, {"precision": "fp32"}, False),
    (A100, {"precision": "fp32", "tf32": True}, True),
    (A100, {"precision": "bf16", "tf32": False}, False),
    (T4, {}, False),
    (CPU, {}, False),
]


@pytest.mark.parametrize(("hardware", "training", "tf32"), TF32)
def test_tf32_is_on_in_bf16_where_the_gpu_has_it(plan, hardware, training, tf32):
    assert plan({"hardware": hardware, "training": training}).training.tf32 is tf32


def test_tf32_is_refused_where_there_is_none(errors):
    (found,) = errors({"tf32": True}, hardware={"device": "cpu"})
    assert found.route == ("training", "tf32")


GRPO = {"type": "grpo", "rewards": [{"path": "a.py", "function": "f"}]}


def test_vllm_is_told_in_both_modes(told):
    server = nest_value("objective", {**GRPO, "vllm": "server", "vllm_server": "node1:9000", "top_p": 0.9, "top_k": 20})
    trl = told(server, "axolotl")["trl"]
    assert trl.items() >= {"use_vllm": True, "vllm_mode": "server", "vllm_server_host": "node1", "top_k": 20}.items()
    swift = told(server, "ms-swift")
    assert (
        swift.items()
        >= {"use_vllm": True, "vllm_server_host": ["node1"], "vllm_server_port": [9000], "top_p": 0.9}.items()
    )
    colocate = nest_value("objective", {**GRPO, "vllm": "colocate", "vllm_memory": 0.4})
    assert told(colocate, "axolotl")["vllm"] == {"gpu_memory_utilization": 0.4}
    assert told(colocate, "ms-swift")["vllm_gpu_memory_utilization"] == 0.4
    assert told(nest_value("objective", GRPO), "ms-swift")["use_vllm"] is False


def test_vllms_fields_belong_to_its_modes(problems, loaded):
    assert problems(loaded, nest_value("objective", {**GRPO, "vllm_memory": 0.4}))
    assert problems(loaded, nest_value("objective", {**GRPO, "vllm": "colocate", "vllm_server": "a:1"}))


def test_only_the_first_rows_of_a_source(tmp_path):
    from qwen_recipes.data.rows.sources import read_source_rows

    (tmp_path / "a.jsonl").write_text("{}\n" * 9, "utf-8")
    source = {"path": str(tmp_path / "a.jsonl"), "hub": None}
    assert [len(list(read_source_rows({**source, **limit}))) for limit in ({}, {"limit": None}, {"limit": 4})] == [
        9,
        9,
        4,
    ]


SCHEDULE_FREE = {"optimizer": "schedule_free_adamw"}


@pytest.mark.parametrize("backend", ["axolotl", "llamafactory", "ms-swift", "trl"])
def test_a_schedule_free_optimizer_warms_up_once_and_in_steps(told, backend):
    scheduler = "lr_scheduler" if backend == "axolotl" else "lr_scheduler_type"
    config = told({"training": SCHEDULE_FREE | {"steps": 100}}, backend)
    assert (config[scheduler], config["warmup_steps"]) == ("constant", 5)
    config = told({"training": SCHEDULE_FREE | {"epochs": 2}}, backend)
    assert (config[scheduler], config["warmup_steps"]) == ("constant", 0)
    assert told({"training": SCHEDULE_FREE | {"warmup_steps": 9}}, backend)["warmup_steps"] == 9


def test_a_schedule_free_optimizer_would_take_a_share_for_steps(errors, plan):
    (finding,) = errors(SCHEDULE_FREE | {"warmup_ratio": 0.05})
    assert "warmup_steps: 20" in finding.suggestion and "20 times the learning rate" in finding.why
    assert plan({"training": SCHEDULE_FREE | {"warmup_ratio": 0.1, "steps": 100}}).training.warmup.steps == 10
