"""Hardware, output, tracking, the run, and what a plan says of itself."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from qwen_recipes.verify.trainer_comparison.check import Case, Leaf, Look, NotSeen, Seen, SeenLeaf, UnseenLeaf

ONE_PROCESS = "the probe is one process on a CPU; sharding needs GPUs"
SHARDED = "research/measurements (docs: strategies), tests/conformance/test_parsers.py"
OF_THE_PLAN = "it is about the plan, and no framework receives it"
OUR_MODULES = ("trainer_plugin",)
"""Plugins that lie beside a compiled config."""


def look_at_backend(case: Case) -> Seen | NotSeen:
    """The package that the trainer's class comes from; a plugin of ours may derive it."""
    found = case.section("trainer")
    planned = case.verification.top_module or case.plan.backend
    packages = [name.partition(".")[0] for name in (found["class"], *found.get("bases", ()))]
    return Seen(planned, next((name for name in packages if name not in OUR_MODULES), None))


def look_at_output(case: Case) -> Seen | NotSeen:
    """The folder that checkpoints go to."""
    seen, planned = PurePath(case.arguments["output_dir"]), PurePath(case.plan.output.dir)
    ends_with = seen.parts[-len(planned.parts) :] == planned.parts
    return Seen(str(planned), str(planned if ends_with else seen))


def look_at_hub(case: Case) -> Seen | NotSeen:
    """The repository that is pushed to."""
    return Seen(case.plan.output.hub, case.arguments.get("hub_model_id"))


def look_at_hub_private(case: Case) -> Seen | NotSeen:
    """Whether that repository is private."""
    if case.plan.output.hub is None:
        return NotSeen("nothing is pushed")
    return Seen(case.plan.output.hub_private, case.arguments.get("hub_private_repo"))


def look_at_tracker(case: Case) -> Seen | NotSeen:
    """The integrations that are reported to."""
    planned, found = case.plan.tracking.to, case.arguments.get("report_to") or []
    names: list[Any] = [found] if isinstance(found, str) else list(found)
    if planned == "swanlab":
        names += ["swanlab" for one in case.section("callbacks") if "swanlab" in one["class"].lower()]
    return Seen([] if planned == "none" else [planned], [name for name in dict.fromkeys(names) if name != "none"])


def look_at_name(field: str) -> Look:
    """A look at the name that a tracker files the run under."""

    def look(case: Case) -> Seen | NotSeen:
        tracking = case.plan.tracking
        if tracking.to == "none":
            return NotSeen("nothing is tracked")
        if field == "project":
            return NotSeen("a variable or the tracker's own settings hold the project")
        if tracking.to == "tensorboard":
            return NotSeen("TensorBoard names a run by its folder")
        return Seen(tracking.run_name, case.arguments.get("run_name"))

    return look


def look_at_device(case: Case) -> Seen | NotSeen:
    """The CPU, where the plan says so."""
    if case.plan.hardware.device != "cpu":
        return NotSeen("the probe has no GPU")
    return Seen("cpu", "cpu", "the probe has no other device")


HARDWARE: dict[str, Leaf] = {
    "hardware.device": SeenLeaf("the probe's own device", look_at_device),
    "hardware.gpu": UnseenLeaf("the estimate reads it; no framework receives it", "tests/unit/estimate"),
    **{
        f"hardware.{name}": UnseenLeaf(ONE_PROCESS, SHARDED)
        for name in (
            *("gpus", "nodes", "strategy", "offload"),
            *("tensor_parallel", "context_parallel", "pipeline_parallel", "expert_parallel"),
        )
    },
}
OUTPUT: dict[str, Leaf] = {
    "output.dir": SeenLeaf("arguments.output_dir", look_at_output),
    "output.hub": SeenLeaf("arguments.hub_model_id", look_at_hub),
    "output.hub_private": SeenLeaf("arguments.hub_private_repo", look_at_hub_private),
    "tracking.to": SeenLeaf("arguments.report_to", look_at_tracker),
    "tracking.project": UnseenLeaf(
        "a variable or the tracker's own settings hold it", "tests/golden, tests/conformance/test_parsers.py"
    ),
    "tracking.run_name": SeenLeaf("arguments.run_name", look_at_name("run_name")),
    "run.environment": UnseenLeaf("the launcher reads it, before a framework starts", "tests/unit/environments"),
}
PLAN: dict[str, Leaf] = {
    "name": UnseenLeaf("files and folders have it; no trainer receives it", "tests/golden"),
    "recipe_hash": UnseenLeaf(OF_THE_PLAN, "tests/unit/resolve"),
    "backend": SeenLeaf("the package of the trainer's class", look_at_backend),
    "backend_version": UnseenLeaf("the locked environment has it", "tests/unit/environments"),
    "set_fields": UnseenLeaf(OF_THE_PLAN, "tests/unit/compile"),
    "reasons": UnseenLeaf(OF_THE_PLAN, "tests/unit/resolve"),
    "allow": UnseenLeaf(OF_THE_PLAN, "tests/guards"),
    "extra": UnseenLeaf(
        "keys of the framework's own: its parser is held to them; what they change shows at the field they stand for",
        "tests/conformance/test_parsers.py",
    ),
    "base": UnseenLeaf("a path between folders of the compiled recipe", "tests/golden"),
}
