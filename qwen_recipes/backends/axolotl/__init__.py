"""Axolotl: one YAML, read by `axolotl train`."""

from __future__ import annotations

from qwen_recipes.backends.axolotl.limits import LIMITS
from qwen_recipes.backends.axolotl.words import WORDS
from qwen_recipes.backends.base import Backend, Output
from qwen_recipes.backends.plan import Plan
from qwen_recipes.shipped import shipped

VERSION = "0.21.0"
OLDER = ("0.16.1",)


def outputs(plan: Plan) -> list[Output]:
    """The config, DeepSpeed's where it shards, and the launch script. FSDP2 stands in the config."""
    files = [Output("train.yaml", "train.yaml.j2", "yaml", config=True), Output("run.sh", "run.sh.j2", "shell")]
    if plan.hardware.deepspeed:
        files.append(Output("deepspeed.json", "deepspeed.json.j2", "json"))
    return files


SHAPES = {
    "pretrain": "text",
    "sft": "segments",
    "dpo": "rendered-pair",
    "simpo": "rendered-pair",
    "orpo": "threads",
    "kto": "rendered-label",
    "reward": "turn",
    "grpo": "rendered-prompt",
    "ppo": "messages",
}


def row_shape(plan: Plan) -> str:
    """Text cut where loss begins and ends; preferences as text, since its own readers drop fields (DPODataset)."""
    if plan.chat.exact:
        return "tokenized"
    if plan.objective.type == "sft" and not plan.chat.official:
        return "last-turn" if plan.chat.train_on == "last-assistant" else "messages"
    return SHAPES[plan.objective.type]


BACKEND = Backend(
    name="axolotl",
    title="Axolotl",
    version=VERSION,
    package="axolotl",
    distribution="axolotl",
    templates=shipped("templates") / "axolotl",
    schema_file=shipped("schemas") / "backends" / f"axolotl-{VERSION}.schema.json",
    words=WORDS,
    outputs=outputs,
    resume="--resume-from-checkpoint={}",
    limits=LIMITS,
    older=OLDER,
    row_shape=row_shape,
    own_tokens=lambda plan: plan.objective.type == "sft" and not plan.chat.official,
)
