"""docs/research/strategies.md, from what the measurements beside this file left in `results/`.

They are measure_strategies.py, train_compiled_examples.py, compare_official_examples.py and run_on_gpu.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from research.measurements.strategy_cells import CHECKPOINTING, GRID, GRID_MODEL, STRATEGIES, StrategyCell, list_cells

RESULTS = Path(__file__).with_name("results")
Result = dict[str, Any]

INTRO = """\
# Method and strategy, on two GPUs

Written by `tools/generate_docs.py` from `research/measurements/results/`. One launch a cell on two H100 80GB, or two
H200 where that is said (driver 580.159.04, torch 2.11, transformers 5.23, peft 0.21.2, accelerate 1.15, DeepSpeed
0.19.8, bitsandbytes 0.50.2): transformers' Trainer, random weights, 20 steps on one batch of 4 x 512 tokens that can be
learnt.

```sh
PYTHONPATH=. python research/measurements/measure_strategies.py OUT --sites FOLDER --at-once 12 --turns 5
```

"Distance" is the mean difference of the 20 losses from the same method's on one GPU. Adapters are drawn again in each
run, so two runs on one GPU differ too: LoRA with four layers by 0.014, adapters with all 28 layers of the 0.6B by
0.09 to 0.11, full fine-tuning not at all. Memory is the peak that PyTorch allocated on each rank. Speeds of
`0.6B-4layers`, `0.6B` and `moe` were read while up to four other cells trained on the same GPUs: they compare
nothing. The 4B cells trained alone. "Shard" is what a rank holds of all parameters before the first step.
"""


def read_results(name: str) -> list[Result]:
    """A file of results."""
    return [json.loads(line) for line in (RESULTS / name).read_text("utf-8").splitlines()]


def loss_distance(result: Result, baseline: Result | None) -> str:
    """Mean absolute difference of two curves of losses."""
    if not baseline or "losses" not in result or len(result["losses"]) != len(baseline.get("losses", [])):
        return ""
    pairs = zip(result["losses"], baseline["losses"], strict=True)
    return f"{sum(abs(a - b) for a, b in pairs) / len(result['losses']):.3f}"


def describe_outcome(result: Result) -> str:
    """The outcome, or the first line of the error."""
    if "error" not in result:
        empty = result.get("saved", {}).get("tensors") == 0
        return result["outcome"] + (", but no adapter tensor in what was saved" if empty else "")
    error = result["error"].splitlines()[0].replace("|", "/")
    return f"{result['outcome']}: `{error[:150]}`"


def format_mib(result: Result, name: str) -> str:
    """A memory figure of the ranks, MiB."""
    return f"{max(result[name]):,.0f}" if result.get(name) else ""


def format_gpu(result: Result) -> str:
    """The GPU, where it was not an H100."""
    return "H200" if "H200" in result.get("gpu", "") else ""


def format_row(result: Result, results: dict[str, Result]) -> str:
    """One line of a table."""
    cell = StrategyCell(**result["cell"])
    losses = result.get("losses") or []
    single = cell.strategy == "single"
    columns = [
        " ".join(filter(None, (cell.method, cell.storage))),
        cell.strategy,
        cell.checkpointing,
        " ".join(part for part in (cell.stack, cell.option, format_gpu(result)) if part and part != "current"),
        describe_outcome(result),
        f"{losses[0]:.3f} to {losses[-1]:.4g}" if losses else "",
        "" if single else loss_distance(result, results.get(cell.baseline.key)),
        f"{result['moved']:.2f}" if "moved" in result else "",
        format_mib(result, "MiB of parameters"),
        format_mib(result, "MiB peak"),
        f"{result['tokens/s']:,}" if "tokens/s" in result else "",
    ]
    return "| " + " | ".join(columns) + " |"


HEAD = (
    "| method | strategy | checkpointing | versions, option | outcome | loss | distance | weights moved | shard MiB "
    "| peak MiB | tokens/s |\n|---|---|---|---|---|---|---|---|---|---|---|"
)


ABOUT = """\
transformers' Trainer, random weights, 20 steps; each field with non-reentrant / reentrant checkpointing, the first
column with how 4-bit weights are stored. Every cell with its losses and memory, and the examples as compiled, trained
by all three frameworks: [strategies](../research/strategies.md)."""


def load_results() -> dict[str, Result]:
    """By the cell's key; of two runs, the later."""
    return {result["key"]: result for result in read_results("results.jsonl")}


