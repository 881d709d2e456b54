"""The model's modules: dropout, noise, checkpointing, attention, and code that is not the model's own."""

from __future__ import annotations

from collections import Counter
from typing import Any

from .adapters import find_peft_model, list_active_adapters
from .plain import to_plain

CONFIG = ("_attn_implementation", "use_cache", "output_router_logits", "router_aux_loss_coef", "tie_word_embeddings")
OWN_CODE = ("torch.", "transformers.models.", "transformers.modeling_", "transformers.activations", "peft.")


def observe_modules(trainer: Any) -> dict[str, Any]:
    """What the forward pass does besides the weights. `training` is as found: each step turns it on by itself.

    ms-swift turns checkpointing on by itself and sets the argument to false: `checkpointing` is what holds.
    """
    model = trainer.model
    return {
        "class": f"{type(model).__module__}.{type(model).__qualname__}",
        "training": model.training,
        "dropout": count_dropouts(model),
        "neftune": _find_noise(model),
        "checkpointing": _describe_checkpointing(model),
        "config": {name: to_plain(getattr(model.config, name, None)) for name in CONFIG},
        "loss": to_plain(getattr(_find_causal_model(model), "loss_function", None)),
        "patched": _find_patched(model),
        "compiled": hasattr(trainer.model_wrapped, "_orig_mod"),
    }


def count_dropouts(model: Any) -> dict[str, dict[str, int]]:
    """Probabilities with how often each occurs, of the active adapters, of other modules, and of attention."""
    named = [(name, module) for name, module in model.named_modules() if type(module).__name__ == "Dropout"]
    peft = find_peft_model(model)
    active = tuple(f"lora_dropout.{name}" for name in (list_active_adapters(peft) if peft is not None else ()))
    adapter = Counter(str(float(module.p)) for name, module in named if name.endswith(active))
    own = Counter(str(float(module.p)) for name, module in named if "lora_dropout" not in name)
    found = (getattr(module, "attention_dropout", None) for module in model.modules())
    attention = Counter(str(float(p)) for p in found if isinstance(p, int | float))
    return {"adapter": dict(adapter), "own": dict(own), "attention": dict(attention)}


def _find_noise(model: Any) -> dict[str, Any] | None:
    """NEFTune's alpha, where a hook on the embeddings adds the noise."""
    embeddings = model.get_input_embeddings() if hasattr(model, "get_input_embeddings") else None
    for module in [embeddings, *model.modules()]:
        hooks = [to_plain(hook) for hook in getattr(module, "_forward_hooks", {}).values()]
        noisy = [hook for hook in hooks if "neftune" in str(hook).lower()]
        if noisy:
            return {"alpha": to_plain(getattr(module, "neftune_noise_alpha", None)), "hooks": noisy}
    return None


def _describe_checkpointing(model: Any) -> dict[str, Any]:
    """How many modules recompute their activations, and the options of `torch.utils.checkpoint.checkpoint`."""
    on = [module for module in model.modules() if getattr(module, "gradient_checkpointing", False)]
    functions = [getattr(module, "_gradient_checkpointing_func", None) for module in on]
    options = [to_plain(_find_options(function)) for function in functions if function is not None]
    return {
        "modules": dict(Counter(type(module).__name__ for module in on)),
        "options": options[0] if options else None,
    }


def _find_options(function: Any, depth: int = 4) -> dict[str, Any]:
    """Keywords that a partial function binds, also where LLaMA-Factory wraps it in another."""
    if getattr(function, "keywords", None):
        return dict(function.keywords)
    cells = [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]
    inner = [getattr(function, "func", None), getattr(function, "__wrapped__", None), *cells]
    found = (_find_options(one, depth - 1) for one in inner if callable(one) and depth)
    return next((options for options in found if options), {})


def _find_causal_model(model: object) -> object:
    inner = getattr(model, "pretrained_model", model)
    return inner.get_base_model() if hasattr(inner, "get_base_model") else inner


def _find_patched(model: Any) -> dict[str, str]:
    """Classes of modules whose forward pass comes from elsewhere (Liger, a framework), with where from."""
    found = {}
    for module in model.modules():
        forward = vars(module).get("forward", type(module).forward)
        source = str(getattr(_unwrap(forward), "__module__", ""))
        if not source.startswith(OWN_CODE):
            found[type(module).__qualname__] = f"{source}.{getattr(_unwrap(forward), '__qualname__', '?')}"
    return found


def _unwrap(function: Any) -> Any:
    while hasattr(function, "__wrapped__") or hasattr(function, "func"):
        function = getattr(function, "__wrapped__", None) or function.func
    return function
