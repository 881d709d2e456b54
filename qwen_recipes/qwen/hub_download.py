"""Fills the hub's local cache with the small files that say what a model or an adapter is.

The only use of the network for models. The hub's own client does it, so HF_ENDPOINT, HF_HUB_OFFLINE, HF_TOKEN and the
proxy variables mean what they mean everywhere; a token is never read or written here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

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
_LOGIN = "`hf auth login`, or HF_TOKEN"


class HubError(QwenRecipesError):
    """A repository could not be read from the hub; what to do stands after the message's semicolon."""


class MissingHubClientError(HubError):
    """The hub's client is not installed."""


def download_model_files(repo: str, revision: str | None = None) -> Snapshot:
    """The snapshot of a model's or adapter's small files, downloaded where they are not in the cache yet.

    Raises HubError: no client, no such repository or revision, no access, no connection.
    """
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.utils import disable_progress_bars
    except ImportError:
        raise MissingHubClientError(
            f"reading {repo} from the hub needs the extra `hub`; pip install 'qwen-recipes[hub]'"
        ) from None
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
        raise _explain(error, repo, revision) from None
    return Snapshot(Path(folder), Path(folder).name)


def _explain(error: Exception, repo: str, revision: str | None) -> HubError:
    """The error in words; never its own text, which may hold a signed address."""
    from huggingface_hub import errors

    at = f" at revision {revision}" if revision else ""
    known: dict[type[Exception], str] = {
        errors.GatedRepoError: f"{repo} is gated; accept its licence on the hub, then log in: {_LOGIN}",
        errors.RepositoryNotFoundError: f"the hub has no public model {repo}; check the id, or log in: {_LOGIN}",
        errors.RevisionNotFoundError: f"{repo} has no revision {revision}; check model.revision",
        errors.OfflineModeIsEnabled: f"{repo}{at} is not in the local cache; unset HF_HUB_OFFLINE, or state model.like",
        errors.HFValidationError: f"{repo!r} is not an id of the hub; write ORGANISATION/NAME",
    }
    for cause in _iterate_causes(error):
        for kind, message in known.items():
            if isinstance(cause, kind):
                return HubError(message)
    answer = getattr(getattr(error, "response", None), "status_code", None)
    told = f"the hub answered {answer}" if answer else type(error).__name__
    return HubError(f"{repo}{at} could not be read from the hub ({told}); check the connection, or state model.like")


def _iterate_causes(error: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__
