"""Quantized checkpoints by the ends of their names, where `like` is all that is known of them."""

from __future__ import annotations

import pytest

from qwen_recipes.backends import load_backend
from qwen_recipes.qwen.models import ModelName, find_unquantized_release, get_model_facts
from qwen_recipes.qwen.quantized_names import find_named_quantization
from qwen_recipes.recipe.load import load_recipe_text
from qwen_recipes.resolve import resolve


@pytest.mark.parametrize(
    ("name", "method", "bits"),
    [
        ("unsloth/Qwen3-4B-bnb-4bit", "bitsandbytes", 4),
        ("unsloth/Qwen3-4B-unsloth-bnb-4bit", "bitsandbytes", 4),
        ("me/bot-bnb-8bit", "bitsandbytes", 8),
        ("me/Qwen3-4B-awq", "awq", 4),
        ("me/Qwen3-4B-GPTQ", "gptq", 4),
        ("me/Qwen3-4B-GPTQ-Int8", "gptq", 8),
        ("me/Qwen3-4B-FP8-dynamic", "fp8", 8),
        ("me/Qwen3-4B-quantized.w8a8", "compressed-tensors", 8),
        ("mlx-community/Qwen3-4B-4bit", "mlx", 4),
        ("unsloth/Qwen3-4B-GGUF", "gguf", 4),
        ("me/Qwen3-4B-Q5_K_M", "gguf", 4),
        ("nvidia/Qwen3-4B-FP4", "nvfp4", 4),
        ("me/Qwen3-4B-HQQ-4bit", "hqq", 4),
        ("me/Qwen3-4B-exl2", "exllama", 4),
        ("me/Qwen3-4B-4.25bpw-exl3", "exllama", 4),
        ("Intel/Qwen3-4B-int4-AutoRound", "auto-round", 4),
        ("me/Qwen3-4B-nf4", "bitsandbytes", 4),
        ("lmstudio-community/Qwen3-4B-6bit", "mlx", 6),
    ],
)
def test_the_end_of_a_name_says_how_it_is_quantized(name, method, bits):
    found = get_model_facts(ModelName(name, like="Qwen/Qwen3-4B")).quantization
    assert found and (found.method, found.bits) == (method, bits)
    assert find_unquantized_release(name) == (None if "bot" in name else "Qwen/Qwen3-4B")


@pytest.mark.parametrize(
    "name", ["me/bot", "me/awq-bot", "me/Qwen3-4B-unsloth", "me/fp8-tests-v2", "me/Qwen3-4B-dynamic", "me/sales-q4"]
)
def test_other_names_say_nothing(name):
    assert find_named_quantization(name) is None


def test_an_adapter_on_a_bitsandbytes_copy_is_planned_in_its_bits(tmp_path):
    text = "version: 1\nmodel: {id: unsloth/Qwen3-4B-bnb-4bit, like: Qwen/Qwen3-4B}\nmethod: lora\n"
    text += "data: {train: [{hub: me/rows}]}\nrun: {backend: trl}\n"
    plan = resolve(load_recipe_text(text, "r.yaml", tmp_path), load_backend("trl"))
    assert plan.quantization.bits == 4


def test_a_quantized_copy_of_a_coder_names_the_coder():
    found = get_model_facts("Qwen/Qwen3-Coder-480B-A35B-Instruct-FP8")
    assert found.layers == 62 and found.quantization and found.quantization.method == "fp8"
    assert find_unquantized_release(found.id) == "Qwen/Qwen3-Coder-480B-A35B-Instruct"