def shorten_outcome(result: Result) -> str:
    """The outcome in two words."""
    words = {"time limit": "too slow", "": "not run"}
    outcome = result.get("outcome", "")
    return "saved empty" if result.get("saved", {}).get("tensors") == 0 else words.get(outcome, outcome)


def render_overview() -> Iterator[str]:
    """Method by strategy on the small model: non-reentrant / reentrant."""
    known = load_results()
    yield "| method | " + " | ".join(STRATEGIES) + " |\n|---|" + "---|" * len(STRATEGIES)
    for method, storage in GRID:
        columns = []
        for strategy in STRATEGIES:
            pair = [
                known.get(StrategyCell(GRID_MODEL, method, strategy, kind, storage).key, {}) for kind in CHECKPOINTING
            ]
            columns.append(" / ".join(shorten_outcome(result) for result in pair))
        yield f"| {method} {storage} | " + " | ".join(columns) + " |"


def render_tables(results: dict[str, Result]) -> Iterator[str]:
    """Every cell that was run, and how many were not."""
    for model, title in (
        (GRID_MODEL, "Qwen3-0.6B's widths, 4 layers"),
        ("4B", "Qwen3-4B, alone on the machine"),
        ("moe", "Qwen3-30B-A3B's widths, 2 layers, 32,768 tokens"),
        ("0.6B", "Qwen3-0.6B, all layers"),
    ):
        found = [result for result in results.values() if result["cell"]["model"] == model]
        yield f"\n## {title}\n\n{HEAD}\n" + "\n".join(format_row(result, results) for result in found)
    missing = [cell.key for cell in list_cells() if cell.key not in results]
    if missing:
        yield f"\n## Not run\n\n{len(missing)} cells of the plan: " + "; ".join(f"`{key}`" for key in missing) + "."


def render_compiled_runs() -> Iterator[str]:
    """The examples for two GPUs, as compiled."""
    yield (
        "\n## The examples, as compiled\n\n`research/measurements/train_compiled_examples.py`: "
        "the model exchanged for 4 layers of the 0.6B, 8 steps on two H200, the three frameworks beside each other, "
        "run.sh started as it is.\n"
    )
    yield "| example | framework | outcome | losses | seconds |\n|---|---|---|---|---|"
    for r in read_results("compiled.jsonl"):
        first, last = (r["losses"] or [""])[0], (r["losses"] or [""])[-1]
        cut = f" after {len(r['losses'])} of 8 steps" if r["outcome"] == "time limit" else ""
        name = f"{r['backend']} {r['versions'][r['backend']]}"
        yield f"| {r['example']} | {name} | {r['outcome']}{cut} | {first} to {last} | {r['seconds']:.0f} |"


def render_official_comparison() -> Iterator[str]:
    """Our recipe against each framework's own example."""
    yield """
## Against the frameworks' own examples

`research/measurements/compare_official_examples.py`: Qwen3-4B's shape, the same rows (up to 1,900 tokens, most under
400), rank and sequences a step on both sides. The examples: LLaMA-Factory's `examples/train_lora/qwen3_lora_sft.yaml`,
the LoRA command of ms-swift's "Qwen3 Best Practices", Axolotl's `examples/qwen3/8b-lora-fused-attn.yaml` without
packing and with PyTorch's attention, since flash-attn was not there. Ours is `method: {type: lora, rank: …}` with all
else left to `recipes`. Lines of one lease were run on one machine; across leases speed compares nothing. One run each,
speed over the last steps (12 of 20 in lease 1, 10 of 14 later).

| lease | GPU | framework | run | micro-batch | tokens/s | peak allocated MiB | peak reserved MiB |
|---|---|---|---|---|---|---|---|"""
    for r in read_results("against_official.jsonl"):
        known = "peak_reserved" in r
        figures = (
            f"{r['tokens_per_second']:,.0f} | {r['peak_allocated'] / 2**20:,.0f} | {r['peak_reserved'] / 2**20:,.0f}"
            if known
            else f"{r['outcome']} | | "
        )
        where = f"{r['lease']} | {r.get('gpu', 'NVIDIA H200').removeprefix('NVIDIA ')} | {r['backend']}"
        yield f"| {where} | {r['run']} | {r['micro_batch'] or 1} | {figures} |"
    yield """
Ours is faster because it takes several sequences at a time where the examples take one: at these lengths a step costs
Python's time for each layer, not the GPU's. In LLaMA-Factory and ms-swift it takes less memory because Liger's loss
never holds all logits. **The memory of Axolotl's rows is wrong**: Axolotl resets PyTorch's peak at every log line, so
a peak that is read at the end is that of the last interval, and it looked as if both allocated the same. With the
resets off (29 November 2026, one H200) the example allocated 10.73 GiB and reserved 13.61, ours 9.35 and 9.65, at 635
against 646 tokens/s. Peaks are since taken by a hook that keeps them before a reset (`trainer_meter.py`). Liger is on
by default since that was measured (lease 1: with `kernels: none` the logits of four sequences took 40 GiB). On rows as
short as these it makes nothing faster."""


