"""The adapter that training continues: its folder in the hub's cache, downloaded where it is not there.

`HF_HUB_OFFLINE`, `HF_ENDPOINT` and `HF_TOKEN` mean what they mean to the hub's client.
"""

import sys
from pathlib import Path

FILES = ("adapter_config.json", "adapter_model.safetensors", "adapter_model.bin")
"""The files of an adapter that PEFT reads."""


def main(repo: str, revision: str | None = None) -> None:
    """Print the folder of the adapter at this revision; exits 1 with a message where it is not to be had."""
    print(find_adapter_folder(repo, revision))


def find_adapter_folder(repo: str, revision: str | None) -> str:
    """The folder with the adapter's settings and weights. Exits 1 with a message where they are not to be had."""
    from huggingface_hub import snapshot_download

    at = f"{repo} at revision {revision}" if revision else repo
    try:
        folder = snapshot_download(repo, revision=revision, allow_patterns=list(FILES))
    except Exception as error:  # the client raises errors of its own, of its HTTP library and of the system
        sys.exit(f"adapter: {at} could not be loaded from the hub ({_explain(error)}); check method.start_from")
    if not any((Path(folder) / name).is_file() for name in FILES[1:]):
        sys.exit(f"adapter: the weights of {at} are not in {folder}; unset HF_HUB_OFFLINE, or check method.start_from")
    return str(folder)


def _explain(error: Exception) -> str:
    """Why, in words; never the error's own text, which may hold a signed address."""
    from huggingface_hub import errors

    known = {
        errors.GatedRepoError: "it is gated, and no token gives access",
        errors.RevisionNotFoundError: "there is no such revision",
        errors.RepositoryNotFoundError: "there is no such public repository",
        errors.LocalEntryNotFoundError: "it is not in the local cache, and the hub can't be reached",
    }
    return next((why for kind, why in known.items() if isinstance(error, kind)), type(error).__name__)
