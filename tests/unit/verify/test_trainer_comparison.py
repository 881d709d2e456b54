"""Every leaf of a plan has its place in the table, and each value that is wrong at a trainer is noticed."""

from __future__ import annotations

import copy
import hashlib
import json
import struct
from dataclasses import replace

import pytest

from qwen_recipes.backends.plan import WarmupPlan
from qwen_recipes.data.encoder import EncodedRow
from qwen_recipes.verify.trainer_comparison import compare_trainer
from qwen_recipes.verify.trainer_comparison.batch_rows import compare_batches, list_sequences
from qwen_recipes.verify.trainer_comparison.check import UnseenLeaf, values_equal
from qwen_recipes.verify.trainer_comparison.expected_rows import ExpectedRows
from qwen_recipes.verify.trainer_comparison.learning_rates import plan_rate
from qwen_recipes.verify.trainer_comparison.leaves import LEAVES, list_plan_leaves
from qwen_recipes.verify.trainer_comparison.saved_tensors import digest_model, digest_tensors
from tests.conftest import ROOT

from .right_trainer import RECIPE, A, B, encode_answers, make_batch, make_observation, make_plan

ADAPTER = ("adapters", "by_name", "default")


def test_every_leaf_of_the_plan_has_an_entry():
    missing = set(list_plan_leaves()) - set(LEAVES)
    assert not missing, f"say in verify/trainer_comparison where at the trainer these are seen, or why not: {missing}"


def test_no_entry_is_of_a_leaf_that_is_gone():
    assert set(LEAVES) <= set(list_plan_leaves())


def test_leaves_are_listed_below_lists_and_parts():
    assert {"data.train[].path", "training.warmup.steps", "objective.rewards[].weight"} <= set(list_plan_leaves())


@pytest.mark.parametrize("field", [field for field, leaf in LEAVES.items() if isinstance(leaf, UnseenLeaf)])
def test_a_leaf_that_is_not_seen_names_a_place_that_shows_it(field):
    leaf = LEAVES[field]
    assert isinstance(leaf, UnseenLeaf)
    place = leaf.shown_by.partition(",")[0].partition(";")[0].partition(" ")[0]
    assert leaf.reason and ((ROOT / place).exists() or (ROOT / f"{place}.py").exists())


@pytest.fixture(scope="module")
def right(tmp_path_factory):
    folder = tmp_path_factory.mktemp("right")
    plan = make_plan(folder)
    return plan, make_observation(plan, folder), folder


def find_differences(plan, observation, folder):
    return {check.field for check in compare_trainer(plan, observation, folder) if check.result == "differs"}


def test_a_trainer_that_is_as_planned_differs_nowhere(right):
    checks = compare_trainer(*right)
    assert [check for check in checks if check.result == "differs"] == []
    assert sum(check.result == "ok" for check in checks) > 45
    assert all(check.reason for check in checks)


