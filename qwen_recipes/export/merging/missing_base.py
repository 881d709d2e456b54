"""What to say where a base model is neither a folder nor on the hub."""

from __future__ import annotations


def explain_missing_base(base: str, revision: str | None, error: Exception) -> str:
    """Why a base could not be read, by the hub client's error; never its own text, which may hold a signed address."""
    at = f" at revision {revision}" if revision else ""
    known = {
        "HFValidationError": f"{base} is neither a folder nor the id of a model; write ORGANISATION/NAME",
        "GatedRepoError": f"{base} is gated; accept its license on the hub, then log in: `hf auth login`, or HF_TOKEN",
        "RevisionNotFoundError": f"{base} has no revision {revision}",
        "RepositoryNotFoundError": f"the hub has no public model {base}; check the id, or log in: `hf auth login`",
    }
    if base.count("/") != 1 or base.startswith((".", "/", "~")):
        return known["HFValidationError"]
    names = [one.__name__ for one in type(error).__mro__]
    return next(
        (known[name] for name in names if name in known),
        f"{base}{at} is neither a folder nor in the local cache, and could not be downloaded; check the connection",
    )
