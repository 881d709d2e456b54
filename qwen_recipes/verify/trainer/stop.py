"""End a run where its first batch is drawn: optimizer, scheduler, hooks and loaders are there, nothing is trained."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

Act = Callable[[Any, list[Any], Any], None]
"""Called with the trainer, its first batches, and the number of items that their loss is divided by (None: a mean)."""


def stop_at_first_batch(act: Act, batches: int) -> None:
    """Let every `transformers.Trainer` train up to its first batch, then act once and end the process.

    All of `Trainer.train` that comes before is the framework's own: NEFTune, checkpointing, Liger and special tokens
    are set by then, and steps are planned.
    """
    cls = import_module("transformers").Trainer
    train = cls.train

    @functools.wraps(train)
    def until_first_batch(trainer: Any, *args: Any, **options: Any) -> Any:
        trainer.get_batch_samples = functools.partial(_end, act, batches, trainer, trainer.get_batch_samples)
        return train(trainer, *args, **options)

    cls.train = until_first_batch


def _end(act: Act, batches: int, trainer: Any, draw: Any, iterator: Iterator[Any], _count: int, *args: Any) -> None:
    status = 1
    try:
        found, counted = draw(iterator, batches, *args)
        act(trainer, found, counted)
        status = 0
    except BaseException:
        import_module("traceback").print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
