"""Rows as `swift sft` and `swift pt` encode them."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any

ARGUMENT_CLASSES = {"sft": "SftArguments", "pretrain": "PretrainArguments"}
"""Of its commands, by objective."""
MACHINE_KEYS = (
    *("bf16", "fp16", "tf32", "attn_impl", "use_liger_kernel", "quant_method", "quant_bits", "deepspeed", "fsdp"),
    *("packing", "report_to", "streaming", "val_dataset", "eval_strategy", "eval_steps", "torch_compile", "adapters"),
    *("ref_adapters", "sequence_parallel_size", "deepspeed_autotp_size", "push_to_hub", "hub_model_id", "optimizer"),
    *("load_best_model_at_end", "metric_for_best_model", "early_stop_interval", "lorap_lr_ratio", "init_weights"),
)
"""Keys about the machine, and packing, which puts encoded rows together."""


def load() -> None:
    """Import what encodes."""
    for module in ("arguments", "cli.main", "template"):
        import_module(f"swift.{module}")


def encode(job: dict[str, Any]) -> list[dict[str, Any]]:
    """Ids and labels of the training rows, by the framework's own loader and template, row by row."""
    words = [_drop_machine_keys(job)]
    import_module("swift.cli.main").parse_yaml_args(words)
    cls = getattr(import_module("swift.arguments"), ARGUMENT_CLASSES[job["objective"]])
    args, _ = import_module("swift.utils").parse_args(cls, words)
    template = args.get_template(args.get_model_processor(load_model=False)[1])
    template.set_mode("train")
    rows = args.load_dataset()[0]
    return [_encode_row(number, template, dict(row)) for number, row in enumerate(rows)]


def _encode_row(number: int, template: Any, row: dict[str, Any]) -> dict[str, Any]:
    try:
        found = template.encode(row)
    except Exception as refusal:  # LazyLLMDataset skips such a row
        return {"row": number, "error": f"dropped: {type(refusal).__name__}: {refusal}"}
    return {"row": number, "input_ids": list(found["input_ids"]), "labels": list(found["labels"])}


def _drop_machine_keys(job: dict[str, Any]) -> str:
    os.environ["USE_HF"] = "1"
    yaml = import_module("yaml")
    config = yaml.safe_load(Path(job["config"]).read_text("utf-8"))
    kept = {key: value for key, value in config.items() if key not in MACHINE_KEYS and not key.startswith("bnb_")}
    made = Path(job["out"]).with_suffix(".yaml")
    told = {**kept, "use_cpu": True, "torch_dtype": "float32", "packing": False, "dataset_shuffle": False}
    told["output_dir"] = str(made.parent / "run")
    made.write_text(yaml.safe_dump(told), "utf-8")
    return str(made)
