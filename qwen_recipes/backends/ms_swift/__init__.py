"""ms-swift: one YAML whose keys are the flags of `swift sft`."""

from __future__ import annotations

from qwen_recipes.backends.base import Backend, Output
from qwen_recipes.backends.ms_swift.limits import LIMITS
from qwen_recipes.backends.ms_swift.words import WORDS
from qwen_recipes.backends.plan import Plan
from qwen_recipes.shipped import shipped

VERSION = "4.6.0"


def outputs(plan: Plan) -> list[Output]:
    """The config, what sharding needs, and the launch script."""
    files = [Output("train.yaml", "train.yaml.j2", "yaml", config=True), Output("run.sh", "run.sh.j2", "shell")]
    if plan.hardware.strategy in ("zero2", "zero3"):
        files.append(Output("deepspeed.json", "deepspeed.json.j2", "json"))
    elif plan.hardware.strategy == "fsdp":
        files.append(Output("fsdp.json", "fsdp.json.j2", "json"))
    return files


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
    limits=LIMITS,
)
