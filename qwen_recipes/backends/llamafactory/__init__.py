"""LLaMA-Factory: one YAML and a dataset_info.json, read by `llamafactory-cli train`."""

from __future__ import annotations

from qwen_recipes.backends.base import Backend, Output
from qwen_recipes.backends.llamafactory.limits import LIMITS, RESUME_LIMITS
from qwen_recipes.backends.llamafactory.words import WORDS
from qwen_recipes.backends.plan import Plan
from qwen_recipes.shipped import shipped

VERSION = "0.9.5"
OLDER = ("0.9.4",)


def outputs(plan: Plan) -> list[Output]:
    """The config, the list of data sets, what sharding needs, and the launch script."""
    files = [
        Output("train.yaml", "train.yaml.j2", "yaml", config=True),
        Output("dataset_info.json", "dataset_info.json.j2", "json"),
        Output("run.sh", "run.sh.j2", "shell"),
    ]
    if plan.hardware.deepspeed:
        files.append(Output("deepspeed.json", "deepspeed.json.j2", "json"))
    elif plan.hardware.fsdp:
        files.append(Output("fsdp.yaml", "fsdp.yaml.j2", "yaml"))
    return files


def row_shape(plan: Plan) -> str:
    """Text as a conversation; pairs and labels in its ShareGPT form.

    A Base model's rows stay conversations: its end of turn is set by a template that writes marks itself.
    """
    kind = plan.objective.type
    if plan.chat.exact:
        return "tokenized"
    if kind == "sft":
        return "messages" if plan.chat.template == "base" else "spoken"
    return "pair" if plan.objective.pairs else {"pretrain": "text", "kto": "labelled"}.get(kind, "messages")


BACKEND = Backend(
    name="llamafactory",
    title="LLaMA-Factory",
    version=VERSION,
    package="llamafactory",
    distribution="llamafactory",
    templates=shipped("templates") / "llamafactory",
    schema_file=shipped("schemas") / "backends" / f"llamafactory-{VERSION}.schema.json",
    words=WORDS,
    outputs=outputs,
    resume="resume_from_checkpoint={}",
    resume_limits=RESUME_LIMITS,
    limits=LIMITS,
    older=OLDER,
    row_shape=row_shape,
    own_tokens=lambda plan: plan.objective.type == "sft" and (plan.chat.template == "base" or not plan.chat.official),
)
