"""Every way to run a recipe that its open settings allow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product

from qwen_recipes.backends.base import Backend
from qwen_recipes.backends.flash_attention import list_fitting_attentions
from qwen_recipes.backends.plan import Plan
from qwen_recipes.recipe.example_lengths import ExampleLengths
from qwen_recipes.recipe.load import LoadedRecipe
from qwen_recipes.resolve.open_settings import Choice, OpenSettings
from qwen_recipes.resolve.packs import fill_packs
from qwen_recipes.resolve.strategy import STRATEGIES_TO_TRY, has_strategy_conflict

BATCH_TOLERANCE = 0.1
"""How far the examples of a step may be from the batch that was meant, where packs are chosen for speed."""
PACK_STEP = 64
LONGEST_PACK = 32_768
PACK_COUNTS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
"""Packs of a step on each GPU that are tried."""
LARGEST_MICRO_BATCH = 512
MICRO_BATCH_STEP = 1.4
"""Times as large that a micro-batch is than the one tried before it."""
MIN_STEPS = 8
"""Optimizer steps that the examples must be enough for, so that packs are full."""
MICRO_BATCH_CHANGES_LOSS = ("kto", "grpo", "ppo")
"""Objectives that compare the examples of a micro-batch."""
FASTER_SHARDING = {"fsdp": ("zero2",)}
"""What shards less than the default, by that."""
ResolveFunction = Callable[[Choice], "Plan | None"]
"""The plan under a choice; None where it does not resolve."""


@dataclass(frozen=True)
class Candidate:
    """A choice, and the plan that it leads to."""

    choice: Choice
    plan: Plan


@dataclass(frozen=True)
class CandidateSpace:
    """What the settings may be, for a recipe's cautious plan."""

    loaded: LoadedRecipe
    backend: Backend
    plan: Plan
    open: OpenSettings
    resolve_with: ResolveFunction

    def iterate(self) -> Iterator[Candidate]:
        """All of them; the plan as it is comes first."""
        for frame in self._iterate_frames():
            for choice in self._iterate_choices(frame):
                yield Candidate(choice, choice.apply(frame.plan))

    def _iterate_frames(self) -> Iterator[Candidate]:
        """Strategies and packs: what other values of a plan follow from."""
        for strategy, (packing, length) in product(self._list_strategies(), [(None, None), *self.list_packs()]):
            choice = Choice(strategy=strategy, packing=packing, pack_length=length)
            plan = self.plan if choice == Choice() else self.resolve_with(choice)
            if plan is not None and not (strategy and has_strategy_conflict(plan)):
                yield Candidate(choice, plan)

    def _list_strategies(self) -> list[str | None]:
        h = self.plan.hardware
        if not self.open.strategy or h.world == 1:
            return [None]
        return [None, *FASTER_SHARDING.get(h.strategy, ()), *STRATEGIES_TO_TRY.get(h.strategy, ())]

    def explain_no_packing(self) -> str:
        """Why packing is not considered; empty where it is."""
        p, lengths = self.plan, self.loaded.lengths
        t = p.training
        reasons = {
            "only SFT is packed unless the recipe says so": p.objective.type != "sft"
            or p.objective.kl_weight is not None,
            "streamed examples": p.data.streaming,
            "examples are passed as token ids": p.chat.exact,
            "NEFTune's noise depends on the length (QR422)": t.neftune is not None,
            "not tested with context parallelism": p.hardware.context_parallel > 1,
            "the micro-batch size in the recipe counts single examples": not self.open.micro_batch_size,
            "the examples' lengths are not known (`recipes lock` measures them)": lengths is None,
            "too few examples": lengths is not None and lengths.measured < MIN_STEPS * t.batch_size,
        }
        found = next((reason for reason, holds in reasons.items() if holds), "")
        if not found and lengths is not None and not next(self._iterate_pack_lengths(lengths), None):
            longest = f"{t.sequence_length:,} tokens"
            return f"no pack length keeps the batch within 10% of {t.batch_size} examples and holds {longest}"
        return found

    def list_packs(self) -> list[tuple[bool, int]]:
        """Whether to pack, and to how many tokens: lengths that hold the batch within the tolerance, longest first."""
        lengths = self.loaded.lengths
        if not (self.open.packing and self.open.pack_length) or self.explain_no_packing() or lengths is None:
            return []
        return [(True, length) for length in self._iterate_pack_lengths(lengths)]

    def _iterate_pack_lengths(self, lengths: ExampleLengths) -> Iterator[int]:
        t, replicas = self.plan.training, self.plan.hardware.replicas
        truncate = t.overlong == "truncate"
        mean = lengths.compute_mean(t.sequence_length, truncate=truncate)
        reserve = self.backend.pack_reserve
        for packs in PACK_COUNTS:
            length = -(-round(t.batch_size * mean / (packs * replicas)) // PACK_STEP) * PACK_STEP
            if length < t.sequence_length + reserve:
                return
            if length > min(LONGEST_PACK, self.plan.model.max_positions):
                continue
            fill = fill_packs(lengths, t.sequence_length, length - reserve, truncate=truncate)
            examples = fill.examples * packs * replicas
            if abs(examples / t.batch_size - 1) <= BATCH_TOLERANCE:
                yield length

    def _iterate_choices(self, frame: Candidate) -> Iterator[Choice]:
        t = frame.plan.training
        checkpointing = [None, not t.gradient_checkpointing] if self.open.gradient_checkpointing else [None]
        for micro, again, kernels, attention in product(
            self._list_micro_batches(frame.plan),
            checkpointing,
            self._list_kernels(frame.plan),
            self._list_attention(frame.plan),
        ):
            yield replace(
                frame.choice,
                micro_batch_size=micro,
                gradient_checkpointing=again,
                kernels=kernels,
                attention=attention,
            )

    def _list_micro_batches(self, plan: Plan) -> list[int | None]:
        if not self.open.micro_batch_size or plan.objective.type in MICRO_BATCH_CHANGES_LOSS:
            return [None]
        per_gpu = plan.training.batch_size // plan.hardware.replicas
        usual = plan.training.micro_batch_size
        return [None, *(size for size in list_micro_batches(per_gpu) if size != usual)]

    def _list_attention(self, plan: Plan) -> list[str | None]:
        if not (self.open.attention and plan.training.packing):
            return [None]
        gpu = plan.hardware.gpu
        fused = [self.backend.varlen_attention, *list_fitting_attentions(self.backend, gpu)]
        if gpu is not None and not gpu.runs_triton:
            fused = [one for one in fused if one != "flex_attention"]
        return [None, *(one for one in fused if one and one != plan.training.attention)]

    def _list_kernels(self, plan: Plan) -> list[tuple[str, ...] | None]:
        if not self.open.kernels:
            return [None]
        found: list[tuple[str, ...] | None] = [None]
        sets = [("liger",), ()] if plan.training.liger else [()]
        found += [one for one in sets if one != (("liger",) if plan.training.liger else ())]
        if self.backend.has_lora_kernels(plan):
            found += [(*one, "lora") for one in sets]
        return found


def list_micro_batches(per_gpu: int) -> list[int]:
    """Divisors of a GPU's sequences, far enough apart that each might matter."""
    found: list[int] = []
    for size in range(1, min(per_gpu, LARGEST_MICRO_BATCH) + 1):
        if per_gpu % size == 0 and (not found or size >= MICRO_BATCH_STEP * found[-1]):
            found.append(size)
    return found
