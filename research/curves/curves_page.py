# ruff: noqa: E501
"""docs/research/loss-curves.md and its plots, and the small one of README, from research/curves/results.json."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import combinations
from typing import Any

from qwen_recipes.backends import load_backend
from qwen_recipes.reports.svg_charts import Curve, draw_line_charts
from research.curves.curve_recipes import BACKENDS, CURVES
from research.curves.measure_curves import OWN, RESULTS
from research.curves.seeded_changes import BACKEND, CHANGES, TOLERANCE

TITLES = {
    "sft-full": "SFT, all weights",
    "sft-adapter": "SFT, from one adapter",
    "dpo-full": "DPO, all weights",
    "dpo-adapter": "DPO, from one adapter",
}
SETTINGS = {
    "lr_scheduler_type": "scheduler",
    "warmup_steps": "warmup steps",
    "optim": "optimizer",
    "adam_beta2": "Adam β2",
    "adam_epsilon": "Adam ε",
    "weight_decay": "weight decay",
    "max_grad_norm": "gradient clipping",
    "lora_alpha": "LoRA alpha, for rank 8",
    "lora_dropout": "LoRA dropout",
    "gradient_checkpointing": "gradient checkpointing",
    "seed": "seed",
}

HEAD = """# One recipe, one curve

The same recipe through {frameworks} gives the same losses, step by step.{apart}

All of this was run on a CPU in float32 on a tiny Qwen3 with random weights and a tokenizer of few merges
(`research/curves/small_vocabulary.py`), without a hub or a GPU: `python -m research.curves.measure_curves` writes
`research/curves/results.json`, from which this page is made.
"""
APART = " Left to their defaults, with the same model, rows, batch, steps and learning rate, they give {trainings} trainings."
OWN_SECTION = """
## Left to themselves

