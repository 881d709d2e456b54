# ruff: noqa: E501
"""The part of docs/research/memory-estimates.md about the four trainers. Written by tools/generate_docs.py."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from research.estimates.trainer_results import MEASURED, TrainerCell, load_results, load_trainer_cells
from research.estimates.two_gpu_results import TwoGpuCell, load_two_gpu_cells
from research.measurements.predict_two_gpu_memory import list_cells

GIB = 2**30
HERE = Path(__file__).resolve().parent
BACKENDS = HERE.parents[1] / "qwen_recipes/backends"
TITLES = {"axolotl": "Axolotl", "llamafactory": "LLaMA-Factory", "ms-swift": "ms-swift", "trl": "TRL"}
LOCKED = ("torch", "transformers", "peft", "accelerate", "trl", "bitsandbytes", "liger-kernel")
SETS = ("first", "second", "third", "fourth")
FITS = {"yes": "fits", "close": "may fit", "no": "does not fit"}


@dataclass(frozen=True)
class Judgement:
    """A judged cell: what was said before it was measured, what was measured, and what is said today."""

    cell: TrainerCell
    said: dict[str, Any]
    result: dict[str, Any]

    @property
    def set(self) -> str:
        """`first` to `fourth`: each was drawn after the one before had judged, and had been fitted on."""
        return name_set(self.cell)

    @property
    def trained(self) -> bool:
        """Whether it came to its end."""
        return bool(self.result["outcome"] == "trained")

    @property
    def error(self) -> float:
        """Of the reserved peak, as it was said."""
        return float(self.said["peak"] / self.result["peak_reserved"] - 1)

    @property
    def error_now(self) -> float:
        """Of today's estimate and the last measurement, with an allocator whose segments grow for most cells."""
        return self.cell.estimate.peak / float((self.cell.latest or self.result)["peak_reserved"]) - 1

    @property
    def error_in_use(self) -> float:
        """Of what was in use at the peak, as it was said."""
        return float(self.said["allocated"] / self.result["peak_allocated"] - 1)

    @property
    def is_inside(self) -> bool:
        """Whether the 90% interval holds it, as it was said."""
        return bool(self.said["low"] <= self.result["peak_reserved"] <= self.said["high"])

    @property
    def seconds(self) -> float:
        """Measured, of the whole run; waiting for other cells left out."""
        taken = self.result["seconds"]
        return float(taken["all"] - taken.get("waited", 0.0))

    @property
    def seconds_error(self) -> float:
        """Of the whole run's seconds, as it was said."""
        return float(self.said["seconds"] / self.seconds - 1)

    @property
    def training_error(self) -> float:
        """Of the seconds between the trainer's start and its end, as it was said."""
        return float(self.said["training_seconds"] / self.result["seconds"]["trainer"] - 1)

    @property
    def objective(self) -> str:
        """With the method, as tables name it."""
        return f"{self.cell.plan.objective.type}, {name_method(self.cell)}"


def name_set(cell: TrainerCell) -> str:
    """The set of a judged cell."""
    split = str(cell.cell["split"]).partition("-")[0]
    return split if split in SETS else SETS[0]


def name_method(cell: TrainerCell) -> str:
    """`lora`, `qlora`, `full` or `freeze`."""
    method = cell.plan.method.type
    return "qlora" if method == "lora" and cell.plan.quantization.bits == 4 else method


def load_judgements() -> list[Judgement]:
    """Every judged cell that was measured, capped ones too."""
    lines = (MEASURED / "trainer_predictions.jsonl").read_text("utf-8").splitlines()
    said = {line["id"]: line for line in map(json.loads, lines)}
    return [
        Judgement(cell, said[cell.cell["id"]], cell.result)
        for cell in load_trainer_cells()
        if cell.cell["id"] in said and cell.result and cell.result["outcome"] in ("trained", "out of memory")
    ]


