"""The schemas taken from the frameworks: valid, complete where a template leans on them, and closed."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "schemas" / "backends"
SAMPLES = ROOT / "tests" / "conformance" / "samples"
FILES = {
    "axolotl": "axolotl-0.21.0.schema.json",
    "llamafactory": "llamafactory-0.9.5.schema.json",
    "ms-swift": "ms-swift-4.6.0.schema.json",
}
NEEDED = {
    "axolotl": ("base_model", "lora_r", "datasets", "fsdp_config", "liger_rope", "cut_cross_entropy", "model_type"),
    "llamafactory": ("model_name_or_path", "lora_rank", "template", "cutoff_len", "neat_packing", "deepspeed"),
    "ms-swift": ("ENV", "model", "tuner_type", "lora_rank", "max_length", "loss_scale", "adam_beta2", "add_version"),
}
WRONG = {
    "axolotl": [
        {"optimizer": "adamw_torhc"},
        {"lr_scheduler": "cosin"},
        {"lora_r": "16"},
        {"attn_implementation": "flash"},
        {"excess_length_strategy": "error"},
        {"datasets": []},
        {"datasets": [{"path": "a.jsonl", "field_mesages": "messages"}]},
        {"fsdp_config": {"sharding_strategy": "FULL_SHARD"}},
        {"rl": "kto", "datasets": [{"path": "a.jsonl", "field_messages": "messages"}]},
    ],
    "llamafactory": [
        {"optim": "adamw_hf"},
        {"stage": "foo"},
        {"cutoff_len": "123"},
        {"quantization_method": "bitsandbytes"},
        {"template": "qwen33"},
        {"evaluation_strategy": "steps"},
        {"use_dora": "false"},
    ],
    "ms-swift": [
        {"system": None},
        {"dataset": []},
        {"torch_dtype": "bf16"},
        {"tuner_type": "loar"},
        {"loss_scale": "defualt"},
        {"lora_alph": 16},
        {"template": "qwen33"},
        {"quant_bits": 5},
    ],
}


def load(name: str) -> dict:
    return json.loads((FOLDER / name).read_text("utf-8"))


def sample(name: str, case: str = "lora") -> dict:
    return yaml.safe_load((SAMPLES / name / f"{case}.yaml").read_text("utf-8"))


def errors(name: str, config: dict) -> list[jsonschema.ValidationError]:
    return list(jsonschema.Draft202012Validator(load(FILES[name])).iter_errors(config))


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_is_a_schema_under_either_draft(path):
    schema = json.loads(path.read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft7Validator.check_schema(schema)
    assert path.name.startswith(f"{schema['x-backend']}-{schema['x-version']}.")
    assert (ROOT / schema["x-made-by"]).exists()


@pytest.mark.parametrize("name", FILES)
def test_has_the_keys_that_templates_need(name):
    assert set(NEEDED[name]) <= set(load(FILES[name])["properties"])


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("case", ["lora", "qlora", "full_zero3", "fsdp"])
def test_accepts_what_the_framework_accepts(name, case):
    assert [error.message for error in errors(name, sample(name, case))] == []


@pytest.mark.parametrize("name", FILES)
def test_refuses_a_misspelt_key(name):
    (error,) = errors(name, {**sample(name), "lora_rnak": 8})
    assert "lora_rnak" in error.message


@pytest.mark.parametrize(("name", "wrong"), [(name, wrong) for name in FILES for wrong in WRONG[name]])
def test_refuses_a_value_that_the_framework_would_not_use(name, wrong):
    assert errors(name, {**sample(name), **wrong})


def test_carries_no_text_of_the_frameworks():
    for path in FOLDER.glob("*.json"):
        assert '"description"' not in path.read_text("utf-8")


def test_dataset_info_refuses_a_column_that_is_not_read():
    schema = load("llamafactory-0.9.5.dataset_info.schema.json")
    validator = jsonschema.Draft202012Validator(schema)
    entry = {"file_name": "rows.jsonl", "formatting": "sharegpt", "columns": {"messages": "messages"}}
    assert validator.is_valid({"support": entry})
    assert not validator.is_valid({"support": {**entry, "columns": {"mesages": "messages"}}})
    assert not validator.is_valid({"support": {"columns": {}}})


def test_rlhf_keys_of_ms_swift_are_kept_apart():
    schema = load(FILES["ms-swift"])
    assert "rlhf_type" in schema["x-only-in"]["rlhf"]
    assert "rlhf_type" in schema["$defs"]["rlhf"]["properties"]
    assert "rlhf_type" not in schema["properties"]