CHANGES = [
    (("arguments", "max_grad_norm"), 0.5, {"training.max_grad_norm"}),
    (("arguments", "seed"), 7, {"training.seed", "training.data_seed"}),
    (("arguments", "bf16"), True, {"training.precision"}),
    (("arguments", "tf32"), True, {"training.tf32"}),
    (("arguments", "save_only_model"), True, {"training.save_optimizer"}),
    (("arguments", "torch_compile"), True, {"training.compile"}),
    (("arguments", "eval_strategy"), "epoch", {"training.evaluate_every"}),
    (("arguments", "save_total_limit"), None, {"training.keep_checkpoints"}),
    (("arguments", "output_dir"), "/elsewhere", {"output.dir"}),
    (("arguments", "report_to"), ["wandb"], {"tracking.to"}),
    (("arguments", "label_smoothing_factor"), 0.1, {"objective.label_smoothing"}),
    (("trainer", "class"), "swift.rlhf_trainers.DPOTrainer", {"objective.type"}),
    (("trainer", "class"), "trl.Seq2SeqTrainer", {"backend"}),
    (("trainer", "template_length"), 128, {"training.sequence_length"}),
    (("steps", "total"), 9, {"training.steps", "training.scheduler"}),
    (("steps", "warmup"), 3, {"training.warmup.steps", "training.warmup.ratio"}),
    (("steps", "batches_per_epoch"), 0, {"batches: number"}),
    (("steps", "examples"), 3, {"data.train[].weight"}),
    (("steps", "examples"), None, {"data.streaming", "data.train[].weight"}),
    (("steps", "accumulation"), 1, {"training.gradient_accumulation", "training.batch_size"}),
    (("steps", "micro_batch"), 1, {"training.micro_batch_size", "training.batch_size"}),
    (("steps", "log_every"), 500, {"training.log_every"}),
    (("steps", "save_every"), 500, {"training.save_every"}),
    (("optimizer", "class"), "torch.optim.sgd.SGD", {"training.optimizer"}),
    (("optimizer", "in_none"), [A], {"optimizer: tensors"}),
    (("optimizer", "in_several"), [A], {"optimizer: tensors"}),
    (("optimizer", "groups", 0, "options", "betas"), [0.9, 0.95], {"training.beta2"}),
    (("optimizer", "groups", 1, "options", "betas"), [0.8, 0.999], {"training.beta1"}),
    (("optimizer", "groups", 1, "options", "eps"), 1e-6, {"training.epsilon"}),
    (("optimizer", "groups", 1, "options", "weight_decay"), 0.0, {"training.weight_decay"}),
    (("optimizer", "groups", 1, "options", "initial_lr"), 1e-4, {"training.learning_rate", "method.lora_plus"}),
    (("scheduler", "rates", "5"), [1e-4, 4e-4], {"training.scheduler"}),
    (("weights", "trainable", A, "dtype"), "bfloat16", {"training.weights_dtype"}),
    (("weights", "trainable", A, "shape"), [8, 1024], {"method.rank"}),
    (
        ("weights", "trainable", "model.norm.weight"),
        {"shape": [1], "dtype": "float32"},
        {"weights: frozen", "method.modules_to_save"},
    ),
    (("weights", "trainable", "v_head.weight"), {"shape": [1], "dtype": "float32"}, {"weights: head"}),
    (("weights", "quantization"), "{'load_in_4bit': True}", {"quantization.bits"}),
    ((*ADAPTER, "config", "lora_alpha"), 16, {"method.alpha"}),
    ((*ADAPTER, "config", "use_dora"), True, {"method.variant"}),
    ((*ADAPTER, "config", "init_lora_weights"), "pissa", {"method.variant"}),
    ((*ADAPTER, "scaling"), [4.0], {"method.rslora"}),
    ((*ADAPTER, "A", "absolute_sum"), 0.0, {"method.start_from"}),
    ((*ADAPTER, "B", "absolute_sum"), 0.1, {"method.start_from"}),
    (("modules", "dropout", "adapter"), {"0.0": 1}, {"method.dropout"}),
    (("modules", "dropout", "own"), {"0.1": 1}, {"dropout: other modules"}),
    (("modules", "dropout", "attention"), {"0.1": 1}, {"dropout: other modules"}),
    (("modules", "neftune"), None, {"training.neftune"}),
    (("modules", "checkpointing", "modules"), {"Qwen3Model": 1}, {"training.gradient_checkpointing"}),
    (("modules", "config", "_attn_implementation"), "eager", {"training.attention"}),
    (("modules", "config", "tie_word_embeddings"), False, {"model.tied"}),
    (("modules", "patched"), {"RMSNorm": "liger_kernel.rms_norm"}, {"training.liger"}),
    (("reference", "kind"), "base", {"reference: weights"}),
    (("tokens", "config", "eos_token_id"), 151_643, {"chat.eos"}),
    (("tokens", "generation_config", "eos_token_id"), 151_643, {"chat.eos"}),
    (("tokens", "tokenizer", "pad_token"), "<|im_end|>", {"chat.pad"}),
    (("tokens", "chat_template"), "{{ messages }}", {"chat.template"}),
    (("batches", "items"), None, {"loss: divisor"}),
    (
        ("callbacks",),
        [{"class": "transformers.EarlyStoppingCallback", "settings": {"early_stopping_patience": 3}}],
        {"training.early_stopping"},
    ),
]
ROW_FIELDS = {"data.train[].path", "data.train[].format", "data.train[].columns", "chat.train_on", "chat.thinking"}


