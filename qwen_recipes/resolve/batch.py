"""Micro-batch and accumulation: they multiply back to the global batch exactly, or say which sizes would."""

from __future__ import annotations

from dataclasses import dataclass

from qwen_recipes.backends.plan import HardwarePlan
from qwen_recipes.gpus.gpu_model import GpuModel
from qwen_recipes.recipe.bounds import MAX_BATCH
from qwen_recipes.recipe.example_lengths import ExampleLengths
from qwen_recipes.recipe.spec.training import Training
from qwen_recipes.resolve.decisions import PlanDecisions
from qwen_recipes.resolve.packs import PackFill, count_packs, fill_packs

_ASSUMED_GPU_MEMORY = 24
_UNKNOWN_MEAN = (
    "each pack is counted as one example: the mean length is not known (`recipes lock` measures it; "
    "`batch_size: {packs: 16}` counts packs)"
)


@dataclass(frozen=True)
class SequenceSizes:
    """Sequences of a run: the longest example in tokens, a pack's tokens, and whether examples are packed."""

    longest: int
    pack_length: int
    packing: bool
    truncate: bool = False
    lengths: ExampleLengths | None = None
    """The examples' lengths, where they are known."""
    pairs: bool = False
    """Whether an example has two answers: its length is that of the longer one."""

    @property
    def tokens(self) -> int:
        """The most tokens of a sequence."""
        return self.pack_length if self.packing else self.longest

    @property
    def fill(self) -> PackFill | None:
        """What a pack holds; None where nothing is packed or the lengths are not known."""
        if not self.packing or self.lengths is None:
            return None
        return fill_packs(self.lengths, self.longest, self.pack_length, truncate=self.truncate)


@dataclass(frozen=True)
class BatchSizes:
    """Sequences per optimizer step, per GPU and forward pass, and how many passes make a step.

    `examples` and `tokens` are of a step, in the mean; None where they are not known.
    """

    size: int
    micro_batch_size: int
    gradient_accumulation: int
    examples: float | None
    tokens: int | None


def resolve_batch(
    t: Training,
    hardware: HardwarePlan,
    gpu: GpuModel | None,
    sequences: SequenceSizes,
    decisions: PlanDecisions,
    largest: int | None = None,
    chosen: int | None = None,
) -> BatchSizes:
    """size = micro x accumulation x GPUs. A size that can't be split so is a problem.

    `largest` bounds the micro-batch where the framework has a limit; `chosen` is the micro-batch where it is left open.
    """
    world = hardware.replicas
    size = _resolve_size(t, hardware, sequences, decisions)
    budget = _choose_token_budget(gpu)
    default = chosen or largest or _find_largest_micro_batch(size // world or 1, budget, sequences.tokens)
    why = f"largest divisor with at most {budget:,} tokens per forward pass"
    if largest:
        why = f"this attention takes at most {largest} pack at a time here"
    micro = decisions.choose_value("training.micro_batch_size", t.micro_batch_size, default, why, "hardware")
    unit = world * micro
    if size % unit and sequences.packing and t.batch_size and t.batch_size.packs is None:
        size = max(1, round(size / unit)) * unit
    if size % unit:
        _report_batch_size(t, size, unit, world, decisions)
    decisions.derive_value(
        "training.gradient_accumulation",
        None,
        f"{size} = {micro} x {max(size // unit, 1)} x {world} {'GPU' if world == 1 else 'GPUs'}",
        *_name_size_fields(t),
        "training.micro_batch_size",
    )
    examples, tokens = _describe_step(size, sequences, decisions)
    return BatchSizes(size, micro, max(size // unit, 1), examples, tokens)


def _resolve_size(t: Training, hardware: HardwarePlan, sequences: SequenceSizes, decisions: PlanDecisions) -> int:
    """Sequences of a step."""
    asked, world = t.batch_size, hardware.replicas
    packs = asked.packs if asked else None
    examples = asked.examples if asked else None
    if packs is not None:
        return decisions.derive_value("training.batch_size", packs, "packs per step", "training.batch_size.packs")
    default = 16 if 16 % world == 0 else world
    if not sequences.packing:
        why = "16 examples, or one per GPU if there are more GPUs"
        field = "training.batch_size.examples"
        return decisions.choose_value("training.batch_size", examples, default, why, field=field)
    wanted, fill = examples or default, sequences.fill
    size = count_packs(wanted, fill, hardware)
    why = f"packs that hold {wanted} examples: {fill.examples:.1f} in each" if fill else _UNKNOWN_MEAN
    if examples is None:
        return decisions.choose_value("training.batch_size", None, size, why)
    return decisions.derive_value("training.batch_size", size, why, "training.batch_size.examples")


def _name_size_fields(t: Training) -> tuple[str, ...]:
    return tuple(f"training.batch_size.{name}" for name in (t.batch_size.model_fields_set if t.batch_size else ()))


def _describe_step(size: int, sequences: SequenceSizes, decisions: PlanDecisions) -> tuple[float | None, int | None]:
    """Examples and tokens of a step."""
    lengths, fill = sequences.lengths, sequences.fill
    unknown = "the examples' lengths are not known"
    if sequences.packing:
        examples = None if fill is None else round(size * fill.examples, 1)
        tokens = None if fill is None else round(size * fill.tokens)
        why = unknown if fill is None else f"{fill.examples:.1f} examples and {fill.tokens:,.0f} tokens in each pack"
    else:
        mean = lengths.compute_mean(sequences.longest, truncate=sequences.truncate) if lengths else None
        examples, tokens = float(size), round(size * mean) if mean and not sequences.pairs else None
        why = unknown if mean is None else f"{mean:,.0f} tokens per example on average"
        if mean and sequences.pairs:
            why = f"{mean:,.0f} tokens in the longer answer of a pair on average, with its prompt"
    decisions.derive_value(
        "training.examples_per_step", None, why if sequences.packing else "nothing is packed", origin="default"
    )
    decisions.derive_value("training.tokens_per_step", None, why, origin="default")
    return examples, tokens


def _choose_token_budget(gpu: GpuModel | None) -> int:
    memory = gpu.memory if gpu else _ASSUMED_GPU_MEMORY
    return 2048 if memory < 16 else 4096 if memory < 40 else 8192


def _find_largest_micro_batch(per_gpu: int, budget: int, length: int) -> int:
    fits = [m for m in range(1, min(per_gpu, budget // length) + 1) if per_gpu % m == 0]
    return fits[-1] if fits else 1


def _report_batch_size(t: Training, size: int, unit: int, world: int, decisions: PlanDecisions) -> None:
    below, above = size // unit * unit, (size // unit + 1) * unit
    sizes = " or ".join(str(n) for n in (below, above) if 1 <= n <= MAX_BATCH)
    packs = t.batch_size is not None and t.batch_size.packs is not None
    written = f"{{packs: {sizes}}}" if packs else sizes
    instead = f"batch_size: {written}" if sizes else f"a micro_batch_size of at most {MAX_BATCH // world}"
    per_gpu = unit // world
    made = f"{world} {'GPU' if world == 1 else 'GPUs'} x {per_gpu} {'sequence' if per_gpu == 1 else 'sequences'}"
    route = "batch_size" if t.batch_size else "micro_batch_size"
    decisions.report_problem(
        ("training", route), f"a batch of {size} sequences cannot be split evenly over {made}", instead
    )
