"""The differences in tokens that no config removes, as each backend lists them in its `verification`."""

from __future__ import annotations

from qwen_recipes.backends import load_backend
from qwen_recipes.backends.verification import ALL_TEMPLATES, KnownDifference


def find_known_difference(backend: str, objective: str, template: str, kind: str) -> KnownDifference | None:
    """What is known of a difference of this kind, or of another text. `template` is the chat template's name.

    None where it is news.
    """
    verification = load_backend(backend).verification
    if template not in ALL_TEMPLATES:
        found = verification.custom_template_difference
        return found if found and found.objective == objective else None
    known = [one for one in verification.known_differences if one.objective == objective and template in one.templates]
    return next((one for name in (kind, "text") for one in known if one.kind == name), None)
