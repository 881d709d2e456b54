"""A sweep: one recipe trained with several values of some fields."""

from typing import Annotated, Any, Literal

from pydantic import Field

from qwen_recipes.recipe.spec.section import Section, optional_field
from qwen_recipes.recipe.spec.text_forms import PART_NAME

TrialName = Annotated[str, Field(pattern=PART_NAME, max_length=60)]


class ParameterRange(Section):
    """Numbers from `min` to `max`, both included."""

    min: int | float | None = optional_field("The smallest value.", example=0.05, read_by="tool")
    max: int | float | None = optional_field("The largest value.", example=0.2, read_by="tool")
    step: Annotated[int, Field(gt=0)] | Annotated[float, Field(gt=0)] | None = optional_field(
        "Distance between two values. Cannot be combined with `count` or `log`.", example=0.05, read_by="tool"
    )
    count: int | None = optional_field(
        "Number of values, evenly spaced. Without `step` and `count`, a search draws any value of the range.",
        example=4,
        read_by="tool",
        ge=2,
        le=1000,
    )
    log: bool | None = optional_field(
        "Space or sample the values on a logarithmic scale, as for learning rates.", example=True, read_by="tool"
    )


class Search(Section):
    """A search by Optuna, which chooses each trial's values by the results so far."""

    trials: int | None = optional_field("Number of trials. Default: 20.", example=20, read_by="tool", ge=1, le=1000)
    sampler: Literal["tpe", "random", "gp"] | None = optional_field(
        "Optuna's sampler. Default: tpe.", example="tpe", read_by="tool"
    )
    pruner: Literal["none", "median", "hyperband"] | None = optional_field(
        "Optuna's pruner, which stops trials that fall behind. Default: median.", example="median", read_by="tool"
    )
    seed: int | None = optional_field("Seed of the sampler. Default: 42.", example=42, read_by="tool", ge=0)


class Sweep(Section):
    """Trials of one recipe: combinations of values, named trials, or a search."""

    parameters: dict[str, Annotated[list[Any], Field(min_length=1)] | ParameterRange] | None = optional_field(
        "Fields and their values: a list, or a range. Every combination is a trial.",
        example={"training.learning_rate": [5e-5, 1e-4, 2e-4]},
        read_by="tool",
    )
    trials: dict[TrialName, dict[str, Any]] | None = optional_field(
        "Trials by name, each with the fields that it sets.",
        example={"small": {"method.rank": 8, "training.learning_rate": 2e-4}},
        read_by="tool",
    )
    metric: str | None = optional_field(
        "What trials are ranked by: `eval_loss`, `loss`, `reward_accuracy`, or a name in the framework's log. Default: "
        "`reward_accuracy` for preference training, else `eval_loss` if it means the same in every trial.",
        example="eval_loss",
        read_by="tool",
        min_length=1,
    )
    goal: Literal["minimize", "maximize"] | None = optional_field(
        "Whether lower or higher values are better. Default: maximize accuracies and rewards, minimize the rest.",
        example="minimize",
        read_by="tool",
    )
    keep: Literal["best", "all", "none"] | None = optional_field(
        "Whose weights are kept. Default: the best trial's.", example="best", read_by="tool"
    )
    search: Search | None = optional_field("Search with Optuna.", example={"trials": 20}, read_by="tool")
    trial: TrialName | None = optional_field(
        "Use only this trial; usually given as `--set sweep.trial=NAME`.", example="lr1e-4-rank16", read_by="tool"
    )
    values: dict[str, Any] | None = optional_field(
        "Values of a trial that a search chose; `trial` names it.",
        example={"training.learning_rate": 1.3e-4},
        read_by="tool",
    )
