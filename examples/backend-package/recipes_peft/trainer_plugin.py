"""`python trainer_plugin.py CONFIG [--resume=CHECKPOINT]`: the framework of this example.

It is copied beside the compiled config, runs in the framework's environment (torch, transformers, peft), and reads
examples that are token ids and labels already.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
import yaml
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments

IGNORED_LABEL = -100


def main() -> None:
    """Train an adapter and save it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=Path)
    parser.add_argument("--resume")
    options = parser.parse_args()
    config = yaml.safe_load(options.config.read_text("utf-8"))
    examples = [json.loads(line) for line in Path(config["data"]).read_text("utf-8").splitlines()]
    trainer = Trainer(
        model=build_model(config),
        args=build_arguments(config),
        train_dataset=examples,
        data_collator=pad_examples,
    )
    trainer.train(resume_from_checkpoint=options.resume)
    trainer.save_model()
    trainer.save_state()


def build_model(config: dict[str, Any]) -> Any:
    """The base model with a new adapter."""
    dtype = torch.bfloat16 if config["bf16"] else torch.float32
    model = AutoModelForCausalLM.from_pretrained(
        config["model"], revision=config.get("revision", "main"), attn_implementation=config["attention"], dtype=dtype
    )
    if config["gradient_checkpointing"]:
        model.enable_input_require_grads()
    adapter = LoraConfig(
        r=config["lora_rank"],
        lora_alpha=config["lora_alpha"],
        lora_dropout=config["lora_dropout"],
        target_modules=config["lora_targets"].split(","),
        use_rslora=config["rslora"],
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, adapter)


def build_arguments(config: dict[str, Any]) -> TrainingArguments:
    """Every key of the config that the Trainer reads."""
    return TrainingArguments(
        output_dir=config["output_dir"],
        max_steps=config.get("max_steps", -1),
        num_train_epochs=config.get("num_train_epochs", 3),
        warmup_steps=config.get("warmup_steps", config.get("warmup_ratio", 0)),
        per_device_train_batch_size=config["micro_batch_size"],
        gradient_accumulation_steps=config["gradient_accumulation"],
        learning_rate=config["learning_rate"],
        lr_scheduler_type=config["scheduler"],
        optim=config["optimizer"],
        adam_beta1=config["adam_beta1"],
        adam_beta2=config["adam_beta2"],
        adam_epsilon=config["adam_epsilon"],
        weight_decay=config["weight_decay"],
        max_grad_norm=config["max_grad_norm"],
        bf16=config["bf16"],
        gradient_checkpointing=config["gradient_checkpointing"],
        gradient_checkpointing_kwargs={"use_reentrant": False},
        seed=config["seed"],
        logging_steps=config["log_every"],
        save_strategy=config["save_strategy"],
        save_steps=config.get("save_steps", 500),
        save_total_limit=config["keep_checkpoints"],
        use_cpu=config.get("use_cpu", False),
        remove_unused_columns=False,
        report_to="none",
    )


def pad_examples(examples: list[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
    """A batch of examples x longest length: ids, mask and labels, padded on the right."""
    longest = max(len(example["input_ids"]) for example in examples)

    def pad(values: list[int], filler: int) -> list[int]:
        return values + [filler] * (longest - len(values))

    return {
        "input_ids": torch.tensor([pad(e["input_ids"], 0) for e in examples]),
        "attention_mask": torch.tensor([pad([1] * len(e["input_ids"]), 0) for e in examples]),
        "labels": torch.tensor([pad(e["labels"], IGNORED_LABEL) for e in examples]),
    }


if __name__ == "__main__":
    main()
