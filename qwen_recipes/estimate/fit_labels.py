"""What `Estimate.check_fit` says, in words."""

from __future__ import annotations

FIT_LABELS = {"yes": "fits", "close": "may fit", "no": "does not fit"}
