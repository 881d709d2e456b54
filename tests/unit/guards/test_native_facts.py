"""Native configs judged by what is known of their model and framework: experts, packing, Megatron."""

from __future__ import annotations

import pytest

from qwen_recipes.guards.native.lint_native import lint_native

from .test_native import HYBRID, config, found

MIXTURE = "Qwen/Qwen3-30B-A3B"


@pytest.mark.parametrize(
    ("backend", "more", "held", "instead"),
    [
        ("axolotl", "adapter: qlora\nload_in_4bit: true\n", "become 32 bits", "quantize_moe_experts: true"),
        ("llamafactory", "quantization_bit: 4\n", "stay in 16 bits", "train LoRA on the 16-bit base"),
        ("ms-swift", "quant_bits: 4\nquant_method: bnb\n", "stay in 16 bits", "train LoRA on the 16-bit base"),
        ("trl", "load_in_4bit: true\n", "stay in 16 bits", "train LoRA on the 16-bit base"),
    ],
)
def test_experts_that_are_not_quantized(backend, more, held, instead):
    text = config(backend, more, MIXTURE)
    (finding,) = lint_native(text, "x.yaml", backend)
    assert (finding.code, finding.severity, finding.suggestion) == ("QR218", "warning", instead)
    assert finding.message.endswith(f"the experts, 95% of the weights, {held}")
    assert not lint_native(text.replace(MIXTURE, HYBRID), "x.yaml", backend)
    assert not lint_native(text, "x.yaml", backend, "0.9.3")  # its transformers may hold experts one by one


def test_experts_that_axolotl_quantizes():
    more = "adapter: qlora\nload_in_4bit: true\nquantize_moe_experts: true\n"
    assert not found(config("axolotl", more, MIXTURE))


def test_packing_of_llamafactory_that_keeps_examples_apart():
    assert not found(config("llamafactory", "packing: true\nneat_packing: true\n"))
    assert not found(config("llamafactory", "packing: true\nneat_packing: ${NEAT}\n"))
    assert not found(config("llamafactory", "packing: true\n").replace("stage: sft", "stage: pt"))


def test_megatron_is_judged_by_its_model():
    wrong = "--fp16 true --template qwen3_thinking"
    script = f"megatron sft --model Qwen/Qwen3-30B-A3B --lr 1e-5 --max_length 65536 {wrong}\n"
    assert [finding.code for finding in lint_native(script, "x.sh")] == ["QR310", "QR401", "QR303"]
    assert not lint_native(script.replace("65536", "8192").replace(wrong, ""), "x.sh")
