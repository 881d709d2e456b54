"""Fills the hub's local cache with the small files that say what a model or an adapter is.

The only use of the network for models and adapters. The hub's own client does it, so HF_ENDPOINT, HF_HUB_OFFLINE,
HF_TOKEN and the proxy variables mean what they mean everywhere; a token is never read or written here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.qwen.hub_cache import Snapshot, get_hub_cache

MODEL_FILES = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "model.safetensors.index.json",
)
"""All that is known of a model without its weights."""
ADAPTER_FILES = ("adapter_config.json",)
ETAG_TIMEOUT_SECONDS = 10.0
RepoWord = Literal["model", "adapter", "data set"]
_LOGIN = "`hf auth login`, or HF_TOKEN"


class HubError(QwenRecipesError):
    """A repository could not be read from the hub; what to do stands after the message's semicolon."""


class MissingHubClientError(HubError):
    """The hub's client is not installed."""


def download_model_files(
    repo: str, revision: str | None = None, kind: Literal["model", "adapter"] = "model"
) -> Snapshot:
    """The snapshot of a model's or adapter's small files, downloaded where they are not in the cache yet.

    Raises HubError: no client, no such repository or revision, no config in it, no access, no connection.
    """
    import_hub_client(repo)
    from huggingface_hub import snapshot_download
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()
    try:
        folder = snapshot_download(
            repo,
            revision=revision,
            cache_dir=get_hub_cache(),
            allow_patterns=[*MODEL_FILES, *ADAPTER_FILES],
            etag_timeout=ETAG_TIMEOUT_SECONDS,
        )
    except Exception as error:  # the client raises errors of its own, of its HTTP library and of the system
        raise explain_hub_error(error, repo, revision, kind) from None
    config = "config.json" if kind == "model" else ADAPTER_FILES[0]
    if not Path(folder, config).is_file():
        article = "an" if kind == "adapter" else "a"
        raise HubError(f"{repo} has no {config}: it is not {article} {kind}; check the id")
    return Snapshot(Path(folder), Path(folder).name)


def import_hub_client(repo: str) -> None:
    """Raises MissingHubClientError where the hub's client is not installed."""
    try:
        import huggingface_hub  # noqa: F401
    except ImportError:
        raise MissingHubClientError(
            f"reading {repo} from the hub needs the extra `hub`; pip install 'qwen-recipes[hub]'"
        ) from None


def explain_hub_error(error: Exception, repo: str, revision: str | None, kind: RepoWord = "model") -> HubError:
    """The error in words; never its own text, which may hold a signed address."""
    from huggingface_hub import errors

    at = f" at revision {revision}" if revision else ""
    field = {"model": "model.revision", "adapter": "method.start_from_revision", "data set": "`revision`"}[kind]
    otherwise = ", or set model.like to a Qwen3 model with the same config and tokenizer" if kind == "model" else ""
    known: dict[type[Exception], str] = {
        errors.GatedRepoError: f"{repo} is gated; accept its license on the hub, then log in: {_LOGIN}",
        errors.RepositoryNotFoundError: f"the hub has no public {kind} {repo}; check the id, or log in: {_LOGIN}",
        errors.RevisionNotFoundError: f"{repo} has no revision {revision}; check {field}",
        errors.OfflineModeIsEnabled: f"{explain_offline(repo, revision)}{otherwise}",
        errors.HFValidationError: f"{repo!r} is not an id of the hub; write ORGANISATION/NAME",
    }
    for cause in _iterate_causes(error):
        for wrong, message in known.items():
            if isinstance(cause, wrong):
                return HubError(message)
    answer = getattr(getattr(error, "response", None), "status_code", None)
    told = f"the hub answered {answer}" if answer else "no connection"
    return HubError(f"{repo}{at} could not be read from the hub ({told}); check the connection{otherwise}")


def explain_offline(repo: str, revision: str | None = None) -> str:
    """What is wrong where the hub is switched off and a repository, at a revision, is not in the local cache."""
    at = f" at revision {revision}" if revision else ""
    return f"{repo}{at} is not in the local cache; unset HF_HUB_OFFLINE"


def is_offline() -> bool:
    """Whether HF_HUB_OFFLINE switches the hub off, as the hub's client reads it."""
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")


def _iterate_causes(error: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__
