"""Rows as `trl sft` encodes them."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

KEYS = ("max_length", "truncation_mode", "shuffle_dataset")
"""What of the config says how rows are encoded; packing puts encoded rows together."""


def load() -> None:
    """Import what encodes."""
    for module in ("trl.trainer.sft_trainer", "datasets", "yaml"):
        import_module(module)


def encode(job: dict[str, Any]) -> list[dict[str, Any]]:
    """Ids and labels of the training rows, by TRL's own preparation of a data set and its collator."""
    config = import_module("yaml").safe_load(Path(job["config"]).read_text("utf-8"))
    told = {key: config[key] for key in KEYS}
    args = import_module("trl").SFTConfig(output_dir=config["output_dir"], use_cpu=True, bf16=False, **told)
    rows = str(Path(config["output_dir"], "rows", "train.jsonl"))
    loaded = import_module("datasets").load_dataset("json", data_files=rows, split="train")
    module = import_module("trl.trainer.sft_trainer")
    trainer = module.SFTTrainer.__new__(module.SFTTrainer)
    trainer.completion_only_loss = False
    whole = "dataset_kwargs" in config
    found = loaded if whole else trainer._prepare_dataset(loaded, None, args, False, None, "train")
    collator = module.DataCollatorForLanguageModeling(pad_token_id=0)
    return [_read_row(number, collator([dict(row)])) for number, row in enumerate(found)]


def _read_row(number: int, batch: Any) -> dict[str, Any]:
    return {"row": number, "input_ids": batch["input_ids"][0].tolist(), "labels": batch["labels"][0].tolist()}