def render_trainers() -> Iterator[str]:
    """All sections."""
    judged = load_judgements()
    open_ones = [j for j in judged if j.trained and not j.said["cap"]]
    yield from render_head(judged)
    latest = open_ones[-1].set
    yield from render_groups([j for j in open_ones if j.set == latest], latest)
    yield from render_capped([j for j in judged if j.said["cap"]])
    yield from render_two_gpus()
    yield from render_host()
    yield from render_peers(open_ones)
    yield from render_cells(open_ones)
    yield from render_versions()
    yield from render_missing()


def mean(values: list[float]) -> float:
    """Of absolute values."""
    return sum(map(abs, values)) / len(values) if values else 0.0


@dataclass(frozen=True)
class Verdict:
    """What one set of judged cells says of the estimates that were made before it was measured."""

    judged: list[Judgement]

    @property
    def open_ones(self) -> list[Judgement]:
        """Those that trained with the whole card at hand."""
        return [j for j in self.judged if j.trained and not j.said["cap"]]

    def render(self) -> list[str]:
        """The figures, in the order of TARGETS."""
        cells = self.open_ones
        if not cells:
            return ["not measured"] * len(TARGETS)
        used = [j.error_in_use for j in cells]
        errors, width = (
            [j.error for j in cells],
            mean([(j.said["high"] - j.said["low"]) / j.said["peak"] for j in cells]),
        )
        capped = [j for j in self.judged if j.said["cap"] and j.said["fits"] == "yes"]
        seconds = [j.seconds_error for j in self.judged if j.trained]
        training = [j.training_error for j in cells]
        return [
            f"{mean(errors):.1%} ({len(cells)} cells)",
            f"{max(map(abs, errors)):.0%}",
            f"{mean(used):.1%}, worst {max(map(abs, used)):.0%}",
            f"{sum(j.is_inside for j in cells)} of {len(cells)}, mean width {width:.1%}",
            f"{sum(not j.trained for j in capped)} of {len(capped)}",
            f"{mean(seconds):.1%} ({len(seconds)} cells)",
            f"{mean(training):.1%}, worst {max(map(abs, training)):.0%}",
        ]


TARGETS = {
    "memory reserved, mean error as predicted": "5%",
    "worst": "15%",
    "memory in use at the peak, mean error": "",
    "inside the 90% interval": "52 of 60",
    "said to fit, and ran out": "0",
    "seconds of the whole run, mean error": "15%",
    "seconds of the steps, mean error": "",
}


def render_head(judgements: list[Judgement]) -> Iterator[str]:
    """What was done, and the targets."""
    fitted = sum(c.shapes_constants and c.trained for c in load_trainer_cells())
    columns = [Verdict([j for j in judgements if j.set == name]).render() for name in SETS]
    rows = zip(TARGETS.items(), *columns, strict=True)
    table = "\n".join(f"| {what} | {target} | {' | '.join(figures)} |" for (what, target), *figures in rows)
    again = sum(
        c.reserves_as_today and c.cell["split"] != "fourth" for c in load_trainer_cells() if not c.cell["cap_share"]
    )
    left = list_unused_shares()
    first_run = mean([j.seconds_error for j in list_first_run(judgements)])
    yield f"""## The four trainers

NVIDIA H200, 29 and 30 November 2026: cells and predictions were committed before they were measured, through each
framework's own entry point on what `recipes` compiles (TRL's first set through its Python trainers: there was no template
for it then). Random weights of the real shapes.

Peaks are read after each step by a hook that a framework's `reset_peak_memory_stats` can't reach, and beside them the
driver's figure of the process (0.74 GiB above what is reserved). **The card was shared**: up to twelve cells loaded at
once, and one at a time trained from its second step on, on cores of its own; capped cells trained beside it. Memory
counts each process alone; seconds are those of a busy machine.

Four sets judge. Each was drawn and predicted before it was measured, with constants that were fitted on other cells. Before
the next was drawn, the constants were fitted on that set too ({fitted} cells by now); after the fourth they were left as they
are.

| what | target | {" | ".join(f"{name} set" for name in SETS)} |
|---|---|{"---|" * len(SETS)}
{table}

**What PyTorch's allocator keeps unused was the largest error of the first three sets**: blocks that fit no later batch. It
took up to {left["old"]:.0%} of what was in use, and another share in runs of as many tokens. With segments that grow (`expandable_segments`), which
`run.sh` asks for since, {again} of their cells were measured again: at most {left["new"]:.0%}, and nearly always one, two or three
blocks of bf16 logits, so that it can be told. The fourth set was measured so. Axolotl asks for such segments itself, but our
meter had used the allocator before Axolotl could: its rows in the first three sets are those of blocks, and what is said of
Axolotl's memory there is more than its users saw.

The first set's worst cells were DPO on short rows, which the estimate took to be as long as the limit; since then the longest
row counts where the rows are known.

Today's estimate takes launches and starts to be 0.72 of what the busy machine showed, and those of varied lengths 1.3 times,
after runs that had such a machine for themselves: 4B, LoRA, 2,048 tokens, micro-batch 1: 4,147 tokens/s; short examples,
micro-batch 4: 2,232 (LLaMA-Factory) and 1,847 (Axolotl). The second set's machine was as busy, with two GPUs and up to
sixteen cells on 32 cores, so its seconds are mostly longer than was said. The third set's machine had three cells beside,
on cores and a GPU of their own. The fourth set's cells were measured twice, its capped ones once: first with nine beside on
sixteen cores, where seconds were off by {first_run:.2%}, over the target; then with one beside, on cores of their own. The table has
the second; nothing was fitted in between.
"""


