"""What is trained for the curves: made rows, one recipe a curve, and the same in each framework's own few words."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from qwen_recipes.backends.trl import trainer_plugin
from research.parity.conversations import SentenceGenerator

PLUGIN = Path(trainer_plugin.__file__)
BACKENDS = ("axolotl", "llamafactory", "ms-swift", "trl")
SEED = 11
CONVERSATIONS, PAIRS = 235, 119
"""29 batches and three examples, twice: 60 steps."""
ADAPTER = {"r": 8, "lora_alpha": 16, "lora_dropout": 0.0, "bias": "none", "task_type": "CAUSAL_LM"}
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
TRAINING = {
    "epochs": 2,
    "sequence_length": 256,
    "packing": False,
    "scheduler": "cosine",
    "warmup_steps": 6,
    "weight_decay": 0.1,
    "max_grad_norm": 1.0,
    "gradient_checkpointing": False,
    "log_every": 1,
    "save_every": "never",
    "seed": 7,
}
SFT = {**TRAINING, "batch_size": 8, "micro_batch_size": 2, "learning_rate": 2e-3}
DPO = {**TRAINING, "batch_size": 4, "micro_batch_size": 2, "learning_rate": 5e-4}


@dataclass(frozen=True)
class CurveRecipe:
    """One recipe of a curve: what it says beside model, rows and hardware."""

    objective: str
    rows: str
    training: Mapping[str, Any]
    adapter: bool = False
    steps: int | None = None
    """In place of two epochs."""

    @property
    def backends(self) -> tuple[str, ...]:
        """Those that can train it: TRL's command line makes a new adapter always."""
        return tuple(name for name in BACKENDS if name != "trl" or not self.adapter)

    def write(self, folder: Path, model: Path, adapter: Path, hardware: Mapping[str, Any] | None = None) -> Path:
        """The recipe's file in a folder of its own, with its rows; on the CPU where no hardware is named."""
        folder.mkdir(parents=True, exist_ok=True)
        training = dict(self.training)
        if self.steps is not None:
            training = {**{k: v for k, v in training.items() if k != "epochs"}, "steps": self.steps}
        lora = {"type": "lora", "rank": ADAPTER["r"], "alpha": ADAPTER["lora_alpha"], "start_from": str(adapter)}
        said = {
            "version": 1,
            "name": "curve",
            "model": str(model),
            "data": {"train": str(write_rows(folder, self.rows))},
            "objective": self.objective,
            "method": lora if self.adapter else "full",
            "training": training,
            "hardware": dict(hardware or {"device": "cpu"}),
        }
        file = folder / "curve.yaml"
        file.write_text(yaml.safe_dump(said, sort_keys=False), "utf-8")
        return file


CURVES = {
    "sft-full": CurveRecipe("sft", "conversations", SFT),
    "sft-adapter": CurveRecipe("sft", "conversations", {**SFT, "learning_rate": 5e-3}, adapter=True),
    "dpo-full": CurveRecipe("dpo", "pairs", DPO),
    "dpo-adapter": CurveRecipe("dpo", "pairs", {**DPO, "learning_rate": 5e-3}, adapter=True),
}


def write_rows(folder: Path, kind: str) -> Path:
    """Made conversations, or pairs of answers, as JSON lines."""
    sentences = SentenceGenerator(SEED)
    rows = [_make_conversation(sentences) for _ in range(CONVERSATIONS)]
    if kind == "pairs":
        rows = [_make_pair(sentences) for _ in range(PAIRS)]
    file = folder / f"{kind}.jsonl"
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return file


def _make_conversation(sentences: SentenceGenerator) -> dict[str, Any]:
    """One to two turns, some after a system message, some with reasoning."""
    turns = []
    if sentences.random.random() < 0.3:
        turns.append({"role": "system", "content": sentences.make_sentence(2, 5)})
    for _ in range(sentences.random.randint(1, 2)):
        turns.append({"role": "user", "content": sentences.make_sentence(2, 6)})
        turns.append({"role": "assistant", "content": sentences.make_sentence(2, 10)})
    if sentences.random.random() < 0.3:
        turns[-1]["content"] = f"<think>\n{sentences.make_sentence(2, 6)}\n</think>\n\n{turns[-1]['content']}"
    return {"messages": turns}


def _make_pair(sentences: SentenceGenerator) -> dict[str, Any]:
    return {
        "prompt": sentences.make_sentence(2, 6),
        "chosen": sentences.make_sentence(2, 10),
        "rejected": sentences.make_sentence(2, 10),
    }


