"""What Axolotl reads of an entry of `datasets`."""

from __future__ import annotations

from typing import Any

DATASET_CLASSES = {"dpo": "DPODataset", "ipo": "DPODataset", "simpo": "DPODataset", "kto": "KTODataset"}
"""What Axolotl makes of an entry of `datasets`, by `rl`."""
DPO_DEFAULTS: dict[str, dict[str, Any]] = {
    "message_property_mappings": {"role": "role", "content": "content"},
    "roles": {"user": ["user"], "assistant": ["assistant"], "system": ["system"], "tool": ["tool"]},
}
"""What Axolotl's DPO strategy takes where an entry of `datasets` says nothing: dropping just that changes nothing."""
