"""Schedule-free weights saved without averaging.

What:
`training.optimizer: schedule_free_adamw` in a run that does not evaluate right before it saves: without validation
data, or with other intervals of evaluations than of checkpoints.

Why it matters:
A schedule-free optimizer averages the weights instead of lowering the learning rate; the average is its result, and
training itself runs on noisier weights. The frameworks put the average into the model where they evaluate, and never
where they save, so without an evaluation the noisier weights are saved.

Evidence:
Tested with transformers 5.20.1 and schedulefree 1.4.1 in Axolotl's environment: without an evaluation the saved weights
are those that training runs on, after one they are the averaged ones. LLaMA-Factory, ms-swift and TRL use the same
`Trainer` (not run).
To reproduce: `research/evidence/schedule_free_weights.py`.

Instead:
Hold out examples, e.g. `validation: 0.05` under `data`, and leave `evaluate_every` and `save_every` out: each save then
follows an evaluation. Or use `adamw_torch_fused` with `scheduler: cosine`.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.backends.plan import Plan
from qwen_recipes.guards.base import Guard, GuardContext, Violation


def check(context: GuardContext) -> Iterator[Violation]:
    """A schedule-free run whose saved weights are those that it trains at."""
    plan = context.plan
    if plan.training.optimizer != "schedule_free_adamw" or _evaluates_before_each_save(plan):
        return
    if plan.data.validates:
        instead = "leave `evaluate_every` and `save_every` out, or give both the same interval, which divides `steps`"
    else:
        instead = "add `validation: 0.05` under `data`"
    yield Violation(
        ("training", "optimizer"),
        "`schedule_free_adamw` saves weights that are not averaged if nothing is evaluated right before",
        instead,
    )


def _evaluates_before_each_save(plan: Plan) -> bool:
    """Whether an evaluation comes right before every checkpoint and the end; early stopping keeps what it evaluated."""
    training = plan.training
    evaluate, save = training.evaluate_every, training.save_every
    if training.early_stopping is not None:
        return True
    if evaluate == "epoch":
        return save in ("never", "epoch")
    if not (isinstance(evaluate, int) and training.steps) or training.steps % evaluate:
        return False
    return save == "never" or (isinstance(save, int) and save % evaluate == 0)


GUARD = Guard("QR425", "schedule-free-not-averaged", "warning", "high", __doc__, check)
