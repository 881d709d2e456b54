"""A search by Optuna: it draws the values of trials (ask), and is told how they ended (tell).

The study is a journal in the sweep's folder. Each trial has a sampler with a seed of its own, which follows from its
number: so a search that was stopped draws what it would have drawn, and nothing of a sampler is stored.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.recipe.spec.sweep import ParameterRange, Search
from qwen_recipes.recipe.trials import LoadedSweep, Trial
from qwen_recipes.resolve.sweep_metric import SweepMetric
from qwen_recipes.runs.sweep_record import TrialRow

if TYPE_CHECKING:
    import optuna

STUDY_FILE = "study.log"
DEFAULT_TRIALS, DEFAULT_SEED = 20, 42
_SIMPLE = (bool, int, float, str)


class MissingOptunaError(QwenRecipesError):
    """A search needs Optuna, which is not installed."""

    def __init__(self) -> None:
        super().__init__("`sweep.search` needs Optuna: pip install 'qwen-recipes[sweep]'")


def has_optuna() -> bool:
    """Whether Optuna is installed; it is not imported."""
    return find_spec("optuna") is not None


@dataclass
class OptunaSearch:
    """One study. `draw`, `should_prune` and `report_trial` are what a sweep asks of a search."""

    sweep: LoadedSweep
    study: optuna.Study
    settings: Search

    def draw(self) -> Trial | None:
        """The next trial, named by its number; None where there are enough."""
        number = len(self.study.get_trials(deepcopy=False))
        if number >= (self.settings.trials or DEFAULT_TRIALS):
            return None
        self.study.sampler = make_sampler(self.settings, number)
        asked = self.study.ask(make_distributions(self.sweep))
        return self.sweep.make_trial(make_trial_name(asked.number), self._read_values(asked.params))

    def should_prune(self, name: str, curve: list[tuple[int, float]]) -> bool:
        """Report the values of a trial's curve that are new, and ask whether it falls behind."""
        import optuna

        frozen = self.study.get_trials(deepcopy=False)[read_trial_number(name)]
        trial = optuna.trial.Trial(self.study, frozen._trial_id)
        for step, value in curve:
            if step not in frozen.intermediate_values:
                trial.report(value, step)
        return trial.should_prune()

    def report_trial(self, row: TrialRow) -> None:
        """Tell how a trial ended: its metric, that it was pruned, or that it failed."""
        import optuna

        states = {"finished": optuna.trial.TrialState.COMPLETE, "pruned": optuna.trial.TrialState.PRUNED}
        state = states.get(row.status, optuna.trial.TrialState.FAIL)
        if row.metric is None and row.status == "finished":
            state = optuna.trial.TrialState.FAIL
        value = row.metric if state == optuna.trial.TrialState.COMPLETE else None
        self.study.tell(read_trial_number(row.name), value, state=state, skip_if_finished=True)

    def _read_values(self, params: dict[str, object]) -> dict[str, object]:
        """Values as the recipe writes them: lists and maps stand as JSON in the study."""
        stated = self.sweep.spec.parameters or {}
        return {field: _decode(value, stated[field]) for field, value in params.items()}


def make_trial_name(number: int) -> str:
    """`t000`."""
    return f"t{number:03}"


def read_trial_number(name: str) -> int:
    """The number in a trial's name."""
    return int(name.removeprefix("t"))


def open_search(sweep: LoadedSweep, metric: SweepMetric, folder: Path, *, resume: bool) -> OptunaSearch:
    """The search of a sweep in its folder: a new study, or with `resume` the one that is there.

    Raises MissingOptunaError, OSError.
    """
    try:
        import optuna
        from optuna.storages.journal import JournalFileBackend
    except ImportError:
        raise MissingOptunaError from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    settings = sweep.spec.search or Search()
    study_file = folder / STUDY_FILE
    if not resume:
        study_file.unlink(missing_ok=True)
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(study_file)))
    study = optuna.create_study(
        study_name=sweep.name,
        storage=storage,
        pruner=_make_pruner(settings),
        direction="maximize" if metric.maximize else "minimize",
        load_if_exists=True,
    )
    return OptunaSearch(sweep, study, settings)


def make_sampler(settings: Search, number: int) -> optuna.samplers.BaseSampler:
    """The sampler that draws the trial of this number."""
    import optuna

    seed = (DEFAULT_SEED if settings.seed is None else settings.seed) + number
    if settings.sampler == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    if settings.sampler == "gp":
        return optuna.samplers.GPSampler(seed=seed)
    return optuna.samplers.TPESampler(
        seed=seed, n_startup_trials=min(10, max(2, (settings.trials or DEFAULT_TRIALS) // 3))
    )


def _make_pruner(settings: Search) -> optuna.pruners.BasePruner:
    import optuna

    if settings.pruner == "none":
        return optuna.pruners.NopPruner()
    if settings.pruner == "hyperband":
        return optuna.pruners.HyperbandPruner()
    return optuna.pruners.MedianPruner(n_startup_trials=3)


def make_distributions(sweep: LoadedSweep) -> dict[str, optuna.distributions.BaseDistribution]:
    """What each field is drawn from."""
    return {field: _make_distribution(stated) for field, stated in (sweep.spec.parameters or {}).items()
            if field in sweep.fields}  # fmt: skip


def _make_distribution(stated: list[object] | ParameterRange) -> optuna.distributions.BaseDistribution:
    import optuna

    if isinstance(stated, list):
        return optuna.distributions.CategoricalDistribution([_encode(value) for value in stated])
    from qwen_recipes.recipe.composition.sweep_ranges import list_range_values

    low, high, step = stated.min, stated.max, stated.step
    assert low is not None and high is not None
    if stated.count is not None:
        return optuna.distributions.CategoricalDistribution(list_range_values(stated))
    if isinstance(low, int) and isinstance(high, int) and (step is None or isinstance(step, int)):
        return optuna.distributions.IntDistribution(low, high, log=bool(stated.log), step=step or 1)
    return optuna.distributions.FloatDistribution(low, high, log=bool(stated.log), step=step)


def _encode(value: object) -> Any:
    return value if value is None or isinstance(value, _SIMPLE) else json.dumps(value)


def _decode(value: object, stated: list[object] | ParameterRange) -> object:
    if isinstance(stated, list):
        return next(one for one in stated if _encode(one) == value and type(_encode(one)) is type(value))
    return float(f"{value:.6g}") if isinstance(value, float) else value
