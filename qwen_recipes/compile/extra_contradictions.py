"""`backends.*.extra` only adds: a native key that says otherwise than the plan, or changes the rows, is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from qwen_recipes.backends.base import Backend
from qwen_recipes.backends.plan import Plan
from qwen_recipes.compile.extra_keys import MISSING, get_value, same_value
from qwen_recipes.compile.traced_plan import find_source_fields

_FASTER_ALONE = ("training.lora_kernels", "training.log_every")
"""Fields of the plan that change no number that is learned: what nobody wrote, a native key may say."""


def find_contradicted_fields(
    plan: Plan, backend: Backend, compiled: Mapping[str, object], keys: Mapping[str, set[str]]
) -> dict[str, str]:
    """Native keys of `extra` that contradict what the recipe resolves to, each with the field to use.

    `compiled` is the compiled config, `keys` its native keys (dotted) with the plan's fields behind them.
    """
    found = {}
    for native, value in plan.extra.items():
        compiled_value = get_value(compiled, native)
        if same_value(value, compiled_value) or (compiled_value is MISSING and is_neutral(value)):
            continue
        field = _find_governing_field(plan, native, value, compiled_value, keys) or _get_listed_field(backend, native)
        if field:
            found[native] = field
    return found


def choose_field_to_write(backend: Backend, native: str, field: str, keys: Mapping[str, set[str]]) -> str:
    """The recipe's field that says what the native key says; `field`, which contradicts it, may be another.

    `keys` are the compiled config's native keys (dotted) with the plan's fields behind them.
    """
    from qwen_recipes.recipe.field_index import index_fields

    printed = sorted(path for path in keys.get(native, ()) if path in index_fields())
    return _get_listed_field(backend, native) or (field if field in printed else next(iter(printed), field))


def is_neutral(value: object) -> bool:
    """Whether a value of a key that is not in the config turns nothing on."""
    return value in (None, False, 0, "", "no", "none") or value in ([], {})


def _find_governing_field(
    plan: Plan, native: str, value: object, compiled_value: object, keys: Mapping[str, set[str]]
) -> str | None:
    """The recipe's field printed at this key where the value differs: a map's only where that part of it differs."""
    for key, paths in keys.items():
        if key != native and not key.startswith((f"{native}.", f"{native}[]")):
            continue
        steps = key[len(native) :].strip(".").split(".") if key.startswith(f"{native}.") else []
        if steps and same_value(_look_up(value, steps), _look_up(compiled_value, steps)):
            continue
        for path in sorted(paths - set(_FASTER_ALONE)):
            return _name_recipe_field(plan, path)
    return None


def _look_up(value: object, steps: list[str]) -> object:
    for step in steps:
        value = value.get(step, MISSING) if isinstance(value, Mapping) else MISSING
    return value


def _name_recipe_field(plan: Plan, path: str) -> str:
    """The field that a person writes for the plan's field at `path`."""
    from qwen_recipes.recipe.field_index import index_fields

    written = index_fields()
    sources = find_source_fields(plan, path)
    asked = [field for field in sources if field in plan.set_fields]
    candidates = [*asked, _SPELLED.get(path, path), *sources, *_iter_parents(path)]
    return next((field for field in candidates if field in written), path)


_SPELLED = {
    "training.warmup.ratio": "training.warmup_ratio",
    "training.warmup.steps": "training.warmup_steps",
    "training.beta1": "training.betas",
    "training.beta2": "training.betas",
    "training.gradient_accumulation": "training.batch_size.examples",
    "training.reentrant_checkpointing": "training.gradient_checkpointing",
    "training.offload_activations": "training.gradient_checkpointing",
    "training.liger": "training.kernels",
    "training.cut_cross_entropy": "training.kernels",
    "chat.eos": "chat.template",
    "chat.pad": "chat.template",
}
"""Fields of the plan that the recipe calls otherwise."""


def _iter_parents(path: str) -> Iterator[str]:
    while "." in path:
        path = path.rpartition(".")[0]
        yield path


def _get_listed_field(backend: Backend, native: str) -> str | None:
    return next((field for field, keys in backend.keys_by_field.items() if native in keys), None)
