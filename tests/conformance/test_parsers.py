"""The same intent, told to each framework in its own words, is resolved to the same values by their own parsers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conformance.framework_parser import FrameworkParser, ParserCrashed

NAMES = ("axolotl", "llamafactory", "ms-swift")
LINEAR = ["down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"]
COMMON = {
    "scheduler": "cosine",
    "warmup_ratio": 0.03,
    "warmup_steps": None,
    "warmup_steps_at_100": 3,
    "warmup_steps_at_1000": 30,
    "adam_beta1": 0.9,
    "adam_beta2": 0.999,
    "adam_epsilon": 1e-8,
    "weight_decay": 0.01,
    "max_grad_norm": 1.0,
    "optimizer": "adamw_torch",
    "micro_batch_size": 2,
    "gradient_accumulation": 4,
    "max_length": 2048,
    "packing": False,
    "precision": "bf16",
    "seed": 42,
    "epochs": 3.0,
    "max_steps": None,
    "gradient_checkpointing": True,
    "attention": "sdpa",
    "neftune": None,
    "eval_strategy": "no",
    "eval_steps": None,
    "save_strategy": "epoch",
    "save_steps": None,
    "save_total_limit": 2,
    "logging_steps": 1,
    "output_dir": "out",
    "report_to": [],
    "liger": False,
    "lora_kernels": [],
}
LORA = {"rank": 16, "alpha": 32, "dropout": 0.0, "target_modules": LINEAR, "rslora": False, "dora": False}
NONE = dict.fromkeys(LORA)
PLAIN = {"quantization_bits": 16, "quantization_type": None, "quantization_double": None}
NF4 = {
    "quantization_bits": 4,
    "quantization_type": "nf4",
    "quantization_double": True,
    "quantization_storage": "bfloat16",
    "quantization_compute": "bfloat16",
}
SINGLE = {"world_size": 1, "effective_batch_size": 8, "deepspeed_stage": None, "fsdp": False, "fsdp_version": None}
PAIR = {"world_size": 2, "effective_batch_size": 16}
CASES: dict[str, tuple[int, dict[str, Any]]] = {
    "lora": (1, {**LORA, **PLAIN, **SINGLE, "learning_rate": 1e-4, "use_reentrant": False}),
    "qlora": (1, {**LORA, **NF4, **SINGLE, "learning_rate": 1e-4}),
    "full_zero3": (2, {**NONE, **PLAIN, **PAIR, "deepspeed_stage": 3, "learning_rate": 1e-5, "use_reentrant": True}),
    "fsdp": (2, {**LORA, **PLAIN, **PAIR, "fsdp": True, "fsdp_version": 2, "use_reentrant": False}),
}
OVERLONG = {"axolotl": "drop", "llamafactory": "truncate", "ms-swift": "drop"}
WARMUP = {
    "axolotl": lambda ratio: {"warmup_ratio": ratio},
    "llamafactory": lambda ratio: {"warmup_steps": ratio},
    "ms-swift": lambda ratio: {"warmup_ratio": ratio},
}
CPU = {
    "axolotl": {"bf16": False, "tf32": False},
    "llamafactory": {"bf16": False},
    "ms-swift": {"torch_dtype": "float32", "bf16": False, "fp16": False},
}


def changed(samples: Path, folder: Path, name: str, **values: Any) -> Path:
    """The LoRA sample of a framework with some keys changed."""
    config = yaml.safe_load((samples / name / "lora.yaml").read_text("utf-8"))
    written = folder / f"{name}.yaml"
    written.write_text(yaml.safe_dump({**config, **values}), "utf-8")
    return written


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", NAMES)
def test_intent_is_resolved_alike(framework_parser, samples, name, case):
    gpus, expected = CASES[case]
    parsed = framework_parser(name).parse(
        samples / name / f"{case}.yaml", samples, gpus=gpus, assume_gpu=True, model_config=samples / "model"
    )
    assert parsed.ok, parsed.error
    wanted = {**COMMON, **expected, "overlong": OVERLONG[name]}
    assert {key: parsed.arguments[key] for key in wanted} == wanted
    assert parsed.raw


@pytest.mark.parametrize("name", NAMES)
def test_version_is_the_one_the_schema_was_made_from(framework_parser, name):
    schemas = Path(__file__).parents[2] / "schemas" / "backends"
    assert (schemas / f"{name}-{framework_parser(name).version()}.schema.json").exists()


@pytest.mark.parametrize("name", NAMES)
def test_unknown_key_is_refused(framework_parser, samples, name):
    parsed = framework_parser(name).parse(
        samples / name / "unknown.yaml", samples, gpus=1, assume_gpu=True, model_config=samples / "model"
    )
    assert not parsed.ok
    assert "lora_rnak" in str(parsed.error)


def test_key_that_is_a_prefix_of_another_is_refused(framework_parser, samples, tmp_path):
    config = changed(samples, tmp_path, "ms-swift", lora_alph=64)
    parsed = framework_parser("ms-swift").parse(config, samples, model_config=samples / "model")
    assert "lora_alph" in str(parsed.error)


def test_unknown_key_of_a_nested_model_is_refused(framework_parser, samples, tmp_path):
    config = changed(samples, tmp_path, "axolotl", fsdp_version=2, fsdp_config={"offload": True})
    parsed = framework_parser("axolotl").parse(config, samples, model_config=samples / "model")
    assert "fsdp_config.offload" in str(parsed.error)


@pytest.mark.parametrize("name", NAMES)
def test_bf16_is_refused_on_the_real_cpu(framework_parser, samples, name):
    parsed = framework_parser(name).parse(
        samples / name / "lora.yaml", samples, gpus=1, assume_gpu=False, model_config=samples / "model"
    )
    assert "bf16" in str(parsed.error)


@pytest.mark.parametrize("name", NAMES)
def test_float32_is_taken_on_the_real_cpu(framework_parser, samples, tmp_path, name):
    config = changed(samples, tmp_path, name, **CPU[name])
    parsed = framework_parser(name).parse(config, samples, gpus=1, assume_gpu=False, model_config=samples / "model")
    assert parsed.ok, parsed.error
    assert parsed.arguments["precision"] == "fp32"


@pytest.mark.parametrize(("name", "steps"), [("axolotl", 3), ("llamafactory", 4), ("ms-swift", 4)])
def test_axolotl_rounds_a_share_of_warmup_down_and_the_others_up(framework_parser, samples, tmp_path, name, steps):
    config = changed(samples, tmp_path, name, **WARMUP[name](0.035))
    parsed = framework_parser(name).parse(config, samples, model_config=samples / "model")
    assert parsed.arguments["warmup_steps_at_100"] == steps


def test_llamafactory_keeps_one_position_of_a_pack(framework_parser, samples, tmp_path):
    config = changed(samples, tmp_path, "llamafactory", packing=True, neat_packing=True)
    parsed = framework_parser("llamafactory").parse(config, samples, model_config=samples / "model")
    assert parsed.arguments["max_length"] == 2047
    assert parsed.arguments["packing_isolated"]


def test_nothing_is_written(framework_parser, samples):
    for name in NAMES:
        framework_parser(name).parse(samples / name / "lora.yaml", samples, model_config=samples / "model")
    assert not (samples / "out").exists()
    assert not (samples / "prepared").exists()


def test_interpreter_without_the_framework_is_a_clear_error(samples, tmp_path):
    import sys

    with FrameworkParser("axolotl", Path(sys.executable)) as parser, pytest.raises(ParserCrashed, match="axolotl"):
        parser.parse(samples / "axolotl" / "lora.yaml", tmp_path)