IN_ORDER: dict[str, dict[str, Any]] = {
    "axolotl": {"shuffle_merged_datasets": False, "curriculum_sampling": True},
    "llamafactory": {"disable_shuffling": True},
    "ms-swift": {"dataset_shuffle": False, "train_dataloader_shuffle": False},
    "trl": {"train_sampling_strategy": "sequential"},
}
"""Keys by which a framework draws examples in the order of the file. Axolotl's preference trainers know none: there
`framework_side` puts a sequential sampler in the place of the random one."""

OWN_WORDS: dict[str, dict[str, Any]] = {
    "axolotl": {
        "base_model": "MODEL",
        "datasets": [{"path": "ROWS", "ds_type": "json", "type": "chat_template"}],
        "adapter": "lora",
        "lora_r": 8,
        "lora_target_linear": True,
        "lora_alpha": 16,
        "micro_batch_size": 2,
        "gradient_accumulation_steps": 4,
        "num_epochs": 2,
        "max_steps": 60,
        "learning_rate": 5e-3,
        "output_dir": "OUT",
        "logging_steps": 1,
        "bf16": False,
        "lora_mlp_kernel": False,
        "lora_qkv_kernel": False,
        "lora_o_kernel": False,
    },
    "llamafactory": {
        "model_name_or_path": "MODEL",
        "stage": "sft",
        "do_train": True,
        "finetuning_type": "lora",
        "lora_rank": 8,
        "dataset_dir": "FOLDER",
        "dataset": "rows",
        "template": "qwen3",
        "per_device_train_batch_size": 2,
        "gradient_accumulation_steps": 4,
        "max_steps": 60,
        "learning_rate": 5e-3,
        "output_dir": "OUT",
        "logging_steps": 1,
        "use_cpu": True,
    },
    "ms-swift": {
        "model": "MODEL",
        "model_type": "qwen3",
        "check_model": False,
        "template": "qwen3",
        "tuner_type": "lora",
        "lora_rank": 8,
        "dataset": ["ROWS"],
        "per_device_train_batch_size": 2,
        "gradient_accumulation_steps": 4,
        "max_steps": 60,
        "learning_rate": 5e-3,
        "output_dir": "OUT",
        "logging_steps": 1,
        "use_cpu": True,
        "torch_dtype": "float32",
    },
    "trl": {
        "model_name_or_path": "MODEL",
        "datasets": [{"path": "json", "data_files": "ROWS"}],
        "use_peft": True,
        "lora_r": 8,
        "per_device_train_batch_size": 2,
        "gradient_accumulation_steps": 4,
        "max_steps": 60,
        "learning_rate": 5e-3,
        "output_dir": "OUT",
        "logging_steps": 1,
        "use_cpu": True,
        "bf16": False,
    },
}
"""Model, rows, an adapter of rank 8, batch, steps and learning rate: all that a person wrote. Axolotl has no default of
targets and alpha: here all linear layers and 16, as LLaMA-Factory's. The last lines say where
the log goes and that this machine has no GPU."""
COMMANDS = {
    "axolotl": "axolotl train train.yaml --launcher python",
    "llamafactory": "llamafactory-cli train train.yaml",
    "ms-swift": "swift sft train.yaml",
    "trl": "python trainer_plugin.py sft --config train.yaml",
}
"""`trl sft` in one process: without options our plugin runs its script as it is."""
DATASET_INFO = {
    "rows": {
        "file_name": "ROWS",
        "formatting": "sharegpt",
        "columns": {"messages": "messages"},
        "tags": {
            "role_tag": "role",
            "content_tag": "content",
            "user_tag": "user",
            "assistant_tag": "assistant",
            "system_tag": "system",
        },
    }
}


def write_own_words(backend: str, folder: Path, model: Path) -> Path:
    """A framework's own config, short as people write it, with the command that starts it. Returns train.yaml."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = write_rows(folder, "conversations")
    places = {"MODEL": str(model), "ROWS": str(rows), "FOLDER": str(folder), "OUT": str(folder / "out")}
    text = yaml.safe_dump(OWN_WORDS[backend], sort_keys=False)
    info = json.dumps(DATASET_INFO)
    for name, place in places.items():
        text, info = text.replace(name, place), info.replace(name, place)
    (folder / "train.yaml").write_text(text, "utf-8")
    (folder / "dataset_info.json").write_text(info, "utf-8")
    if backend == "trl":
        shutil.copy(PLUGIN, folder)
    (folder / "run.sh").write_text(f"exec {COMMANDS[backend]}\n", "utf-8")
    return folder / "train.yaml"
