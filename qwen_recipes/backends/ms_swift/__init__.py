"""ms-swift: one YAML whose keys are the flags of `swift sft`."""

from __future__ import annotations

from qwen_recipes.backends.base import Backend, Output
from qwen_recipes.backends.ms_swift.limits import LIMITS
from qwen_recipes.backends.ms_swift.words import WORDS
from qwen_recipes.backends.plan import Plan
from qwen_recipes.shipped import shipped

VERSION = "4.6.0"
OLDER = ("3.12.6",)


def outputs(plan: Plan) -> list[Output]:
    """The config, what sharding needs, and the launch script."""
    rlhf = plan.objective.type not in ("sft", "pretrain") or plan.objective.kl_weight is not None
    if plan.hardware.megatron:
        config = Output("train.yaml", "megatron.yaml.j2", "yaml", config=True, dialect="megatron")
        return [config, Output("run.sh", "run.sh.j2", "shell")]
    config = Output("train.yaml", "train.yaml.j2", "yaml", config=True, dialect="rlhf" if rlhf else "")
    files = [config, Output("run.sh", "run.sh.j2", "shell")]
    if plan.hardware.deepspeed:
        files.append(Output("deepspeed.json", "deepspeed.json.j2", "json"))
    elif plan.hardware.strategy == "fsdp":
        files.append(Output("fsdp.json", "fsdp.json.j2", "json"))
    return files


def row_shape(plan: Plan) -> str:
    """Turns of the official text; in pairs the better answer ends the conversation and the worse stands beside it."""
    if plan.chat.exact:
        return "tokenized-text"
    if plan.objective.kl_weight is not None:
        return "messages"
    kinds = {"sft": "turns", "pretrain": "text", "kto": "labelled", "grpo": "prompt"}
    return "rejected" if plan.objective.pairs else kinds.get(plan.objective.type, "messages")


BACKEND = Backend(
    name="ms-swift",
    title="ms-swift",
    version=VERSION,
    package="ms_swift",
    distribution="ms-swift",
    templates=shipped("templates") / "ms_swift",
    schema_file=shipped("schemas") / "backends" / f"ms-swift-{VERSION}.schema.json",
    words=WORDS,
    outputs=outputs,
    resume="--resume_from_checkpoint={}",
    limits=LIMITS,
    older=OLDER,
    row_shape=row_shape,
    own_tokens=lambda plan: plan.objective.type == "sft" and not plan.chat.official,
)