@pytest.mark.parametrize(
    ("route", "value", "fields"), CHANGES, ids=lambda it: str(sorted(it) if isinstance(it, set) else it)[:60]
)
def test_a_value_that_is_wrong_differs_at_its_field_alone(right, route, value, fields):
    plan, observation, folder = right
    changed = copy.deepcopy(observation)
    place = changed
    for step in route[:-1]:
        place = place[step]
    place[route[-1]] = value
    assert find_differences(plan, changed, folder) == fields


@pytest.mark.parametrize("key", ["input_ids", "labels"])
def test_a_token_or_label_that_is_wrong_differs_at_what_makes_rows(right, key):
    plan, observation, folder = right
    changed = copy.deepcopy(observation)
    row = changed["batches"]["micro_batches"][1]["values"][key][0]
    place = max(
        place
        for place, label in enumerate(observation["batches"]["micro_batches"][1]["values"]["labels"][0])
        if label != -100
    )
    row[place] = 1000
    assert find_differences(plan, changed, folder) >= ROW_FIELDS
    found = next(check for check in compare_trainer(plan, changed, folder) if check.field == "chat.train_on")
    assert found.seen.startswith("1 of 4 examples differ; example 2: ")


def test_a_fresh_adapter_in_place_of_the_saved_one_differs(tmp_path):
    recipe = RECIPE.replace("lora_plus: 4}", "start_from: saved}")
    plan = make_plan(tmp_path, recipe)
    observation = make_observation(plan, tmp_path)
    saved = tmp_path / "saved" / "adapter_model.safetensors"
    saved.parent.mkdir()
    write_tensors(saved, {B.replace(".default", ""): ("F32", struct.pack("<2f", 0.5, -1.0))})
    checks = {check.field: check for check in compare_trainer(plan, observation, tmp_path)}
    assert checks["method.start_from"].result == "differs"
    observation["adapters"]["by_name"]["default"]["B"]["sha256"] = checks["method.start_from"].planned
    assert "method.start_from" not in find_differences(plan, observation, tmp_path)


def test_ranks_and_alphas_of_single_modules_are_the_saved_adapters(tmp_path):
    patterns = {"rank_pattern": {"q_proj": 2}, "alpha_pattern": {"q_proj": 2}}
    plan = make_plan(tmp_path, RECIPE.replace("lora_plus: 4}", "start_from: saved}"))
    observation = make_observation(plan, tmp_path)
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "adapter_config.json").write_text(json.dumps({"r": 4, **patterns}), "utf-8")
    fields = {"method.rank", "method.rslora"}
    assert find_differences(plan, observation, tmp_path) >= fields, "the observed adapter has no patterns"
    observation["adapters"]["by_name"]["default"] |= {"scaling": [1.0, 2.0]}
    observation["adapters"]["by_name"]["default"]["config"] |= patterns
    assert not find_differences(plan, observation, tmp_path) & fields


def test_quantized_weights_are_not_held_against_the_files(right):
    """LLaMA-Factory packs four bits in float32 where it computes in it: no dtype tells."""
    plan, observation, folder = right
    local = replace(plan, model=replace(plan.model, id="model", local=True))
    quantized = replace(local, quantization=replace(plan.quantization, bits=4))
    (folder / "model").mkdir()
    write_tensors(folder / "model" / "model.safetensors", {A: ("F32", struct.pack("<2f", 0.5, -1.0))})
    seen = {**observation, "weights": {**observation["weights"], "base": {"sha256": "another"}}}
    results = [
        {check.field: check.result for check in compare_trainer(one, seen, folder)}["model.id"]
        for one in (local, quantized)
    ]
    assert results == ["differs", "not seen"]


REFERENCES = [
    ({"kind": "model", "largest_difference": 0.0}, "ok"),
    ({"kind": "model", "largest_difference": 0.1}, "differs"),
    ({"kind": "none"}, "differs"),
]


@pytest.mark.parametrize(("reference", "result"), REFERENCES)
def test_what_an_anchored_model_is_compared_with_is_seen(right, reference, result):
    plan, observation, folder = right
    anchored = replace(plan, objective=replace(plan.objective, kl_weight=0.05))
    seen = {**observation, "reference": {"training": False, **reference}}
    checks = {check.field: check for check in compare_trainer(anchored, seen, folder)}
    assert checks["reference: weights"].result == result


