"""A search by Optuna: it draws the values of trials (ask), and is told how they ended (tell).

The study is a journal in the sweep's folder, and the sampler is kept beside it, so that a search that was stopped goes
on with the numbers it would have drawn.
"""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.filesystem.read_file import read_bytes
from qwen_recipes.filesystem.replace_file import replace_file
from qwen_recipes.recipe.spec.sweep import ParameterRange, Search
from qwen_recipes.recipe.trials import LoadedSweep, Trial
from qwen_recipes.resolve.sweep_metric import SweepMetric
from qwen_recipes.runs.sweep_record import TrialRow

if TYPE_CHECKING:
    import optuna

STUDY_FILE, SAMPLER_FILE = "study.log", "sampler.pkl"
DEFAULT_TRIALS, DEFAULT_SEED = 20, 42
_SIMPLE = (bool, int, float, str)


class MissingOptunaError(QwenRecipesError):
    """A search needs Optuna, which is not installed."""

    def __init__(self) -> None:
        super().__init__("`sweep.search` needs Optuna: pip install 'qwen-recipes[sweep]'")


@dataclass
class OptunaSearch:
    """One study. `draw`, `should_prune` and `tell` are what a sweep asks of a search."""

    sweep: LoadedSweep
    study: optuna.Study
    folder: Path
    trials: int

    def draw(self) -> Trial | None:
        """The next trial, named by its number; None where there are enough."""
        if len(self.study.get_trials(deepcopy=False)) >= self.trials:
            return None
        asked = self.study.ask(make_distributions(self.sweep))
        self._save_sampler()
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
        self._save_sampler()

    def _save_sampler(self) -> None:
        replace_file(self.folder / SAMPLER_FILE, pickle.dumps(self.study.sampler))

    def _read_values(self, params: dict[str, Any]) -> dict[str, Any]:
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
    study_file, sampler_file = folder / STUDY_FILE, folder / SAMPLER_FILE
    if not resume:
        for file in (study_file, sampler_file):
            file.unlink(missing_ok=True)
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(study_file)))
    study = optuna.create_study(
        study_name=sweep.name,
        storage=storage,
        sampler=_load_sampler(sampler_file) or make_sampler(settings),
        pruner=_make_pruner(settings),
        direction="maximize" if metric.maximize else "minimize",
        load_if_exists=True,
    )
    return OptunaSearch(sweep, study, folder, settings.trials or DEFAULT_TRIALS)


def _load_sampler(file: Path) -> optuna.samplers.BaseSampler | None:
    """The sampler as it was when the search stopped; the file is ours, written by `draw` and `tell`."""
    try:
        sampler: optuna.samplers.BaseSampler = pickle.loads(read_bytes(file, "record"))
    except (OSError, pickle.UnpicklingError, EOFError, AttributeError):
        return None
    return sampler


def make_sampler(settings: Search) -> optuna.samplers.BaseSampler:
    """The sampler that a search asks for."""
    import optuna

    seed = DEFAULT_SEED if settings.seed is None else settings.seed
    if settings.sampler == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    if settings.sampler == "gp":
        return optuna.samplers.GPSampler(seed=seed)
    return optuna.samplers.TPESampler(seed=seed, n_startup_trials=min(10, max(2, (settings.trials or 20) // 3)))


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


def _make_distribution(stated: list[Any] | ParameterRange) -> optuna.distributions.BaseDistribution:
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


def _encode(value: Any) -> Any:
    return value if value is None or isinstance(value, _SIMPLE) else json.dumps(value)


def _decode(value: Any, stated: list[Any] | ParameterRange) -> Any:
    if isinstance(stated, list):
        return next(one for one in stated if _encode(one) == value and type(_encode(one)) is type(value))
    return float(f"{value:.6g}") if isinstance(value, float) else value
