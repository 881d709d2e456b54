"""Rows as `axolotl train` encodes them."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

VARIABLES = {"AXOLOTL_DO_NOT_TRACK": "1"}
MACHINE_KEYS = (
    *("bf16", "fp16", "tf32", "fp8", "load_in_4bit", "load_in_8bit", "adapter", "deepspeed", "fsdp_config"),
    *("fsdp_version", "plugins", "attn_implementation", "torch_compile", "tensor_parallel_size", "use_wandb"),
    *("context_parallel_size", "activation_offloading", "use_mlflow", "use_trackio", "hub_model_id", "sample_packing"),
    *("eval_sample_packing", "pad_to_sequence_len", "streaming", "lora_mlp_kernel", "lora_qkv_kernel", "lora_o_kernel"),
)
"""Keys about the machine, and packing, which puts encoded rows together."""


def load() -> None:
    """Import what encodes."""
    for module in ("cli.config", "loaders", "utils.data"):
        import_module(f"axolotl.{module}")


def encode(job: dict[str, object]) -> list[dict[str, object]]:
    """Ids and labels of the training rows, by the framework's own pipeline, in the rows' order."""
    cfg = import_module("axolotl.cli.config").load_cfg(_drop_machine_keys(job))
    cfg.shuffle_merged_datasets = False
    cfg.test_datasets = None
    vars(import_module("axolotl.utils.data.sft"))["save_preprocessed_dataset"] = lambda *_args, **_options: None
    tokenizer = import_module("axolotl.loaders").load_tokenizer(cfg)
    train = import_module("axolotl.utils.data").prepare_datasets(cfg, tokenizer)[0]
    return [{"row": n, "input_ids": r["input_ids"], "labels": r["labels"]} for n, r in enumerate(train)]


def _drop_machine_keys(job: dict[str, Any]) -> str:
    yaml = import_module("yaml")
    config = yaml.safe_load(Path(job["config"]).read_text("utf-8"))
    kept = {
        key: value for key, value in config.items() if key not in MACHINE_KEYS and not key.startswith(("lora_", "peft"))
    }
    made = Path(job["out"]).with_suffix(".yaml")
    made.write_text(yaml.safe_dump({**kept, "bf16": False, "fp16": False, "dataset_num_proc": 1}), "utf-8")
    return str(made)
