"""What QR708 and QR709 find, the frameworks' own parsers refuse; what is advised they take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from qwen_recipes.guards.native.lint_native import lint_native

from .framework_parser import FrameworkParser

HEADS = {
    "axolotl": {
        "base_model": "Qwen/Qwen3-0.6B",
        "datasets": [{"path": "rows.jsonl", "type": "chat_template"}],
        "adapter": "lora",
        "lora_r": 8,
        "lora_alpha": 16,
        "lora_target_linear": True,
        "sequence_len": 512,
        "micro_batch_size": 1,
        "gradient_accumulation_steps": 2,
        "learning_rate": 0.0001,
        "output_dir": "out",
    },
    "llamafactory": {
        "model_name_or_path": "Qwen/Qwen3-0.6B",
        "stage": "sft",
        "do_train": True,
        "finetuning_type": "lora",
        "dataset": "rows",
        "template": "qwen3",
        "output_dir": "out",
        "learning_rate": 0.0001,
    },
}
REFUSED: list[tuple[str, str, dict[str, object], dict[str, object]]] = [
    ("axolotl", "QR708", {"rl": "dpo2"}, {"rl": None}),
    ("axolotl", "QR708", {"chat_template": "qwen33"}, {"chat_template": "tokenizer_default"}),
    ("axolotl", "QR708", {"warmup_steps": 0.5}, {"warmup_steps": 5}),
    ("axolotl", "QR708", {"save_strategy": "step"}, {"save_strategy": "steps"}),
    ("axolotl", "QR709", {"adapter": "qloras"}, {"adapter": "lora"}),
    ("axolotl", "QR709", {"adapter": None, "load_in_4bit": True}, {"load_in_4bit": False}),
    ("axolotl", "QR709", {"adapter": "qlora"}, {"load_in_4bit": True}),
    ("axolotl", "QR709", {"warmup_steps": 5, "warmup_ratio": 0.1}, {"warmup_ratio": None}),
    ("axolotl", "QR709", {"save_steps": 5, "saves_per_epoch": 2}, {"save_steps": None}),
    ("axolotl", "QR709", {"save_steps": 5, "save_strategy": "epoch"}, {"save_strategy": "steps"}),
    (
        "axolotl",
        "QR709",
        {"eval_steps": 5, "evals_per_epoch": 2, "val_set_size": 0.1},
        {"eval_steps": None},
    ),
    ("axolotl", "QR709", {"eval_steps": 5, "eval_strategy": "epoch", "val_set_size": 0.1}, {"eval_strategy": "steps"}),
    ("axolotl", "QR709", {"eval_steps": 5, "val_set_size": 0}, {"val_set_size": 0.05}),
    ("axolotl", "QR709", {"batch_size": 8}, {"gradient_accumulation_steps": None}),
    ("axolotl", "QR709", {"streaming": True}, {"max_steps": 1000}),
    ("axolotl", "QR709", {"chat_template": "jinja"}, {"chat_template": "tokenizer_default"}),
    (
        "axolotl",
        "QR709",
        {"early_stopping_patience": 3, "val_set_size": 0.1},
        {"save_steps": 100, "eval_steps": 100},
    ),
    ("axolotl", "QR709", {"plugins": ["axolotl.integrations.liger.LigerPlugins"]}, {"plugins": None}),
    ("llamafactory", "QR708", {"lr_scheduler_type": "cosin"}, {"lr_scheduler_type": "cosine"}),
    ("llamafactory", "QR708", {"optim": "adamw_8bits"}, {"optim": "adamw_8bit"}),
    ("llamafactory", "QR708", {"save_strategy": "step"}, {"save_strategy": "steps"}),
    ("llamafactory", "QR709", {"quantization_bit": 4, "finetuning_type": "full"}, {"finetuning_type": "lora"}),
    ("llamafactory", "QR709", {"use_rslora": True, "finetuning_type": "full"}, {"use_rslora": None}),
    ("llamafactory", "QR709", {"use_galore": True}, {"use_galore": None}),
    ("llamafactory", "QR709", {"mask_history": True, "train_on_prompt": True}, {"train_on_prompt": None}),
    ("llamafactory", "QR709", {"eval_strategy": "steps", "eval_steps": 5}, {"val_size": 0.05}),
    ("llamafactory", "QR709", {"val_size": 0.1, "eval_dataset": "rows"}, {"val_size": None}),
    ("llamafactory", "QR709", {"load_best_model_at_end": True}, {"load_best_model_at_end": None}),
    ("llamafactory", "QR709", {"streaming": True}, {"max_steps": 1000}),
    ("llamafactory", "QR709", {"streaming": True, "max_steps": 9, "max_samples": 9}, {"max_samples": None}),
]


def write_config(backend: str, folder: Path, *changes: dict[str, object]) -> Path:
    """The config with these keys; those that are None are left out."""
    keys = {key: value for part in (HEADS[backend], *changes) for key, value in part.items()}
    file = folder / "train.yaml"
    file.write_text(yaml.safe_dump({k: v for k, v in keys.items() if v is not None}, sort_keys=False), "utf-8")
    return file


@pytest.mark.parametrize(("backend", "code", "broken", "mended"), REFUSED)
def test_the_framework_refuses_it_too(
    backend: str,
    code: str,
    broken: dict[str, object],
    mended: dict[str, object],
    framework_parser: Callable[[str], FrameworkParser],
    samples: Path,
    tmp_path: Path,
) -> None:
    file = write_config(backend, tmp_path, broken)
    assert code in {finding.code for finding in lint_native(file)}
    parser = framework_parser(backend)
    assert not parser.parse(file, tmp_path, model_config=samples / "model").ok
    file = write_config(backend, tmp_path, broken, mended)
    assert not {finding for finding in lint_native(file) if finding.code in ("QR708", "QR709")}
    accepted = parser.parse(file, tmp_path, model_config=samples / "model")
    assert accepted.ok, accepted.error