def list_first_run(judgements: list[Judgement]) -> list[Judgement]:
    """The fourth set as it was measured first, capped cells too, where it trained."""
    results = load_results()
    first = [replace(j, result=results[j.cell.cell["id"]][0]) for j in judgements if j.set == SETS[-1]]
    return [j for j in first if j.trained]


def list_unused_shares() -> dict[str, float]:
    """Most that the allocator kept unused, as a share of what was in use: before its segments grew, and since."""
    cells = [c for c in load_trainer_cells() if c.trained and c.reserves_as_today]
    before = [c.result for c in cells if c.result and not c.result.get("expandable") and "peak_reserved" in c.result]
    return {
        name: max(float(r["peak_reserved"]) / float(r["peak_allocated"]) - 1 for r in results)
        for name, results in (("old", before), ("new", [c.latest for c in cells if c.latest]))
    }


def render_two_gpus() -> Iterator[str]:
    """Cells of two GPUs: memory of the one that took more."""
    cells = load_two_gpu_cells()
    first = [c for c in cells if not c.cell["id"].startswith("second") and is_sharded(c)]
    second = [c for c in cells if c.cell["id"].startswith("second")]
    today = [c.error_now for c in cells if c.reserves_as_today]
    yield f"""### Two GPUs

Two H200, 30 November 2026, each framework's own `run.sh`: `research/measurements/measure_two_gpu_memory.py`, cells and
predictions committed before, five runs beside each other.

**The first set**, of Qwen3-1.7B's shape: runs that share weights or gradients out took more than was said,
{mean([c.error for c in first]):.0%} on average. Left out were DeepSpeed's float32 gradients and their temporary at the update,
the embedding that FSDP keeps gathered and its gradient, and the blocks that gathering leaves.
**The second set** (`second-…`, other shapes, with growing segments) judged the mended formulas: memory reserved off by
{mean([c.error for c in second]):.1%} on average, {max(abs(c.error) for c in second):.0%} at most. Its worst, LLaMA-Factory's LoRA under
FSDP, has a cause: accelerate 1.11, which LLaMA-Factory's lock has, makes float32 of the frozen weights too. `today` counts that
(from both sets: it describes and does not judge; {mean(today):.1%} on average of what was measured with growing segments). Axolotl's
DPO left one block of logits more than on one GPU; bounds have room for one more since. `trl-dpo-zero2`
took 0.7 GiB more in use than was said: DeepSpeed's buffer of 500 million gradients is as large (read in its source). Compiled
configs make it a tenth for adapters since, which was not measured.

| cell | reserved | in use | predicted | error | today |
|---|---|---|---|---|---|"""
    for c in cells:
        taken, used = c.result["peak_reserved"] / GIB, c.result["peak_allocated"] / GIB
        said = f"{c.cell['said']['peak'] / GIB:.1f} GiB | {c.error:+.1%} | {c.error_now:+.1%}"
        yield f"| `{c.cell['id']}` | {taken:.1f} GiB | {used:.1f} GiB | {said} |"
    third = [c for c in list_cells() if c["id"].startswith("third")]
    four = sum(c["recipe"]["hardware"]["gpus"] == 4 for c in third)
    yield f"""
Adapters under ZeRO-3 are refused, so the lists' four such cells were not run. A third set ({len(third)} cells, {four} of them on
four GPUs) is predicted and was not run: the machine with four GPUs went back before its turn.
"""


