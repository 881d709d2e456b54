"""A backend for qwen-recipes: LoRA with transformers and PEFT."""

from __future__ import annotations

from pathlib import Path

from qwen_recipes.backends import Backend, OutputFile, Plan, UnsupportedSetting

FOLDER = Path(__file__).parent


def list_output_files(plan: Plan) -> list[OutputFile]:
    """The config that `trainer_plugin.py` reads, and the script that starts it."""
    return [
        OutputFile("train.yaml", "train.yaml.j2", "yaml", config=True),
        OutputFile("run.sh", "run.sh.j2", "shell"),
    ]


UNSUPPORTED_SETTINGS = (
    UnsupportedSetting("objective.type", lambda plan: plan.objective.type != "sft", "it trains by SFT only"),
    UnsupportedSetting("method.type", lambda plan: not plan.method.adapter, "it trains adapters only"),
    UnsupportedSetting("method.variant", lambda plan: plan.method.variant != "plain", "it trains plain LoRA only"),
    UnsupportedSetting("quantization.bits", lambda plan: plan.quantization.bits != 16, "it does not quantize the base"),
    UnsupportedSetting("training.packing", lambda plan: plan.training.packing, "it does not pack"),
    UnsupportedSetting("hardware.gpus", lambda plan: plan.hardware.world > 1, "it trains in one process"),
    UnsupportedSetting("data.validation", lambda plan: plan.data.validates, "it does not evaluate"),
    UnsupportedSetting("data.streaming", lambda plan: plan.data.streaming, "it reads all examples first"),
    UnsupportedSetting(
        "training.optimizer",
        lambda plan: plan.training.optimizer not in ("adamw_torch", "adamw_torch_fused"),
        "it trains with AdamW only",
    ),
)

BACKEND = Backend(
    name="peft",
    title="PEFT",
    version="0.18.1",
    folder=FOLDER,
    distribution="peft",
    templates=FOLDER / "templates",
    schema_file=FOLDER / "train.schema.json",
    native_values={
        "counted": {"steps": "max_steps", "warmup_steps": "warmup_steps", "warmup_ratio": "warmup_ratio"},
        "save_every": {"epoch": "epoch", "never": "no"},
    },
    list_output_files=list_output_files,
    uses_trainer_plugin=lambda plan: True,
    choose_row_shape=lambda plan: "tokenized",
    tokenizes_differently=lambda plan: True,
    resume_argument="--resume={}",
    unsupported_settings=UNSUPPORTED_SETTINGS,
)
