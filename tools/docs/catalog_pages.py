"""docs/reference: models, GPUs, exit codes."""

from __future__ import annotations

import json
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from qwen_recipes.cli import main as recipes
from qwen_recipes.cli.options_and_exits import ExitCode
from qwen_recipes.gpus.catalogue import load_gpus
from qwen_recipes.gpus.gpu_model import GpuModel
from qwen_recipes.gpus.mig import list_profiles
from qwen_recipes.qwen.registry import REGISTRY
from qwen_recipes.sizes import GIB

EXIT_CODES = {
    ExitCode.SUCCESS: ("success", "Warnings and advice may have been printed."),
    ExitCode.INVALID_INPUT: (
        "invalid recipe or data",
        "A schema error, a guard of severity error, a setting that the framework does not support, files that differ "
        "under `--check` or `--locked`, tokens that differ in `verify`, examples with errors in `data check`.",
    ),
    ExitCode.USAGE: (
        "usage, missing file or no permission",
        "A wrong option or argument, a file that does not exist or may not be read.",
    ),
    ExitCode.DOES_NOT_FIT: ("does not fit the hardware", "`plan` or `run` estimate more memory than the GPU has."),
    ExitCode.ENVIRONMENT: (
        "environment or preflight failure",
        "The framework's environment is missing or out of date, the disk is full, another run uses the folder.",
    ),
    ExitCode.RUN_FAILED: ("the run failed", "Out of memory and killed runs included. `recipes why` names the cause."),
    ExitCode.INTERRUPTED: ("interrupted", "Ctrl-C, SIGTERM or SIGHUP."),
}
METHODS = ("qlora", "lora", "full")
MODEL_SOURCES = Path(__file__).parent / "model_sources.json"
VARIANTS = {
    "hybrid": "answers with or without reasoning, as the prompt asks",
    "base": "pre-trained only; has not learned the chat format",
    "instruct-2507": "never reasons",
    "thinking-2507": "always reasons",
}


def render_exit_codes_page() -> str:
    """Every exit code with its meaning."""
    rows = [f"| {code.value} | {EXIT_CODES[code][0]} | {EXIT_CODES[code][1]} |" for code in ExitCode]
    return (
        "# Exit codes\n\nThe exit codes of `recipes` are a stable interface for scripts and CI.\n\n"
        "| code | meaning | examples |\n|---|---|---|\n" + "\n".join(rows) + "\n"
    )


def render_gpus_page() -> str:
    """Every GPU that `hardware.gpu` may name."""
    head = (
        "# GPUs\n\n`hardware.gpu` and `recipes plan --gpu` accept these names, and the other spellings that "
        "nvidia-smi, clouds and people use: `NVIDIA GeForce RTX 4090`, `RTX4090` and `4090` are `rtx-4090`, "
        "`NVIDIA A100-SXM4-40GB` is `a100-40gb`. Of a GPU that is sold with several sizes of memory, the name without "
        "a size is the first in this list: `a100` is `a100-40gb`; `gpu: {name: a100, memory: 80 GiB}` is the other. "
        "Where a recipe names no GPU, the one of this machine is used; without one, 24 GiB are assumed.\n\n"
        "A GPU that is not listed is stated: `gpu: {memory: 48 GiB, bf16: true}`. Time is not estimated for it.\n\n"
        "A MIG slice is named as nvidia-smi does, after its GPU: `H100 MIG 3g.40gb`. Its bandwidth and rate are its "
        "share of the GPU's.\n\n"
        "The environments that `recipes env create` builds run on x86-64 hosts with NVIDIA GPUs from Turing "
        "(compute capability 7.5) on. The others need a framework of your own and `run: {environment: current}` "
        "([QR604](../guards/QR604.md)). Jetson is not listed: it was not tried.\n\n"
        "Bandwidth and bf16 rate (dense, float32 accumulation) are the makers'. Before Ampere "
        "(compute capability 8.0) there is no bf16, and the rate is that of fp16.\n\n"
        "| `hardware.gpu` | memory | compute capability | bf16 | bandwidth | rate | MIG | managed environment "
        "| source |\n"
        "|---|---|---|---|---|---|---|---|---|\n"
    )
    return head + "\n".join(_render_gpu(gpu) for gpu in load_gpus().values()) + "\n"