def render_gpu_runs() -> Iterator[str]:
    """`recipes run` on a GPU: that it trains, refuses, and recognises what ran out."""
    found = json.loads((RESULTS / "first_run.json").read_text("utf-8"))
    record, gib = found["trains"]["record"], 2**30
    planned, measured, gpu = record["planned"], record["metrics"], record["gpus"][0]["name"]
    refused = next(line for line in found["refused"]["said"].splitlines() if "it does not fit" in line)
    offers = [line.strip() for line in found["runs out"]["said"].splitlines() if line.strip().startswith("--set")]
    yield f"""
## `recipes run` on a GPU

`research/measurements/run_on_gpu.py`: three runs through LLaMA-Factory with random weights, on one {gpu}
of a host with two (`CUDA_VISIBLE_DEVICES=1`) while another process held 60 GiB of the first.

- Qwen3-0.6B, LoRA, 10 steps of 8 x 1,024 tokens: {record["status"]}, exit {found["trains"]["exit"]}. Memory as
  nvidia-smi tells it: {measured["peak_memory"] / gib:.2f} GiB, planned {planned["peak"] / gib:.2f} with
  CUDA's own; {measured["tokens_per_second"]:,.0f} tokens/s, planned {planned["tokens_per_second"]:,.0f}.
- Qwen3-4B, all weights, 4 x 16,384 tokens without fused kernels: exit {found["refused"]["exit"]} before anything
  starts, "{refused.partition("recipes: ")[2]}".
- The same with `allow: {{QR601: …}}`: exit {found["runs out"]["exit"]}, cause `{found["runs out"]["record"]["cause"]}`,
  and what would take less:

```"""
    yield from offers
    yield "```"


def render_resumed_runs() -> Iterator[str]:
    """Runs that went on from a checkpoint against those that were left alone."""
    yield """
## Going on from a checkpoint

`research/measurements/resume_on_two_gpus.py`: `recipes run` on two GPUs (H200), 8 steps; its output as a kill after the
fourth leaves it; `recipes run --resume`. The losses of the last four steps against those of the run that was left
alone. A second run that was left alone had the same losses to the last digit, where there was one. The weights were
random, the losses between 10.9 and 12.2.

| method | strategy | framework | largest difference of a loss |
|---|---|---|---|"""
    for r in sorted(read_results("resumed.jsonl"), key=lambda r: (r["method"], r["strategy"], r["backend"])):
        worst = f"{r['worst']:.3f}" if r["worst"] else "0 (of two decimals)" if "note" in r else "0"
        yield f"| {r['method']} | {r['strategy']} | {r['backend']} | {worst} |"
    yield """
LLaMA-Factory does not bring an adapter back under FSDP: each process holds a share of it, and only the first one's is
written and read (accelerate 1.11; `save_fsdp_model` and `load_fsdp_model` with `adapter_only`). `--resume` refuses it,
and such a run says so when it starts. Axolotl was not tried."""


def render_page() -> str:
    """The whole page."""
    known = load_results()
    parts = [INTRO, "Each field: non-reentrant / reentrant checkpointing.\n", *render_overview()]
    return (
        "\n".join(
            [
                *parts,
                *render_tables(known),
                *render_compiled_runs(),
                *render_official_comparison(),
                *render_gpu_runs(),
                *render_resumed_runs(),
            ]
        )
        + "\n"
    )
