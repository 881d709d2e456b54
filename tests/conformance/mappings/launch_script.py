"""What run.sh starts, and with which variables: the programs in place of the framework's only write it down."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from qwen_recipes.backends.plan import Plan

from .corpus import MappingCase

PROGRAMS = ("axolotl", "llamafactory-cli", "swift", "megatron", "accelerate", "python")
_RECORDER = """#!{python} -S
import json, os, sys
with open({log!r}, "a") as log:
    log.write(json.dumps([os.path.basename(sys.argv[0]), sys.argv[1:], os.getcwd(), dict(os.environ)]) + "\\n")
if sys.argv[2:3] == ["adapter"]:
    print({adapter!r})
"""
ADAPTER = "the/downloaded/adapter"
GIVEN_GPUS = ",".join(f"g{number}" for number in range(16))
OWN_TEMPLATE = "the recipe's own\n"
NODE = {"NODE_RANK": "1", "MASTER_ADDR": "host0"}

Launch = tuple[list[str], str, dict[str, str]]
"""The command, where it was started, and its variables."""


def find_launch_difference(case: MappingCase, script: Path, folder: Path) -> str | None:
    """What is started otherwise than the plan says, in words; None where all is as planned."""
    rows = case.rows / "prepared"
    for given in (None, GIVEN_GPUS):
        rows.mkdir(parents=True, exist_ok=True)
        if problem := _compare(case, run_script(script, folder, given), given):
            return problem
        if case.backend.name == "axolotl" and rows.exists():
            return "run.sh: Axolotl's cache of tokenized rows is still there"
    return find_template_difference(case, script, folder)


def find_template_difference(case: MappingCase, script: Path, folder: Path) -> str | None:
    """Whether a model that LLaMA-Factory saved gets the recipe's own chat template, and only a saved one does."""
    plan = case.made.plan
    if case.backend.name != "llamafactory" or plan.chat.official or not plan.objective.chat:
        return None
    saved, served = case.rows.parent / "tokenizer_config.json", case.rows.parent / "chat_template.jinja"
    (case.rows / served.name).write_text(OWN_TEMPLATE, "utf-8")
    for is_saved in (False, True):
        saved.unlink(missing_ok=True)
        served.unlink(missing_ok=True)
        if is_saved:
            saved.write_text("{}", "utf-8")
        run_script(script, folder, None)
        if served.is_file() != is_saved or (is_saved and served.read_text("utf-8") != OWN_TEMPLATE):
            return "run.sh: a saved model, and only a saved one, gets the recipe's chat template"
    return None


def run_script(script: Path, folder: Path, gpus: str | None) -> list[Launch]:
    """The programs that a script starts, in order."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "launches.jsonl"
    log.unlink(missing_ok=True)
    for name in PROGRAMS:
        (folder / name).write_text(_RECORDER.format(python=sys.executable, log=str(log), adapter=ADAPTER), "utf-8")
        (folder / name).chmod(0o755)
    kept = {key: os.environ[key] for key in ("HOME", "LANG") if key in os.environ}
    env = {**kept, **NODE, "PATH": f"{folder}:/usr/bin:/bin", **({"CUDA_VISIBLE_DEVICES": gpus} if gpus else {})}
    subprocess.run(["bash", str(script), "--more"], env=env, capture_output=True, text=True, check=False, timeout=60)
    lines = log.read_text("utf-8").splitlines() if log.exists() else []
    return [([program, *args], cwd, variables) for program, args, cwd, variables in map(json.loads, lines)]


def _compare(case: MappingCase, launches: list[Launch], given: str | None) -> str | None:
    plan = case.made.plan
    download = expect_download(case)
    if [command for command, _, _ in launches[: len(download)]] != download:
        return f"run.sh starts {[command for command, _, _ in launches]}, and not first {download}"
    launches = launches[len(download) :]
    first = expect_import(case)
    if [command for command, _, _ in launches[1:-1]] != first or len(launches) < 2:
        return f"run.sh starts {[command for command, _, _ in launches]}"
    (rows, _, rows_variables), (command, cwd, variables) = launches[0], launches[-1]
    wanted: list[tuple[str, object, object]] = [
        ("the row program", rows, ["python", *(f"{case.folder}/{name}" for name in ("rows/__main__.py", "rows.json"))]),
        ("the command", command, _insert_adapter(case, expect_command(case))),
        ("the folder", Path(cwd), case.loaded.folder.resolve()),
        ("ROWS_NODES", rows_variables.get("ROWS_NODES"), str(plan.hardware.nodes) if plan.hardware.nodes > 1 else None),
        *((name, variables.get(name), value) for name, value in expect_variables(case, given).items()),
    ]
    return next((f"run.sh: {what} is {seen!r}, not {told!r}" for what, seen, told in wanted if seen != told), None)


def expect_download(case: MappingCase) -> list[list[str]]:
    """What asks for the folder of an adapter that may be on the hub, at its revision."""
    method = case.made.plan.method
    if not _may_download_adapter(case.made.plan):
        return []
    revision = [method.start_from_revision] if method.start_from_revision else []
    return [["python", f"{case.folder}/rows/__main__.py", "adapter", str(method.start_from), *revision]]


def _may_download_adapter(plan: Plan) -> bool:
    start = plan.method.start_from or ""
    return plan.model.source is None and start.count("/") == 1 and not start.startswith((".", "/"))


def _insert_adapter(case: MappingCase, command: list[str]) -> list[str]:
    """The command with the folder of a downloaded adapter, also for the reference, after the script's arguments."""
    if not _may_download_adapter(case.made.plan):
        return command
    objective = case.made.plan.objective
    start = objective.reference == "start"
    compares, teaches = start and objective.compares, start and objective.kl_weight is not None
    options = {
        "axolotl": [["--lora-model-dir", ADAPTER]],
        "ms-swift": [
            ["--adapters", ADAPTER],
            ["--teacher_adapters", ADAPTER] if teaches else ["--ref_adapters", ADAPTER] if compares else [],
        ],
        "llamafactory": [
            [f"adapter_name_or_path={ADAPTER}"],
            [f"ref_model_adapters={ADAPTER}"] if start and objective.type in ("dpo", "kto") else [],
        ],
    }
    place = command.index("--more") + 1
    return [*command[:place], *(word for words in options[case.backend.name] for word in words), *command[place:]]