def is_sharded(cell: TwoGpuCell) -> bool:
    """Whether its GPUs share weights, gradients or states."""
    return bool(cell.cell["recipe"]["hardware"]["strategy"] != "ddp")


def render_groups(cells: list[Judgement], name: str) -> Iterator[str]:
    """Errors by trainer and objective."""
    yield f"### By trainer and objective, {name} set\n"
    yield "| | cells | memory as predicted | worst | today | seconds |\n|---|---|---|---|---|---|"
    for backend, title in TITLES.items():
        yield _render_group(title, [j for j in cells if j.cell.cell["backend"] == backend])
    for kind in dict.fromkeys(j.objective for j in cells):
        yield _render_group(kind, [j for j in cells if j.objective == kind])
    yield ""


def _render_group(title: str, cells: list[Judgement]) -> str:
    errors, worst = [j.error for j in cells], max((abs(j.error) for j in cells), default=0.0)
    today, seconds = mean([j.error_now for j in cells]), mean([j.seconds_error for j in cells])
    return f"| {title} | {len(cells)} | {mean(errors):.1%} | {worst:.0%} | {today:.1%} | {seconds:.1%} |"


def render_capped(cells: list[Judgement]) -> Iterator[str]:
    """Where memory was limited."""
    yield "### Near the edge, through the trainers\n"
    yield "`fits` is said where a bound for 99 of 100 runs is below the limit, `does not fit` where what is in use is not.\n"
    yield "| cell | limit | estimate | said | what happened |\n|---|---|---|---|---|"
    for j in cells:
        made = f"{j.said['peak'] / GIB:.1f} GiB, at most {j.said['bound'] / GIB:.1f}"
        outcome = f"trained, {j.result['peak_reserved'] / GIB:.1f} GiB" if j.trained else "out of memory"
        name = j.cell.cell["id"].removeprefix("capped-")
        yield f"| `{name}` | {j.said['cap'] / GIB:.1f} GiB | {made} | {FITS[j.said['fits']]} | {outcome} |"
    yield ""


def render_host() -> Iterator[str]:
    """Host memory and disk, of every cell that trained."""
    yield """### Host memory and disk

Of every cell that trained: the most memory that its process held (its resident set, with the pages of the model's files that
are mapped), and the bytes of its output folder without prepared rows. 1.15 GiB of a process is Python, PyTorch and CUDA; the
formula was made from these cells, so the figures describe and do not judge. TRL's process was not `recipes`' (above).

| | cells | host memory, mean error | worst | disk, mean error | worst |
|---|---|---|---|---|---|"""
    cells = [cell for cell in load_trainer_cells() if cell.trained]
    for name, title in TITLES.items():
        own = [cell for cell in cells if cell.cell["backend"] == name]
        host = [cell.estimate.host_memory / (cell.latest or {})["host_peak"] - 1 for cell in own]
        disk = [cell.estimate.disk.output / (cell.latest or {})["disk"]["rest"] - 1 for cell in own if has_disk(cell)]
        figures = f"{mean(host):.1%} | {max(map(abs, host)):.0%} | {mean(disk):.1%} | {max(map(abs, disk)):.0%}"
        yield f"| {title} | {len(own)} | {figures} |"
    yield """
Axolotl's DPO and KTO are left out of the disk's figures: they also saved the base model beside the adapter, 2 bytes a weight,
which compiled configs prevent since (`trainer_plugin.AdapterOnlyPlugin`).
"""


