"""Settings that a recipe leaves open, chosen for speed: the fastest by the estimate that fits by its 99% bound."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import takewhile
from typing import TYPE_CHECKING

from qwen_recipes.backends.base import Backend, UnsupportedSetting
from qwen_recipes.backends.plan import Plan, Reason
from qwen_recipes.qwen.models import get_model_facts
from qwen_recipes.recipe.load import LoadedRecipe
from qwen_recipes.resolve.flash_gain import FlashGain
from qwen_recipes.resolve.known_choices import FoundChoice, make_key, recall_choice
from qwen_recipes.resolve.open_settings import PLAN_PATHS, Choice, find_open_settings
from qwen_recipes.resolve.speed_candidates import Candidate, CandidateSpace, ResolveFunction
from qwen_recipes.sizes import GIB

if TYPE_CHECKING:
    from qwen_recipes.estimate import Estimate, TrainingRows
    from qwen_recipes.gpus.gpu_model import GpuModel
    from qwen_recipes.qwen.facts import ModelFacts

SPARES_MEMORY = "hardware.prefer is memory"
NOT_MODELLED = ("grpo", "ppo")
"""Objectives whose steps the estimate does not describe: answers are generated first."""
WORTH_A_CHANGE = 1.03
"""Times as fast that another setting has to be than the cautious default."""
WORTH_A_STRATEGY = 1.15
"""Times as fast that another strategy has to be: of several GPUs' speed the estimate knows less."""
FASTEST = "fastest that fits"
NOT_CHOSEN = "not chosen for speed"
NOT_PACKED = "not packed"
ALIKE = 1.02
"""Of choices whose speed differs less than this, the one with the least memory is taken."""