![Loss by step of the frameworks' defaults](curves-own-words.svg)

What a person wrote, in each framework's words: model, rows (conversations of one or two turns, some with reasoning), LoRA
of rank 8, 2 × 4 examples a step, 60 steps, learning rate 0.005, and the framework's template of Qwen3
(`OWN_WORDS` in `research/curves/curve_recipes.py`). Axolotl has no default of LoRA's alpha and targets: here 16 and all
linear layers, as LLaMA-Factory's. Losses of the last ten steps: {last}. What the trainers made of the
rest:
"""
SAME = """
## One recipe

![Loss by step of one recipe in the frameworks](curves-sft-adapter.svg)

The lines lie on one another. Recipes: rows in the file's order, dropout 0, cosine schedule with six steps of
warmup, clipping at 1.0, weight decay 0.1; SFT with 2 × 4 examples a step, padded, DPO with 2 × 2; two epochs of 29 whole
batches and three examples more, which makes 60 steps. "One adapter" is a folder that all start from, of rank 8 and
with B that is not zero; it is DPO's reference too. TRL's command line makes a new adapter always: its curves are those of
all weights.

| curve | steps | largest difference of a step's loss | between | at step |
|---|---|---|---|---|
"""
TAIL = """
Differences above {tolerance}: {exceptions}.

![Loss by step of DPO in the frameworks](curves-dpo-adapter.svg)

Each framework draws examples in an order of its own; for these runs it is the file's:

| framework | how |
|---|---|
| Axolotl | `shuffle_merged_datasets: false`, `curriculum_sampling: true`; its preference trainers have no such key, there the test puts a sequential sampler in the place of the random one |
| LLaMA-Factory | `disable_shuffling: true` |
| ms-swift | `dataset_shuffle: false`, `train_dataloader_shuffle: false` |
| TRL | `train_sampling_strategy: sequential` |

## What the curves notice

`tests/conformance/test_curves.py` trains the curves and holds them against what was committed of another framework.
That it can fail is tested too: each of these {count} changes to {framework}'s compiled file moves a loss by more than
{tolerance} within {steps} steps.

| curve | key | compiled | changed to |
|---|---|---|---|
{changes}

## Not compared

- Packing: each framework fills packs by rules of its own, so a step holds other examples in each. What a packed batch
  holds is compared [at the trainer](trainer-values.md) instead.
- Several GPUs, run once on two H200 (`research/measurements/curves_on_two_gpus.py`, 29 and 30 November 2026, 24 steps,
  float32, `results/two_gpus.jsonl`): two GPUs give the losses of one, to 1e-6 (full weights: all four frameworks, TRL also
  under ZeRO-2 and ZeRO-3; adapter: Axolotl, LLaMA-Factory) and 2e-6 (adapter: ms-swift; TRL's DPO, with full weights under
  DDP, ZeRO-2 and ZeRO-3, and with an adapter under ZeRO-2). The weights that TRL saved differ by 2e-7 at most. Axolotl averages each GPU's own mean over its tokens, which
  made its losses differ by up to 0.16; its configs for several GPUs have a plugin since then that averages over all tokens,
  and the figure above is with it. TRL's other runs under DDP and FSDP ended at their first checkpoint, through a fault of
  ours that is mended and was not run on two GPUs since (on two CPU processes it was).
- Unsloth, run once on an H200 beside TRL (`research/measurements/train_unsloth.py`, 38 steps in bf16, `lora` and `qlora`): the
  means of ten steps that TRL logs are Unsloth's to 2e-4.
- bf16: rounding alone moves a loss by more than {tolerance}.
"""


def load_results() -> dict[str, Any]:
    """What `research.curves.measure_curves` wrote."""
    found: dict[str, Any] = json.loads(RESULTS.read_text("utf-8"))
    return found


def find_largest_difference(one: list[float], other: list[float]) -> tuple[float, int]:
    """The largest difference of two curves, and its step from 1."""
    return max((abs(a - b), step) for step, (a, b) in enumerate(zip(one, other, strict=True), 1))


def list_differences(results: dict[str, Any]) -> Iterator[tuple[str, str, str, float, int]]:
    """Curve, two frameworks, their largest difference and its step."""
    for name in CURVES:
        curves = results["curves"][name]
        for one, other in combinations([one for one in BACKENDS if one in curves], 2):
            yield name, one, other, *find_largest_difference(curves[one]["loss"], curves[other]["loss"])


def render_page() -> str:
    """docs/research/loss-curves.md."""
    results = load_results()
    versions = results["versions"]
    own = find_own_words(results)
    named = [f"{load_backend(name).title} {versions[name]}" for name in BACKENDS if name in versions]
    apart = APART.format(trainings=count_trainings(own)) if own else ""
    head = HEAD.format(frameworks=f"{', '.join(named[:-1])} and {named[-1]}", apart=apart)
    differences = list(list_differences(results))
    rows = [_render_widest(name, results, differences) for name in CURVES]
    exceptions = [f"{name}, {one} and {other}" for name, one, other, largest, _ in differences if largest > TOLERANCE]
    steps = sorted({change.steps for change in CHANGES})
    tail = TAIL.format(
        tolerance=TOLERANCE,
        exceptions="; ".join(exceptions) or "none",
        count=len(CHANGES),
        framework=load_backend(BACKEND).title,
        steps=" or ".join(map(str, steps)),
        changes="\n".join(_render_changes(results)),
    )
    return head + _render_own_section(own) + SAME + "\n".join(rows) + "\n" + tail


def count_trainings(own: dict[str, Any]) -> str:
    """How many of the frameworks' curves are apart from every other."""
    curves = [held["loss"] for held in own.values()]
    apart = [one for n, one in enumerate(curves) if all(find_largest_difference(one, o)[0] > 0.1 for o in curves[:n])]
    return ("one", "two", "three", "four")[len(apart) - 1]


def find_own_words(results: dict[str, Any]) -> dict[str, Any]:
    """What each framework did with its own few words; empty until all were measured."""
    own = results["curves"].get(OWN, {})
    measured = [name for name in BACKENDS if name in results["versions"]]
    return {name: own[name] for name in measured} if all(name in own for name in measured) else {}


def _render_own_section(own: dict[str, Any]) -> str:
    if not own:
        return "\nWhat they do when left to their defaults is not measured yet.\n"
    last = ", ".join(f"{load_backend(name).title} {sum(own[name]['loss'][-10:]) / 10:.2f}" for name in own)
    return OWN_SECTION.format(last=last) + "\n" + "\n".join(_render_settings(own)) + "\n"


def render_readme() -> str:
    """README's picture: the frameworks left to their defaults, and compiled from one recipe."""
    if not find_own_words(load_results()):
        return "The same recipe gives the same losses in every framework: [one recipe, one curve](docs/research/loss-curves.md)."
    return (
        '<img src="docs/research/curves.svg" width="640" '
        'alt="Losses of the frameworks: apart by their defaults, the same from one recipe">\n\n'
        "Above: each framework with its defaults, and the same model, rows, batch size, steps, learning rate and LoRA "
        "rank. Below: one recipe, full fine-tuning.\n[One recipe, one curve](docs/research/loss-curves.md)."
    )


def _render_widest(name: str, results: dict[str, Any], differences: list[tuple[str, str, str, float, int]]) -> str:
    _, one, other, largest, step = max((entry for entry in differences if entry[0] == name), key=lambda entry: entry[3])
    steps = len(results["curves"][name][one]["loss"])
    between = f"{load_backend(one).title} and {load_backend(other).title}"
    return f"| {TITLES[name]} | {steps} | {largest:.1e} | {between} | {step} |"


def _render_settings(own: dict[str, Any]) -> Iterator[str]:
    yield "| at the trainer | " + " | ".join(load_backend(name).title for name in own) + " |"
    yield "|---|" + "---|" * len(own)
    for key, title in SETTINGS.items():
        values = [held["settings"].get(key, "") for held in own.values()]
        yield f"| {title} | " + " | ".join(values) + " |"


def _render_changes(results: dict[str, Any]) -> Iterator[str]:
    for change in CHANGES:
        compiled = results["compiled"][change.curve].get(change.key)
        shown = "not there" if compiled is None else f"`{json.dumps(compiled)}`"
        changed = "taken out" if change.value is None else f"`{json.dumps(change.value)}`"
        yield f"| {TITLES[change.curve]} | `{change.key}` | {shown} | {changed} |"


def render_plots() -> dict[str, str]:
    """The plots by file name."""
    results = load_results()
    own, curves = find_own_words(results), results["curves"]
    mine = ("sft-adapter", "dpo-adapter")
    found = {f"curves-{name}.svg": _stack([(TITLES[name] + ": one recipe", curves[name])]) for name in mine}
    if own:
        both = [("Left to their defaults", own), ("One recipe, all weights", curves["sft-full"])]
        found |= {"curves-own-words.svg": _stack(both[:1]), "curves.svg": _stack(both)}
    return found


def _stack(charts: list[tuple[str, dict[str, Any]]]) -> str:
    """Charts below one another, each with a headline and the frameworks' colours."""
    drawn = [(f"{title}: loss by step", _list_curves(curves)) for title, curves in charts]
    return draw_line_charts(drawn, "Training loss by optimizer step")


def _list_curves(curves: dict[str, Any]) -> list[Curve]:
    return [
        Curve(load_backend(name).title, list(enumerate(curves[name]["loss"], 1))) for name in BACKENDS if name in curves
    ]