def _render_gpu(g: GpuModel) -> str:
    return (
        f"| `{g.name}` | {g.memory} GiB | {g.capability or g.maker.upper()} | {'yes' if g.supports_bf16 else 'no'} "
        f"| {g.bandwidth:,.0f} GB/s | {g.bf16_tflops:,.0f} TFLOPS | {', '.join(list_profiles(g))} "
        f"| {'no' if g.outside_cuda_wheels else 'yes'} | {g.source} |"
    )


def render_models_page() -> str:
    """Every released model, with the memory of three methods."""
    variants = "\n".join(f"- `{name}`: {words}" for name, words in VARIANTS.items())
    head = (
        "# Models\n\nThe models that `model` may name on the hub. A local folder with the `config.json` of a Qwen3 "
        "model is accepted as well. Each model belongs to a variant, which has its own official chat template:\n\n"
        f"{variants}\n\n"
        "The last columns are the peak memory of one GPU that `recipes plan` estimates for SFT with 2,048 tokens, a "
        "micro-batch of one and gradient checkpointing. How good the estimates are: "
        "[memory estimates](../research/memory-estimates.md).\n\n"
        "| model | variant | parameters | layers | max positions | qlora | lora | full |\n"
        "|---|---|---|---|---|---|---|---|\n"
    )
    rows = []
    for facts in REGISTRY.values():
        estimates = {method: _estimate(facts.id, method) for method in METHODS}
        memory = " | ".join(f"{estimates[m]['memory_bytes']['peak'] / GIB:,.0f} GiB" for m in METHODS)
        parameters = _format_count(estimates["full"]["trainable_parameters"])
        rows.append(
            f"| `{facts.id}` | {facts.variant} | {parameters} | {facts.layers} | {facts.max_positions:,} | {memory} |"
        )
    return head + "\n".join(rows) + "\n" + _render_model_sources()


def _render_model_sources() -> str:
    """Sources of models that `tools.model_sources` tried."""
    tried = json.loads(MODEL_SOURCES.read_text("utf-8"))
    commands = list(tried[0]["exit_codes"])
    head = (
        "\n## Where a model can come from\n\n"
        "A model is looked for in this order: a folder, the releases above, the hub's local cache, what `like` names, "
        "and the output folder of a recipe beside this one. The table was made by running the commands on each source "
        f"(`python -m tools.model_sources`, {len(tried)} sources, without network). A number is the exit code: 0 is "
        "success, 1 an invalid recipe, 2 a model that could not be downloaded.\n\n"
        f"| `model` | what it is | found in | {' | '.join(commands)} | message |\n{'|---' * (len(commands) + 4)}|\n"
    )
    return head + "\n".join(_render_source(one) for one in tried) + "\n"


def _render_source(tried: dict[str, Any]) -> str:
    codes = " | ".join(str(code) for code in tried["exit_codes"].values())
    message = tried["message"].replace("|", "\\|")
    return (
        f"| `{tried['model']}` | {tried['what']} | {tried['where']} | {codes} | {f'`{message}`' if message else ''} |"
    )


@cache
def _estimate(model: str, method: str) -> dict[str, Any]:
    """What `recipes plan --format json` says of a model and method on one H200."""
    recipe = f"version: 1\nmodel: {model}\ndata: {{train: data.jsonl}}\nmethod: {method}\n"
    recipe += "training: {sequence_length: 2048, batch_size: 16, micro_batch_size: 1, gradient_checkpointing: true}\n"
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            Path("recipe.yaml").write_text(recipe, "utf-8")
            words = ["plan", "recipe.yaml", "--backend", "llamafactory", "--gpu", "h200", "--format", "json"]
            printed = CliRunner().invoke(recipes, words).stdout
        finally:
            os.chdir(before)
    found: dict[str, Any] = json.loads(printed)[0]
    return found


def _format_count(parameters: int) -> str:
    return f"{parameters / 1e9:.1f} B" if parameters < 1e11 else f"{parameters / 1e9:.0f} B"