def test_an_adapter_that_is_not_there_is_not_seen_and_no_error(tmp_path):
    plan = make_plan(tmp_path, RECIPE.replace("lora_plus: 4}", "start_from: saved}"))
    checks = {check.field: check for check in compare_trainer(plan, make_observation(plan, tmp_path), tmp_path)}
    assert checks["method.start_from"].result == "not seen"
    assert "can't be read" in checks["method.start_from"].reason


def test_rows_that_are_not_there_are_not_seen_and_no_error(right, tmp_path):
    plan, observation, _ = right
    checks = {check.field: check for check in compare_trainer(plan, observation, tmp_path)}
    assert checks["chat.train_on"].result == "not seen"
    assert "rows.jsonl" in checks["chat.train_on"].reason


def test_a_section_that_could_not_be_observed_is_not_seen_with_its_problem(right):
    plan, observation, folder = right
    changed = {key: value for key, value in observation.items() if key != "optimizer"}
    changed["problems"] = {"optimizer": "Traceback\nKeyError: 'params'"}
    checks = {check.field: check for check in compare_trainer(plan, changed, folder)}
    assert checks["training.beta1"].result == "not seen"
    assert "KeyError: 'params'" in checks["training.beta1"].reason


def test_an_observation_of_another_shape_differs_and_is_no_crash(right):
    plan, observation, folder = right
    changed = copy.deepcopy(observation) | {"modules": {"dropout": None}}
    differs = find_differences(plan, changed, folder)
    assert {"method.dropout", "training.neftune", "training.attention"} <= differs


@pytest.mark.parametrize("observation", [{"refused": ["no"]}, {"error": "ImportError: peft"}, {}])
def test_what_is_no_observation_is_refused(right, observation):
    with pytest.raises(ValueError, match="no trainer was observed"):
        compare_trainer(right[0], observation, right[2])


def test_a_pack_is_split_at_its_positions_and_padding_is_no_example(right):
    plan, _, folder = right
    rows = encode_answers(plan, folder)[:2]
    pad = [151_643] * 3
    values = {
        "input_ids": [[*rows[0].ids, *rows[1].ids, *pad]],
        "labels": [[*rows[0].labels, *rows[1].labels, -100, -100, -100]],
        "position_ids": [[*range(len(rows[0].ids)), *range(len(rows[1].ids)), 0, 1, 2]],
    }
    assert [row.ids for row in list_sequences({"values": values})[0]] == [rows[0].ids, rows[1].ids, pad]
    expected = ExpectedRows(rows, 2, 0, 0, 0)
    assert compare_batches([{"values": values}], expected, 151_643).startswith("every example")
    values["position_ids"] = [list(range(len(values["input_ids"][0])))]
    assert "differ" in compare_batches([{"values": values}], expected, 151_643)


PACKED = RECIPE.replace("sequence_length: 256", "sequence_length: 256, packing: true")


@pytest.mark.parametrize(
    ("told", "longest", "differs"),
    [(256, 250, False), (256, 402, True), (512, 250, True), (None, None, True)],
    ids=["joined", "pack too long", "told another", "not told"],
)
def test_the_length_of_packs_that_a_batch_joins(tmp_path, told, longest, differs):
    plan = make_plan(tmp_path, PACKED)
    observation = make_observation(plan, tmp_path)
    row = [9] * 402
    observation["batches"]["micro_batches"] = [{"values": {"input_ids": [row], "labels": [row]}}]
    observation["arguments"]["max_length"] = told
    observation["steps"]["longest_example"] = longest
    assert ("training.sequence_length" in find_differences(plan, observation, tmp_path)) is differs


def test_a_row_of_another_data_set_differs(right):
    plan, _, folder = right
    rows = encode_answers(plan, folder)
    other = EncodedRow([*rows[0].ids[:-2], 9, 9], rows[0].labels)
    assert compare_batches([make_batch([rows[1], other])], ExpectedRows(rows, 4, 0, 0, 0), 0).startswith("1 of 2")