def expect_import(case: MappingCase) -> list[list[str]]:
    """What Axolotl's run.sh imports before it starts: the plugins beside the config."""
    plan, backend = case.made.plan, case.backend
    if backend.name != "axolotl":
        return []
    names = ["weights_dtype"] if backend.choose_weights_cast(plan) else []
    names += ["trainer_plugin"] if backend.uses_trainer_plugin(plan) else []
    names += ["axolotl_preferences"] if backend.choose_row_shape(plan) in ("pair-ids", "label-ids") else []
    return [["python", "-c", f"import {', '.join(names)}"]] if names else []


def expect_command(case: MappingCase) -> list[str]:
    """The framework's own command line for a plan."""
    plan, config = case.made.plan, f"{case.made.plan.output.dir}/rows/train.yaml"
    nodes, gpus = str(plan.hardware.nodes), str(plan.hardware.gpus)
    apart = plan.hardware.nodes > 1
    if case.backend.name == "axolotl":
        launcher = "python" if plan.hardware.strategy == "single" else "torchrun"
        command = ["axolotl", "train", config, "--launcher", launcher, "--more"]
        if launcher == "torchrun":
            command += ["--", "--nnodes", nodes, "--nproc_per_node", gpus]
            rank = ["--node_rank", "1", "--master_addr", "host0", "--master_port", "29500"]
            command += rank if apart else []
        return command
    if case.backend.name == "ms-swift":
        return [*expect_swift_command(case), config, "--more"]
    if case.backend.name == "trl":
        return [*expect_trl_command(case), "--config", config, "--more"]
    if plan.hardware.fsdp:
        rank = ["--machine_rank", "1", "--main_process_ip", "host0", "--main_process_port", "29500"] if apart else []
        settings = ["accelerate", "launch", "--config_file", f"{case.folder}/fsdp.yaml"]
        return [*settings, *rank, "-m", "llamafactory.launcher", config, "--more"]
    return ["llamafactory-cli", "train", config, "--more"]


def expect_trl_command(case: MappingCase) -> list[str]:
    """The plugin, which runs a script of TRL's, in one process or by accelerate."""
    plan = case.made.plan
    apart = plan.hardware.nodes > 1
    rank = ["--machine_rank", "1", "--main_process_ip", "host0", "--main_process_port", "29500"] if apart else []
    launcher = ["accelerate", "launch", "--config_file", f"{case.folder}/accelerate.yaml", *rank]
    command = ["python"] if plan.hardware.strategy == "single" else launcher
    method = "sft" if plan.objective.type == "pretrain" else plan.objective.type
    cast = case.backend.choose_weights_cast(plan)
    command += [f"{case.folder}/trainer_plugin.py", method, *(["--weights_dtype", cast] if cast else [])]
    patience = plan.training.early_stopping
    return [*command, *(["--early_stopping", str(patience)] if patience is not None else [])]


def expect_swift_command(case: MappingCase) -> list[str]:
    """`swift` or `megatron`, and the subcommand of an objective."""
    plan = case.made.plan
    word = {"sft": "sft", "pretrain": "pt"}.get(plan.objective.type, "rlhf")
    word = "rlhf" if plan.objective.kl_weight is not None else word
    flag = [] if case.backend.is_at_least("4.1") or plan.hardware.megatron else ["--config"]
    return ["megatron" if plan.hardware.megatron else "swift", word, *flag]


def expect_variables(case: MappingCase, given: str | None) -> dict[str, str | None]:
    """Environment variables that the framework reads; None where one must not be set."""
    plan = case.made.plan
    gpus = given.split(",") if given else [str(number) for number in range(plan.hardware.gpus)]
    seen = "" if plan.hardware.device == "cpu" else ",".join(gpus[: plan.hardware.gpus])
    found: dict[str, str | None] = {"CUDA_VISIBLE_DEVICES": seen, "HF_HUB_OFFLINE": "1" if _is_offline(plan) else None}
    if case.backend.name != "axolotl":
        found["WANDB_PROJECT"] = plan.tracking.project if plan.tracking.to == "wandb" else None
        found["MLFLOW_EXPERIMENT_NAME"] = plan.tracking.project if plan.tracking.to == "mlflow" else None
        by_accelerate = case.backend.name == "trl" or (case.backend.name == "llamafactory" and plan.hardware.fsdp)
        spread = plan.hardware.strategy != "single" and not by_accelerate
        found["NNODES"] = str(plan.hardware.nodes) if spread else None
        found["NPROC_PER_NODE"] = str(plan.hardware.gpus) if spread else None
    return found


def _is_offline(plan: Plan) -> bool:
    from_hub = any(source.hub for source in (*plan.data.train, *plan.data.validation))
    return plan.model.local and plan.output.hub is None and not from_hub
