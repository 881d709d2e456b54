"""Secret in the recipe.

What:
The recipe contains a token, a key or a password: under `extra`, in a URL, or anywhere else.

Why it matters:
It would be compiled into the framework's config, which is committed, copied to other machines and uploaded with the
model; trackers show it to everyone who can see the run.

Evidence:
Tested: without this guard, `hub_token` and `wandb_api_key` under `extra` were written into the compiled `train.yaml`
and the run's `run.json` (`tests/unit/recipe/test_secrets.py`).

Instead:
Leave it out and set the variable that the framework reads where you start the run: `HF_TOKEN`, `WANDB_API_KEY`,
`AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`. Before: `backends: {axolotl: {extra: {hub_token: hf_abc…}}}`. After:
`export HF_TOKEN=hf_abc…`, then `recipes run`. If the recipe was shared, revoke the token and create a new one.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation
from qwen_recipes.recipe.secrets import remember_secret

SUGGESTION = "leave it out, and set the framework's variable (HF_TOKEN, WANDB_API_KEY, …) where you start the run"


def check(context: GuardContext) -> Iterator[Violation]:
    """Values and keys of the recipe that look like a secret, or are named as one."""
    for route, secret in context.loaded.secrets:
        remember_secret(secret)
        where = ".".join(map(str, route))
        yield Violation(route, f"`{where}` holds a secret, which would be written into compiled files", SUGGESTION)


GUARD = Guard("QR707", "secret-in-recipe", "error", "high", __doc__, check)
