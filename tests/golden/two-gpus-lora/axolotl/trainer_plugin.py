"""Axolotl's plugin for what its preference trainers and Muon leave out: `plugins` and `trainer_cls` in train.yaml.

Axolotl 0.21 reads NEFTune, early stopping, the best model and the adapter's dropout, and does not hand them to the
trainers of DPO, KTO, ORPO, SimPO and GRPO; of reward models, not the dropout. For DPO and KTO it makes a new adapter
in place of `lora_model_dir`, and saves the whole model beside it. Its Muon leaves out weights of one dimension. On
several GPUs it averages each GPU's own mean, so that a token counts more where its GPU has fewer of them.
"""

from typing import Any

from axolotl.contribs.mit.muon import Muon, MuonOptimizerFactory
from axolotl.core.trainers import AxolotlKTOTrainer
from axolotl.core.trainers.dpo import DPOStrategy
from axolotl.integrations.base import BasePlugin, PluginManager
from axolotl.loaders.adapter import load_adapter
from transformers import EarlyStoppingCallback

REFERENCE = "ref"
"""TRL's name for its copy of the adapter that training starts from."""


class PreferencePlugin(BasePlugin):  # type: ignore[misc,unused-ignore]
    """Hands the trainer what Axolotl's builder of preference trainers leaves out."""

    def get_training_args(self, cfg: Any) -> dict[str, Any]:
        """Arguments of the trainer that Axolotl does not set itself."""
        found: dict[str, Any] = {}
        if cfg.lora_dropout:
            found["disable_dropout"] = False
        if cfg.rl and cfg.neftune_noise_alpha:
            found["neftune_noise_alpha"] = cfg.neftune_noise_alpha
        if cfg.rl and cfg.early_stopping_patience:
            found |= {"load_best_model_at_end": True, "metric_for_best_model": cfg.metric_for_best_model}
        return found

    def add_callbacks_post_trainer(self, cfg: Any, trainer: Any) -> list[Any]:
        """Early stopping, and a reference without dropout."""
        turn_off_dropout(trainer.model, REFERENCE)
        patience = cfg.early_stopping_patience if cfg.rl else None
        return [EarlyStoppingCallback(patience)] if patience else []


class BaseReferencePlugin(BasePlugin):  # type: ignore[misc,unused-ignore]
    """Compares with the model without its adapter: TRL does where there is no copy of the adapter."""

    def add_callbacks_post_trainer(self, cfg: Any, trainer: Any) -> list[Any]:
        """Remove the copy."""
        if REFERENCE in trainer.model.peft_config:
            trainer.model.delete_adapter(REFERENCE)
        return []


class TokenMeanPlugin(BasePlugin):  # type: ignore[misc,unused-ignore]
    """The loss of a step is the mean over the tokens of all GPUs."""

    def get_training_args(self, cfg: object) -> dict[str, object]:
        """Axolotl turns it off; transformers has it on."""
        return {"average_tokens_across_devices": True}


class AdapterOnlyPlugin(BasePlugin):  # type: ignore[misc,unused-ignore]
    """Saves the adapter alone: after DPO and KTO, Axolotl also saves the model that the adapter was put into."""

    def post_trainer_create(self, cfg: Any, trainer: Any) -> None:
        """Leave out the second save, of a model whose weights have the names of adapted layers."""
        trainer.model.get_base_model().save_pretrained = leave_unsaved


def leave_unsaved(*_: object, **__: object) -> None:
    """Save nothing."""


class MuonPlugin(BasePlugin):  # type: ignore[misc,unused-ignore]
    """Muon trains weights of one dimension (RMSNorm) with its AdamW, as it does embeddings."""

    def register(self, cfg: object) -> None:
        """Take the place of Axolotl's factory, which leaves them out."""
        MuonOptimizerFactory.__call__ = make_muon


def make_muon(factory: Any, opt_model: Any, training_args: Any, **options: Any) -> Any:
    """Muon over all weights that are trained."""
    trained = [(name, weight) for name, weight in opt_model.named_parameters() if weight.requires_grad]
    adamw = [name for name, weight in trained if weight.ndim < 2 or is_embedding(name)]
    optimizer = Muon(
        lr=options.pop("lr"),
        wd=options.pop("weight_decay"),
        muon_params=[weight for name, weight in trained if name not in adamw],
        adamw_params=[weight for name, weight in trained if name in adamw],
        adamw_betas=options.pop("betas"),
        adamw_eps=options.pop("eps"),
        **options,
    )
    leave_undecayed(optimizer, [weight for name, weight in trained if name.rpartition(".")[0].endswith("norm")])
    return optimizer


def leave_undecayed(optimizer: Any, weights: list[Any]) -> None:
    """Put weights into a group of their own without decay, as transformers does with norms."""
    if not weights:
        return
    (group,) = optimizer.param_groups
    apart = {id(weight) for weight in weights}
    group["params"] = [weight for weight in group["params"] if id(weight) not in apart]
    options = {key: value for key, value in group.items() if key != "params"}
    optimizer.add_param_group({**options, "params": weights, "wd": 0.0})


def is_embedding(name: str) -> bool:
    """Whether a weight is an embedding or the output layer, which Muon is not for."""
    return "embed_tokens" in name or "lm_head" in name


def turn_off_dropout(model: Any, adapter: str) -> None:
    """Set the dropout of one adapter to 0."""
    for module in model.modules():
        dropouts = getattr(module, "lora_dropout", {})
        if adapter in dropouts:
            dropouts[adapter].p = 0.0


def load_start(model: object) -> Any:
    """The model with the adapter that Axolotl's config names, as its other trainers load it."""
    cfg = PluginManager.get_instance().cfg
    return load_adapter(model, cfg, cfg.adapter)[0]


class ContinuedDPOTrainer(DPOStrategy.get_trainer_class()):  # type: ignore[misc,unused-ignore]
    """DPO from a saved adapter."""

    def __init__(self, model: object, *args: object, peft_config: object = None, **options: object) -> None:
        super().__init__(load_start(model), *args, **options)


class ContinuedKTOTrainer(AxolotlKTOTrainer):  # type: ignore[misc,unused-ignore]
    """KTO from a saved adapter."""

    def __init__(self, model: object, *args: object, peft_config: object = None, **options: object) -> None:
        super().__init__(load_start(model), *args, **options)
