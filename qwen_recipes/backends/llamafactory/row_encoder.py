"""Rows as `llamafactory-cli train` encodes them."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

MACHINE_KEYS = (
    *("bf16", "fp16", "tf32", "fp8", "quantization_bit", "quantization_method", "quantization_type", "flash_attn"),
    *(
        "double_quantization",
        "enable_liger_kernel",
        "deepspeed",
        "packing",
        "neat_packing",
        "report_to",
        "hub_model_id",
    ),
    *("torch_compile", "streaming", "push_to_hub", "eval_dataset", "per_device_eval_batch_size", "eval_steps"),
    *("use_muon", "load_best_model_at_end", "early_stopping_steps", "metric_for_best_model", "adapter_name_or_path"),
)
"""Keys about the machine, and packing, which puts encoded rows together."""


def load() -> None:
    """Import what encodes."""
    for module in ("hparams", "data.loader", "data.template", "model"):
        import_module(f"llamafactory.{module}")


def encode(job: dict[str, object]) -> list[dict[str, object]]:
    """Ids and labels of the training rows, by the framework's own converter, template and processor, row by row."""
    model, data, training, tuning, _ = import_module("llamafactory.hparams").get_train_args(_drop_machine_keys(job))
    loaded = import_module("llamafactory.model").load_tokenizer(model)
    template = import_module("llamafactory.data.template").get_template_and_fix_tokenizer(loaded["tokenizer"], data)
    loader = import_module("llamafactory.data.loader")
    if data.tokenized_path is not None:
        found = loader.get_dataset(template, model, data, training, tuning.stage, **loaded)["train_dataset"]
        return [{"row": n, "input_ids": r["input_ids"], "labels": r["labels"]} for n, r in enumerate(found)]
    rows = loader._get_merged_dataset(data.dataset, model, data, training, tuning.stage)
    processor = loader._get_dataset_processor(data, tuning.stage, template, **loaded)
    found = [processor.preprocess_dataset({k: [v] for k, v in row.items()}) for row in rows]
    if tuning.stage == "pt":
        collator = import_module("transformers").DataCollatorForLanguageModeling(loaded["tokenizer"], mlm=False)
        found = [{**row, "labels": collator([{"input_ids": row["input_ids"][0]}])["labels"].tolist()} for row in found]
    return [_encoded_row(n, row) for n, row in enumerate(found)]


def _encoded_row(number: int, row: dict[str, Any]) -> dict[str, Any]:
    if not row.get("input_ids"):
        return {"row": number, "error": "dropped as invalid: turns do not alternate"}
    ids = row["input_ids"][0]
    return {"row": number, "input_ids": ids, "labels": row["labels"][0]}


def _drop_machine_keys(job: dict[str, Any]) -> dict[str, Any]:
    config = import_module("yaml").safe_load(Path(job["config"]).read_text("utf-8"))
    kept = {key: value for key, value in config.items() if key not in MACHINE_KEYS}
    told = {"packing": False, "eval_strategy": "no", "use_cpu": True, "optim": "adamw_torch"}  # `pt` packs unless told
    return {**kept, **told}