def explain_no_search(loaded: LoadedRecipe, plan: Plan) -> str:
    """Why nothing is chosen for speed; empty where something is."""
    from qwen_recipes.estimate.trainer_traits import TRAITS

    h, t, asked = plan.hardware, plan.training, loaded.recipe.hardware
    split = h.tensor_parallel * h.context_parallel * h.pipeline_parallel * h.expert_parallel > 1
    reasons = {
        SPARES_MEMORY: asked is not None and asked.prefer == "memory",
        "no GPU": h.device != "cuda",
        "the recipe names no GPU": h.gpu is None,
        "the GPU's speed is not known": h.gpu is not None and h.gpu.stated,
        "the model is split over GPUs": h.megatron or split,
        f"speed is not estimated under {plan.objective.type}": plan.objective.type in NOT_MODELLED,
        "speed is not estimated with fp8 or compile": t.fp8 or t.compile,
        "nothing was measured in this framework": plan.backend not in TRAITS,
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


@dataclass(frozen=True, eq=False)
class Ranked:
    """A candidate and its estimate."""

    candidate: Candidate
    facts: ModelFacts
    gpu: GpuModel
    rows: TrainingRows | None

    @cached_property
    def estimate(self) -> Estimate:
        """Memory and time."""
        from qwen_recipes.estimate import estimate_plan

        return estimate_plan(self.candidate.plan, self.facts, self.gpu, self.rows)

    @cached_property
    def seconds_per_example(self) -> float:
        """Seconds of a step, by its examples."""
        t = self.candidate.plan.training
        return self.estimate.step_seconds / (t.examples_per_step or t.batch_size)

    @cached_property
    def safe_peak(self) -> float:
        """The 99% bound in bytes; where the examples' lengths are not known, of equal and of varied ones."""
        from qwen_recipes.estimate.estimate import estimate_varied

        varied = estimate_varied(self.estimate) if self.rows is None else self.estimate
        return max(self.estimate.safe_peak, varied.safe_peak)

    @property
    def fits(self) -> bool:
        """Whether the bound is below what the GPU has."""
        usable = self.estimate.usable
        return self.estimate.safe_peak <= usable and self.safe_peak <= usable

    @property
    def description(self) -> str:
        """Speed and memory."""
        t = self.candidate.plan.training
        each = 1 / self.seconds_per_example
        rate = f"{each:.2g}" if each < 10 else f"{each:.0f}"
        tokens = "" if not t.tokens_per_step else f", {t.tokens_per_step / self.estimate.step_seconds:,.0f} tokens/s"
        return f"{rate} examples/s{tokens}, up to {self.safe_peak / GIB:.0f} GiB"


def choose_for_speed(loaded: LoadedRecipe, backend: Backend, plan: Plan, resolve_with: ResolveFunction) -> Plan:
    """The plan with its open settings chosen, each with its reason; as it is where nothing can be chosen."""
    if why := explain_no_search(loaded, plan):
        return plan if why == SPARES_MEMORY else _explain_caution(plan, why)
    return _SpeedSearch(loaded, backend, plan, resolve_with).choose()


@dataclass(frozen=True)
class _SpeedSearch:
    loaded: LoadedRecipe
    backend: Backend
    plan: Plan
    resolve_with: ResolveFunction

    @cached_property
    def space(self) -> CandidateSpace:
        opened = find_open_settings(self.loaded.recipe)
        return CandidateSpace(self.loaded, self.backend, self.plan, opened, self.resolve_with)

    @cached_property
    def ranked(self) -> list[Ranked]:
        """Candidates, the fastest first. The first that was tried stands first among equals."""
        from qwen_recipes.gpus.catalogue import get_gpu_model
        from qwen_recipes.resolve.strategy import ASSUMED_GPU

        gpu = self.plan.hardware.gpu or get_gpu_model(ASSUMED_GPU)
        rows = make_training_rows(self.loaded, self.plan)
        return sorted(
            (Ranked(one, self.facts, gpu, rows) for one in self.space.iterate()),
            key=lambda one: one.seconds_per_example,
        )

    @cached_property
    def usual(self) -> Ranked:
        """The plan as it is."""
        return next(one for one in self.ranked if one.candidate.choice == Choice())

    @cached_property
    def facts(self) -> ModelFacts:
        return get_model_facts(self.plan.model, self.loaded.folder)

    def choose(self) -> Plan:
        """The plan with the best choice; searched for unless an equal run's is known."""
        if self.plan.extra:
            found = self._find()
        else:
            found = recall_choice(make_key(self.loaded, self.plan, self.space.open, self.facts), self._find)
        if found.choice is None:
            return _explain_caution(self.plan, found.why_none)
        chosen = self.plan if found.choice == Choice() else self.resolve_with(found.choice)
        if chosen is None:
            return self.plan
        return _explain(_spare_evaluation(_keep_reasons(chosen, self.plan), self.plan), found.reasons)

    def _find(self) -> FoundChoice:
        fastest = next(self._iterate_supported(), None)
        if fastest is None:
            return FoundChoice(None, why_none=f"no setting is certain to fit (this one: {self.usual.description})")
        best = self._find_best(fastest)
        return FoundChoice(best.candidate.choice, self._explain_choice(best))

    def _iterate_supported(self) -> Iterator[Ranked]:
        """Those that can be had, the fastest first. Of most candidates nobody asks for the memory."""
        return (one for one in self.ranked if self._is_supported(one))

    def _is_supported(self, one: Ranked) -> bool:
        """Whether it fits, and the framework supports it as well as the plan as it is."""
        if one not in self._known_support:
            self._known_support[one] = one.fits and (one is self.usual or not self._explain_unsupported(one))
        return self._known_support[one]

    @cached_property
    def _known_support(self) -> dict[Ranked, bool]:
        return {}

    @cached_property
    def _refused(self) -> set[UnsupportedSetting]:
        return set(self.backend.find_unsupported(self.plan))

    def _explain_unsupported(self, one: Ranked) -> str:
        """Why a candidate can't be had; empty where it can."""
        plan = one.candidate.plan
        found = next((limit.why for limit in self.backend.find_unsupported(plan) if limit not in self._refused), "")
        return found or self._missing.explain_missing(plan.training.attention)

    @cached_property
    def _missing(self) -> FlashGain:
        return FlashGain(self.loaded, self.backend, self.plan)

    def _explain_gain(self, best: Ranked) -> str:
        """What FlashAttention would gain, and how it is had; empty where it would gain nothing, or is there."""
        for one in self.ranked:
            if one.seconds_per_example * WORTH_A_CHANGE >= best.seconds_per_example:
                return ""
            command = self._missing.explain_missing(one.candidate.plan.training.attention)
            limits = [
                limit for limit in self.backend.find_unsupported(one.candidate.plan) if limit not in self._refused
            ]
            if command and one.fits and not limits:
                times = best.seconds_per_example / one.seconds_per_example
                what = _format_setting(one.candidate.plan, "attention")
                packed = "" if best.candidate.plan.training.packing else "packing and "
                return f"{packed}{what} would train {times:.1f} times as many examples/s; {command}"
        return ""

    def _find_best(self, fastest: Ranked) -> Ranked:
        usual = self.usual
        same = next((one for one in self._iterate_supported() if _has_strategy_of(one, usual)), fastest)
        if same.seconds_per_example <= fastest.seconds_per_example * WORTH_A_STRATEGY:
            fastest = same
        enough = fastest.seconds_per_example * WORTH_A_CHANGE
        if usual.seconds_per_example <= enough and self._is_supported(usual):
            return usual
        slowest = fastest.seconds_per_example * ALIKE
        alike = takewhile(lambda one: one.seconds_per_example <= slowest, self._iterate_supported())
        return min((one for one in alike if _has_strategy_of(one, fastest)), key=lambda one: one.safe_peak)

    def _explain_choice(self, best: Ranked) -> dict[str, str]:
        found: dict[str, str] = {}
        for setting, paths in PLAN_PATHS.items():
            unused = setting == "pack_length" and not best.candidate.plan.training.packing
            if getattr(self.space.open, setting) and not unused:
                found |= dict.fromkeys(paths, self._explain_setting(setting, best))
        if self.space.open.attention and (gain := self._explain_gain(best)):
            found["training.attention"] = f"{found.get('training.attention') or FASTEST}; {gain}"
        return {path: text for path, text in found.items() if text}

    def _explain_setting(self, setting: str, best: Ranked) -> str:
        """The speed and memory of the choice and of the next best; empty where there was only one."""
        value = _read_setting(best.candidate.plan, setting)
        others = [
            one
            for one in self.ranked
            if _read_setting(one.candidate.plan, setting) != value
            and (setting != "attention" or not self._missing.explain_missing(one.candidate.plan.training.attention))
        ]
        if setting == "packing" and not others and (why := self.space.explain_no_packing()):
            return f"{NOT_PACKED}: {why}"
        if not others:
            return ""
        text = f"{FASTEST}: {best.description} of {best.estimate.usable / GIB:.0f}"
        other = next((one for one in others if self._is_supported(one)), None)
        if other is not None:
            how = "next best" if other.seconds_per_example > best.seconds_per_example else "about as fast"
            return f"{text}; {how}: {_format_setting(other.candidate.plan, setting)} ({other.description})"
        fitting = next((one for one in others if one.fits), None)
        if fitting is None:
            return f"{text}; nothing else fits"
        instead = f"{_format_setting(fitting.candidate.plan, setting)} ({fitting.description})"
        return f"{text}; not used: {instead}: {self._explain_unsupported(fitting)}"


def list_speed_choices(plan: Plan) -> dict[str, str]:
    """What was chosen for speed, and what was not for a reason: the paths of a plan's values, and the reasons."""
    paths = dict.fromkeys(path for every in PLAN_PATHS.values() for path in every)
    texts = {path: plan.reasons[path].text for path in paths if path in plan.reasons}
    return {path: text for path, text in texts.items() if any(one in text for one in (FASTEST, NOT_CHOSEN, NOT_PACKED))}


def make_training_rows(loaded: LoadedRecipe, plan: Plan) -> TrainingRows | None:
    """The examples whose lengths are known, for an estimate of a step's time; None where they are not."""
    from qwen_recipes.estimate import TrainingRows

    if loaded.lengths is None:
        return None
    t = plan.training
    kept = loaded.lengths.list_kept(t.sequence_length, truncate=t.overlong == "truncate")
    if not kept:
        return None
    rounded = tuple(max(1, round(length)) for length in kept)
    exact = loaded.lengths.complete and plan.objective.type != "kto"  # its KL term joins a prompt and another's answer
    longest = min(loaded.lengths.longest, t.sequence_length)
    return TrainingRows(loaded.lengths.measured, sum(kept) / len(kept), longest, exact, rounded)


def _has_strategy_of(one: Ranked, other: Ranked) -> bool:
    return one.candidate.plan.hardware.strategy == other.candidate.plan.hardware.strategy


def _keep_reasons(chosen: Plan, usual: Plan) -> Plan:
    """The chosen plan, where nothing that was filled in for it counts as written."""
    reasons = dict(chosen.reasons)
    for path, reason in reasons.items():
        if path in usual.reasons and _read_value(chosen, path) == _read_value(usual, path):
            reasons[path] = usual.reasons[path]
        elif reason.origin == "recipe":
            kept = tuple(field for field in reason.fields if field in chosen.set_fields)
            reasons[path] = replace(reason, origin="recipe" if kept else "hardware", fields=kept)
    return replace(chosen, reasons=reasons)


def _read_value(plan: Plan, path: str) -> object:
    value: object = plan
    for name in path.split("."):
        value = getattr(value, name, None)
    return value


def _spare_evaluation(chosen: Plan, usual: Plan) -> Plan:
    """The chosen plan, evaluated in micro-batches that are no larger than usual: no trainer fuses that loss."""
    size = usual.training.evaluation_micro_batch_size
    if chosen.training.evaluation_micro_batch_size <= size:
        return chosen
    changed = replace(chosen, training=replace(chosen.training, evaluation_micro_batch_size=size))
    return _explain(
        changed, {"training.evaluation_micro_batch_size": "evaluation keeps the logits of every token in memory"}
    )


def _read_setting(plan: Plan, setting: str) -> object:
    if setting == "kernels":
        return (plan.training.liger, plan.training.lora_kernels)
    if setting == "strategy":
        return plan.hardware.strategy
    return getattr(plan.training, setting) if setting != "pack_length" else plan.training.tokens_per_sequence


def _format_setting(plan: Plan, setting: str) -> str:
    value = _read_setting(plan, setting)
    if setting == "kernels":
        t = plan.training
        names = ", ".join(name for name, on in (("liger", t.liger), ("lora", t.lora_kernels)) if on)
        return f"kernels: [{names or 'none'}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _explain_caution(plan: Plan, why: str) -> Plan:
    paths = ("training.micro_batch_size", "training.gradient_checkpointing", "training.packing", "training.liger")
    path = next((path for path in paths if path not in plan.set_fields), paths[0])
    return _explain(plan, {path: f"{{}}; {NOT_CHOSEN}: {why}"})


def _explain(plan: Plan, texts: Mapping[str, str]) -> Plan:
    """The plan with these reasons; what chose them was the machine. `{}` stands for the reason as it is."""
    reasons = dict(plan.reasons)
    for path, text in texts.items():
        if path not in plan.set_fields:
            now = reasons.get(path)
            fields = tuple(field for field in (now.fields if now else ()) if field in plan.set_fields)
            reasons[path] = Reason("hardware", text.replace("{}", now.text if now else ""), fields)
    return replace(plan, reasons=reasons)