def write_tensors(file, tensors):
    header, body = {}, b""
    for name, (dtype, raw) in tensors.items():
        header[name] = {"dtype": dtype, "shape": [1], "data_offsets": [len(body), len(body) + len(raw)]}
        body += raw
    text = json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(text)) + text + body)


def test_digests_are_of_float32_values_whatever_the_file_holds(tmp_path):
    values = struct.pack("<2f", 1.5, -2.0)
    bfloat16 = b"".join(values[place + 2 : place + 4] for place in (0, 4))
    kinds = {"F32": values, "F16": struct.pack("<2e", 1.5, -2.0), "BF16": bfloat16}
    for dtype, raw in kinds.items():
        write_tensors(tmp_path / dtype, {"b": (dtype, raw), "skipped": (dtype, raw)})
        assert digest_tensors(tmp_path / dtype, lambda name: name == "b") == hashlib.sha256(b"b\0" + values).hexdigest()
    write_tensors(tmp_path / "I8", {"b": ("I8", b"1")})
    with pytest.raises(ValueError, match="I8"):
        digest_tensors(tmp_path / "I8", lambda name: True)


def test_experts_have_one_digest_fused_and_one_by_one_in_one_file_or_several(tmp_path):
    """Eleven experts, since `10` comes before `2` in the order of names."""
    layer, experts = "model.layers.0.mlp.experts", range(11)
    values = {(number, part): struct.pack("<f", number + place) for number in experts
              for place, part in enumerate(("gate", "up", "down"))}  # fmt: skip
    apart = {f"{layer}.{n}.{part}_proj.weight": ("F32", raw) for (n, part), raw in values.items()}
    gate_up = b"".join(values[n, part] for n in experts for part in ("gate", "up"))
    down = b"".join(values[n, "down"] for n in experts)
    fused = {f"{layer}.gate_up_proj": ("F32", gate_up), f"{layer}.down_proj": ("F32", down)}
    halves = dict(list(apart.items())[::2]), dict(list(apart.items())[1::2])
    found = []
    for name, files in (
        ("apart", [apart]),
        ("fused", [fused]),
        ("shards", halves),
        ("other", [{**apart, "a": ("F32", b"")}]),
    ):
        (tmp_path / name).mkdir()
        for number, tensors in enumerate(files):
            write_tensors(tmp_path / name / f"model-{number}.safetensors", tensors)
        found.append(digest_model(tmp_path / name))
    assert found[0] == found[1] == found[2] != found[3]
    with pytest.raises(ValueError, match="no safetensors"):
        digest_model(tmp_path)


def test_rates_are_those_of_transformers_schedules(right):
    plan, training = right[0], replace(right[0].training, min_learning_rate_ratio=0.1, decay=WarmupPlan(4, None))
    rates = {
        name: [
            round(plan_rate(replace(plan, training=replace(training, scheduler=name)), step, 8), 4)
            for step in (0, 1, 2, 5, 8)
        ]
        for name in (
            *("linear", "cosine", "cosine_with_min_lr", "constant", "constant_with_warmup", "inverse_sqrt"),
            "warmup_stable_decay",
        )
    }
    assert rates == {
        "linear": [0.0, 0.5, 1.0, 0.5, 0.0],
        "cosine": [0.0, 0.5, 1.0, 0.5, 0.0],
        "cosine_with_min_lr": [0.0, 0.5, 1.0, 0.55, 0.1],
        "constant": [1.0] * 5,
        "warmup_stable_decay": [0.1, 0.55, 1.0, 0.8682, 0.1],
        "constant_with_warmup": [0.0, 0.5, 1.0, 1.0, 1.0],
        "inverse_sqrt": [0.0, 0.5, 1.0, round((2 / 5) ** 0.5, 4), 0.5],
    }


@pytest.mark.parametrize(
    ("planned", "seen", "same"),
    [
        (1.0, 1, True),
        (0.2, 0.20000000298, True),
        (0.1, 0.100001, False),
        (True, 1, False),
        ([1, {"a": 0.5}], [1.0, {"a": 0.5}], True),
        ([1], [1, 2], False),
        ({"a": 1}, {"b": 1}, False),
        (None, 0, False),
        ("1", 1, False),
    ],
)
def test_values_are_equal_up_to_float32(planned, seen, same):
    assert values_equal(planned, seen) is same
