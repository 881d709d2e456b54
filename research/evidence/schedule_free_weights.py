"""transformers' Trainer saves the weights that a schedule-free optimizer trains at, not those that it averages.

`optimizer.eval()` puts the averaged weights into the model, and the Trainer calls it where it evaluates, never where it
saves. A model of one layer is trained without evaluations, and with one after each epoch.
"""

from __future__ import annotations

import tempfile

import torch
from evidence_result import report_result
from safetensors.torch import load_file
from transformers import PretrainedConfig, PreTrainedModel, Trainer, TrainingArguments

GUARDS = ("QR425",)
ENVIRONMENT = "axolotl"


class Line(PreTrainedModel):
    """A linear layer with a loss."""

    config_class = PretrainedConfig
    supports_gradient_checkpointing = False

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__(config)
        self.layer = torch.nn.Linear(4, 1)
        self.post_init()

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        out = self.layer(x)
        return {"loss": torch.nn.functional.mse_loss(out, labels), "logits": out}


def train(evaluates: bool) -> dict[str, float]:
    """The largest differences of the saved weights from those trained at and from the averaged ones."""
    torch.manual_seed(0)
    rows = [{"x": torch.randn(4), "labels": torch.randn(1)} for _ in range(32)]
    with tempfile.TemporaryDirectory() as folder:
        every = "epoch" if evaluates else "no"
        told = TrainingArguments(
            folder, optim="schedule_free_adamw", lr_scheduler_type="constant", learning_rate=0.05, num_train_epochs=2,
            per_device_train_batch_size=8, eval_strategy=every, save_strategy="epoch", use_cpu=True, report_to="none",
            disable_tqdm=True, seed=1,
        )  # fmt: skip
        trainer = Trainer(model=Line(PretrainedConfig()), args=told, train_dataset=rows, eval_dataset=rows)
        trainer.train()
        trainer.save_model(folder)
        saved = load_file(f"{folder}/model.safetensors")["layer.weight"]
        optimizer, weight = trainer.optimizer, trainer.model.layer.weight
        optimizer.eval()
        averaged = weight.detach().clone()
        optimizer.train()
        return {
            "from those trained at": float((saved - weight.detach()).abs().max()),
            "from the averaged": float((saved - averaged).abs().max()),
        }


without, with_evaluation = train(False), train(True)
report_result(
    {
        "saved without an evaluation: the weights trained at": without["from those trained at"] == 0,
        "saved without an evaluation: not the averaged ones": without["from the averaged"] > 1e-4,
    },
    {
        "saved after an evaluation: the averaged weights": with_evaluation["from the averaged"] < 1e-6,
        "saved after an evaluation: not those trained at": with_evaluation["from those trained at"] > 1e-4,
    },
    {"largest difference without": without, "largest difference with": with_evaluation},
    ("transformers", "schedulefree"),
)
