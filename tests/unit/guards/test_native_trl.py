"""Guards on configs that people wrote for TRL."""

from __future__ import annotations

import pytest

from qwen_recipes.guards.native.lint_native import detect_framework, lint_native

from .test_native import config, found


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", set()),
        ("lora_rank: 8\n", {("QR702", "error")}),
        ("num_processes: 2\naccelerate_config: zero2\n", set()),  # accelerate's launcher reads them
        ("warmup_ratio: 0.03\n", {("QR703", "error")}),
        ("max_seq_length: 512\n", {("QR703", "error")}),
        ("assistant_only_loss: true\nreward_funcs: [a.b]\n", {("QR702", "error")}),  # of two methods
        ("bnb_4bit_quant_type: nf4\n", {("QR212", "error")}),
        ("load_in_4bit: true\nload_in_8bit: true\n", {("QR213", "error")}),
        ("packing: false\npadding_free: true\n", {("QR213", "error")}),
        ("test_split_size: 0.1\n", {("QR706", "warning")}),
        ("test_split_size: 0.1\neval_strategy: epoch\n", set()),
        ("deepspeed: zero3.json\n", {("QR101", "warning")}),
        ("lr_scheduler_kwargs: {min_lr: 1e-6}\n", {("QR705", "error")}),
    ],
)
def test_a_config_of_trl(more, expected):
    assert {code for code, _ in found(config("trl", more))} == {code for code, _ in expected}


def test_an_adapter_of_trl_that_is_never_made():
    text = config("trl").replace("use_peft: true\n", "")
    (finding,) = lint_native(text, "x.yaml", "trl")
    assert (finding.code, finding.span.line, finding.suggestion) == ("QR706", 3, "use_peft: true")


def test_keys_of_trl_are_those_of_its_method():
    (finding,) = lint_native("trl dpo --model_name_or_path x --use_peft --assistant_only_loss true")
    assert (finding.code, finding.suggestion) == ("QR702", "`trl sft` reads it; remove it here")


def test_a_config_of_llamafactory_is_not_taken_for_trls():
    assert detect_framework("model_name_or_path: x\ntemplate: qwen3\noutput_dir: out\n") == "llamafactory"
    assert detect_framework("model_name_or_path: x\nlora_rank: 8\nuse_dora: true\nstage: dpo\n") == "llamafactory"
    assert detect_framework("model_name_or_path: x\nlearning_rate: 1e-4\nmax_length: 512\n") == "trl"
