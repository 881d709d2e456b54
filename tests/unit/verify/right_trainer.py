"""The observation of a trainer at which all stands as a small recipe says: tests change it, one value at a time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from qwen_recipes.backends import load_backend
from qwen_recipes.backends.plan import Plan
from qwen_recipes.data.encoder import EncodedRow, build_encoder
from qwen_recipes.recipe.load import load_recipe
from qwen_recipes.resolve import resolve

RECIPE = """\
version: 1
name: right
model: Qwen/Qwen3-0.6B
data: {train: rows.jsonl}
method: {type: lora, rank: 4, alpha: 8, dropout: 0.1, targets: [q_proj], layers: 1, lora_plus: 4}
training: {steps: 8, warmup_steps: 2, batch_size: 4, micro_batch_size: 2, sequence_length: 256, learning_rate: 1e-4,
  scheduler: linear, optimizer: adamw_torch, precision: fp32, neftune: 5.0, gradient_checkpointing: false,
  save_every: 4}
hardware: {device: cpu}
allow: {QR201: "a test"}
"""
ANSWERS = ("Yes.", "No, never.", "Perhaps.", "Ask again.")
TURN_END, END_OF_TEXT = 151_645, 151_643
LAYER = "base_model.model.model.layers.27.self_attn.q_proj"
A, B = f"{LAYER}.lora_A.default.weight", f"{LAYER}.lora_B.default.weight"


def make_plan(folder: Path, recipe: str = RECIPE) -> Plan:
    """The plan of a recipe in `folder`, for ms-swift, with rows beside it."""
    lines = [
        {"messages": [{"role": "user", "content": "Well?"}, {"role": "assistant", "content": answer}]}
        for answer in ANSWERS
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    (folder / "right.yaml").write_text(recipe, "utf-8")
    return resolve(load_recipe(str(folder / "right.yaml")), load_backend("ms-swift"))


def encode_answers(plan: Plan, folder: Path) -> list[EncodedRow]:
    """Our own rows of `make_plan`'s data."""
    rows = [json.loads(line) for line in (folder / "rows.jsonl").read_text("utf-8").splitlines()]
    return build_encoder(plan, folder).encode(rows)


def make_batch(rows: list[EncodedRow]) -> dict[str, Any]:
    """A padded batch as the probe writes it."""
    width = max(len(row.ids) for row in rows)
    gaps = [width - len(row.ids) for row in rows]
    pairs = list(zip(rows, gaps, strict=True))
    values = {
        "input_ids": [row.ids + [END_OF_TEXT] * gap for row, gap in pairs],
        "labels": [row.labels + [-100] * gap for row, gap in pairs],
        "attention_mask": [[1] * len(row.ids) + [0] * gap for row, gap in pairs],
    }
    return {"values": values}


def make_observation(plan: Plan, folder: Path) -> dict[str, Any]:
    """What the probe sees where all is as `RECIPE` says."""
    rows = encode_answers(plan, folder)
    ids = {"eos_token_id": TURN_END, "pad_token_id": END_OF_TEXT}
    group = {"betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": plan.training.weight_decay}
    return {
        "trainer": {"class": "swift.trainers.seq2seq_trainer.Seq2SeqTrainer", "settings": {}, "rewards": None},
        "arguments": {
            **{"max_grad_norm": 1.0, "seed": 42, "bf16": False, "fp16": False, "torch_compile": False},
            **{"eval_strategy": "no", "save_strategy": "steps", "save_total_limit": plan.training.keep_checkpoints},
            **{"output_dir": str(folder / plan.output.dir), "report_to": ["none"], "label_smoothing_factor": 0.0},
        },
        "callbacks": [],
        "steps": {
            **{"total": 8, "warmup": 2, "batches_per_epoch": 2, "examples": 4, "evaluated_examples": None},
            **{"accumulation": 2, "micro_batch": 2, "log_every": plan.training.log_every, "save_every": 4},
        },
        "optimizer": {
            **{"class": "torch.optim.adamw.AdamW", "settings": {}, "in_none": [], "in_several": [], "frozen": []},
            "groups": [
                {"options": {**group, "initial_lr": 1e-4}, "names": [A]},
                {"options": {**group, "initial_lr": 4e-4}, "names": [B]},
            ],
        },
        "scheduler": {
            "base": [1e-4, 4e-4],
            "rates": {"0": [0.0, 0.0], "2": [1e-4, 4e-4], "5": [5e-5, 2e-4]},
        },
        "weights": {
            "trainable": {
                A: {"shape": [4, 1024], "dtype": "float32"},
                B: {"shape": [2048, 4], "dtype": "float32"},
            },
            **{"frozen_dtypes": {"float32": 310}, "base": None, "quantization": None},
        },
        "adapters": {
            "by_name": {
                "default": {
                    "config": {"lora_alpha": 8, "use_dora": False, "init_lora_weights": True},
                    **{"scaling": [2.0], "trainable": True, "magnitude": None},
                    "A": {"absolute_sum": 3.5, "sha256": "a"},
                    "B": {"absolute_sum": 0.0, "sha256": "b"},
                }
            }
        },
        "reference": {"kind": "none"},
        "modules": {
            "dropout": {"adapter": {"0.1": 1}, "own": {}, "attention": {"0.0": 28}},
            **{"neftune": {"alpha": 5.0}, "checkpointing": {"modules": {}, "options": None}},
            "config": {"_attn_implementation": plan.training.attention, "tie_word_embeddings": True},
            **{"loss": "transformers.loss", "patched": {}, "compiled": False},
        },
        "tokens": {
            **{
                "config": ids,
                "generation_config": {"eos_token_id": [TURN_END, END_OF_TEXT], "pad_token_id": END_OF_TEXT},
            },
            "tokenizer": {**ids, "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"},
            "chat_template": _read_template(plan),
        },
        "batches": {
            "items": sum(label != -100 for row in rows for label in row.labels[1:]),
            "micro_batches": [make_batch(rows[:2]), make_batch(rows[2:])],
        },
        "evaluation": None,
        "problems": {},
    }


def _read_template(plan: Plan) -> str:
    from qwen_recipes.qwen.chat_templates import read_template

    return read_template(plan.chat.template)
