"""A cell through TRL's own trainers: its recipe's words as TRL's arguments."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from typing import Any

from trainer_cell_recipes import COMPLETION, GENERATIONS, PROMPT, get_objective

OPTIMIZERS = {"adamw_8bit": "adamw_bnb_8bit"}
PAD_TOKEN = 151643
"""<|endoftext|>"""


def build_rows(case: dict[str, Any]) -> Any:
    """The cell's rows, as TRL reads conversations."""
    from datasets import Dataset

    objective = get_objective(case["cell"])
    lines = (Path(case["cwd"]) / "rows.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    asked = [{"role": "user", "content": PROMPT}]
    for row in rows:
        for side in ("chosen", "rejected", "completion"):
            if side in row:
                row[side] = [{"role": "assistant", "content": row[side]}]
        if objective == "sft":
            answer = row.pop("messages")[1]
            row |= {"prompt": asked, "completion": [answer]}
    return Dataset.from_list(rows)


def load_model(case: dict[str, Any]) -> Any:
    """In bf16 under an adapter, in what the recipe holds trained weights in otherwise, in 4 bits for QLoRA."""
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, BitsAndBytesConfig

    recipe = case["cell"]["recipe"]
    kind, wide = recipe["method"]["type"], recipe["training"].get("weights_dtype", "float32") == "float32"
    words: dict[str, Any] = {"attn_implementation": "sdpa"}
    words["dtype"] = torch.float32 if kind == "full" and wide else torch.bfloat16
    if kind.startswith("q"):
        words["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16,
        )
        words["device_map"] = {"": 0}
    if get_objective(case["cell"]) == "reward":
        scorer = AutoModelForSequenceClassification.from_pretrained(case["model"], num_labels=1, **words)
        scorer.config.pad_token_id = PAD_TOKEN
        return scorer
    return AutoModelForCausalLM.from_pretrained(case["model"], **words)


def build_adapter(case: dict[str, Any]) -> Any:
    """LoraConfig, or None where weights are trained themselves."""
    from peft import LoraConfig

    method, moe = case["cell"]["recipe"]["method"], "A3B" in case["cell"]["model"]
    if method["type"] == "full":
        return None
    reward = get_objective(case["cell"]) == "reward"
    attention = ["q_proj", "k_proj", "v_proj", "o_proj"]
    return LoraConfig(
        r=method["rank"],
        lora_alpha=2 * method["rank"],
        target_modules=attention if moe else [*attention, "gate_proj", "up_proj", "down_proj"],
        use_dora=method["type"].endswith("dora"),
        task_type="SEQ_CLS" if reward else "CAUSAL_LM",
        modules_to_save=["score"] if reward else None,
    )


def choose_arguments(case: dict[str, Any]) -> dict[str, Any]:
    """What every one of TRL's configs takes."""
    training = case["cell"]["recipe"]["training"]
    micro_batch = training["micro_batch_size"]
    liger = training.get("kernels", ["liger"]) != ["none"] and get_objective(case["cell"]) == "sft"
    liger = liger and "A3B" not in case["cell"]["model"]
    return {
        "output_dir": str(Path(case["cwd"]) / "trained"),
        "per_device_train_batch_size": micro_batch,
        "gradient_accumulation_steps": training["batch_size"] // micro_batch,
        "max_steps": training["steps"],
        "learning_rate": 1e-5,
        "optim": OPTIMIZERS.get(training.get("optimizer", ""), "adamw_torch_fused"),
        "gradient_checkpointing": training.get("gradient_checkpointing", True),
        "gradient_checkpointing_kwargs": {"use_reentrant": False},
        "bf16": True,
        "tf32": True,
        "use_liger_kernel": liger,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "max_length": training["sequence_length"],
    }


def build_trainer(case: dict[str, Any]) -> Any:
    """The objective's trainer."""
    import trl  # type: ignore[import-not-found,import-untyped,unused-ignore]
    from transformers import AutoTokenizer

    objective, words = get_objective(case["cell"]), choose_arguments(case)
    training = case["cell"]["recipe"]["training"]
    more: dict[str, Any] = {}
    if objective == "sft":
        config, kind = trl.SFTConfig, trl.SFTTrainer
        words["packing"] = bool(training.get("packing"))
        if words["packing"]:
            words |= {"packing_strategy": "bfd"}
    elif objective == "grpo":
        config, kind = trl.GRPOConfig, trl.GRPOTrainer
        words.pop("max_length")
        words |= {"num_generations": GENERATIONS, "max_completion_length": COMPLETION, "use_vllm": False}
        more["reward_funcs"] = score_length
    else:
        names = {"dpo": "DPO", "kto": "KTO", "reward": "Reward"}
        config, kind = getattr(trl, f"{names[objective]}Config"), getattr(trl, f"{names[objective]}Trainer")
    tokenizer = AutoTokenizer.from_pretrained(case["model"])
    return kind(
        model=load_model(case),
        args=config(**words),
        train_dataset=build_rows(case),
        processing_class=tokenizer,
        peft_config=build_adapter(case),
        **more,
    )


def score_length(completions: list[Any], **_: Any) -> list[float]:
    """The longer, the better."""
    return [len(str(completion)) / 1000 for completion in completions]


def start_trl(case: dict[str, Any], meter: Any) -> None:
    """Train, and save as TRL's own scripts do. Names of cached rows are drawn: some functions here can't be pickled."""
    from datasets.fingerprint import Hasher

    Hasher.hash = classmethod(lambda _cls, _value: uuid.uuid4().hex[:16])
    meter.attach()
    meter.found["seconds"]["imports"] = time.perf_counter() - meter.born
    trainer = build_trainer(case)
    trainer.train()
    trainer.save_model(str(Path(case["cwd"]) / "trained"))