def has_disk(cell: TrainerCell) -> bool:
    """Whether its output is what a run saves today."""
    return not (cell.cell["backend"] == "axolotl" and cell.plan.objective.type in ("dpo", "kto"))


def render_peers(cells: list[Judgement]) -> Iterator[str]:
    """Other estimators on the same cells."""
    peers = json.loads((HERE / "peers.json").read_text("utf-8"))
    yield """### Other estimators on the same cells

`research/estimates/compare_peers.py`. Each is told all that it asks for; what it adds for CUDA's context and for safety is
in its figure. accelerate and LLaMA-Factory's table do not ask for length or batch.

| estimator | cells | mean error | worst | below what was taken |
|---|---|---|---|---|"""
    rows = {"recipes plan, as predicted": {j.cell.cell["id"]: j.said["peak"] / GIB for j in cells}} | peers
    for name, said in rows.items():
        known = [j for j in cells if j.cell.cell["id"] in said]
        pairs = [(said[j.cell.cell["id"]], j.result["peak_reserved"] / GIB) for j in known]
        errors = [figure / taken - 1 for figure, taken in pairs if not isinstance(figure, str)]
        if errors:
            below = sum(error < 0 for error in errors)
            yield f"| {name} | {len(errors)} | {mean(errors):.0%} | {max(map(abs, errors)):.0%} | {below} |"
    yield ""


def render_cells(cells: list[Judgement]) -> Iterator[str]:
    """Each judged cell."""
    yield "### Every judged cell\n"
    yield "| cell | reserved | in use | predicted | error | today | seconds | predicted |\n|---|---|---|---|---|---|---|---|"
    for j in cells:
        taken, used = j.result["peak_reserved"] / GIB, j.result["peak_allocated"] / GIB
        name = j.cell.cell["id"].removeprefix("judged-")
        yield (
            f"| `{name}` | {taken:.1f} GiB | {used:.1f} GiB | {j.said['peak'] / GIB:.1f} GiB | {j.error:+.1%} "
            f"| {j.error_now:+.1%} | {j.seconds:.0f} | {j.said['seconds']:.0f} |"
        )
    yield ""


def render_versions() -> Iterator[str]:
    """What was measured with, and where the lock has another version."""
    yield "### Versions\n\nIn brackets what the lock file has, where it differs: the machine brought its own PyTorch.\n"
    seen: dict[str, dict[str, str]] = {}
    for cell in load_trainer_cells():
        if cell.latest and cell.latest.get("versions"):
            seen.setdefault(cell.cell["backend"], cell.latest["versions"])
    for backend, versions in seen.items():
        file = BACKENDS / backend.replace("-", "_") / "requirements" / "cuda-py312.lock"
        locked = dict(re.findall(r"^([a-z-]+)==([^ ;\\\n]+)", file.read_text("utf-8"), re.M)) if file.is_file() else {}
        words = []
        for name, version in versions.items():
            other = locked.get(name) if name in LOCKED else None
            words.append(f"{name} {version}" + (f" [{other}]" if other and other != version.partition("+")[0] else ""))
        yield f"- {TITLES[backend]}: {', '.join(words)}"
    yield ""


def render_missing() -> Iterator[str]:
    """What was not measured, and why."""
    yield "### Not measured\n"
    unmeasured = [cell for cell in load_trainer_cells() if cell.cell["split"] != "fitted" and not cell.result]
    for name in SETS:
        if count := sum(name_set(cell) == name for cell in unmeasured):
            yield f"- {count} cells of the {name} set: predicted, not run yet: device time was over"
    for cell in load_trainer_cells():
        if cell.result and cell.result["outcome"] not in ("trained", "out of memory"):
            why = f"{cell.result['outcome']}: {cell.result.get('error', 'no step in 150 s')}"
            yield f"- `{cell.cell['id']}`: {why[:160]}"
    yield """
Also not: more than two GPUs, several GPUs with models larger than 4B, GRPO with Axolotl and ms-swift, and offloading. What
is said of them comes from formulas.
"""
