"""Data sets on the hub as local files: a sample of a split, or all of it.

The hub's own client reads them, so HF_ENDPOINT, HF_HUB_OFFLINE, HF_TOKEN and the proxy variables mean what they mean
everywhere. Whole files lie in the client's cache, samples in `$XDG_CACHE_HOME/qwen-recipes/hub-samples`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import IO, Any

from qwen_recipes.data.hub_files import MAX_README_BYTES, UnknownSplitError, choose_split_files
from qwen_recipes.data.rows.file_forms import find_text_kind
from qwen_recipes.data.rows.find_files import get_row_suffix
from qwen_recipes.data.rows.memory_limit import limit_memory
from qwen_recipes.data.rows.row import MissingReaderError
from qwen_recipes.filesystem.home_folder import get_home
from qwen_recipes.filesystem.locked_folder import make_folder
from qwen_recipes.filesystem.read_file import read_head
from qwen_recipes.filesystem.replace_file import replace_file
from qwen_recipes.qwen.hub_cache import find_snapshot, get_hub_cache
from qwen_recipes.qwen.hub_download import (
    ETAG_TIMEOUT_SECONDS,
    HubError,
    explain_hub_error,
    explain_offline,
    import_hub_client,
    is_offline,
)

SAMPLE_MEMORY = 1 << 30
"""Bytes that reading a sample of Parquet may take."""
SAMPLE_BYTES = 8 << 20
"""What a sample takes of a split, at most, where its files can be cut."""
SAMPLE_ROWS = 2000
"""Rows of a Parquet file in a sample."""
LINE_SUFFIXES = (".jsonl", ".ndjson", ".csv", ".tsv", ".txt", ".json")


@dataclass(frozen=True)
class HubSplit:
    """One split of a data set on the hub, as a recipe's source names it."""

    repo: str
    subset: str | None = None
    split: str = "train"
    revision: str | None = None


@dataclass(frozen=True)
class FetchedSplit:
    """The files of a split that are here. `complete` where they are all of it."""

    files: tuple[Path, ...]
    commit: str
    complete: bool


def fetch_split(source: HubSplit, *, complete: bool = False) -> FetchedSplit:
    """The first rows of a split, or with `complete` all of them, in local files.

    Raises:
        HubError: no client, no such data set, revision, subset or split, no access, no connection.
        MissingReaderError: a sample of Parquet needs pyarrow.
        OSError: the cache can't be written.
    """
    import_hub_client(source.repo)
    try:
        if is_offline():
            return _find_cached(source)
        return _Repository(source).fetch(complete)
    except UnknownSplitError as error:
        raise HubError(f"{source.repo} has {error}") from None


def find_newest_commit(repo: str) -> str:
    """The newest commit of a data set; with HF_HUB_OFFLINE, that of the local cache. Raises HubError."""
    import_hub_client(repo)
    if is_offline():
        found = find_snapshot(repo, None, "datasets")
        if found is None:
            raise HubError(explain_offline(repo))
        return found.commit
    from huggingface_hub import HfApi

    try:
        commit = HfApi().dataset_info(repo, timeout=ETAG_TIMEOUT_SECONDS).sha
    except Exception as error:  # the client raises errors of its own, of its HTTP library and of the system
        raise explain_hub_error(error, repo, None, "data set") from None
    if not commit:
        raise HubError(f"the hub names no commit of {repo}; set `revision` beside `hub`")
    return str(commit)


def _find_cached(source: HubSplit) -> FetchedSplit:
    found = find_snapshot(source.repo, source.revision, "datasets")
    if found is None:
        raise HubError(explain_offline(source.repo, source.revision))
    names = [path.relative_to(found.folder).as_posix() for path in found.folder.rglob("*") if path.is_file()]
    card = found.folder / "README.md"
    readme = read_head(card.resolve(), MAX_README_BYTES).decode("utf-8", "replace") if card.is_file() else ""
    files = choose_split_files(names, readme, source.subset, source.split)
    return FetchedSplit(tuple(found.folder / name for name in files), found.commit, complete=False)


class _Repository:
    """A data set's repository at one commit."""

    def __init__(self, source: HubSplit) -> None:
        self.source = source
        self.sizes: dict[str, int] = {}
        self.commit = ""

    def fetch(self, complete: bool) -> FetchedSplit:
        try:
            self._list_files()
            head = read_head(self._download("README.md"), MAX_README_BYTES) if "README.md" in self.sizes else b""
            readme = head.decode("utf-8", "replace")
        except Exception as error:  # the client raises errors of its own, of its HTTP library and of the system
            raise self._explain(error) from None
        names = choose_split_files(self.sizes, readme, self.source.subset, self.source.split)
        try:
            if complete or sum(self.sizes[name] for name in names) <= SAMPLE_BYTES:
                return FetchedSplit(tuple(self._download(name) for name in names), self.commit, complete=True)
            return FetchedSplit((self._sample(names[0]),), self.commit, complete=False)
        except (HubError, MissingReaderError):
            raise
        except Exception as error:  # as above
            raise self._explain(error) from None

    def _explain(self, error: Exception) -> HubError:
        return explain_hub_error(error, self.source.repo, self.source.revision, "data set")

    def _list_files(self) -> None:
        from huggingface_hub import HfApi
        from huggingface_hub.hf_api import RepoFile

        api, repo = HfApi(), self.source.repo
        info = api.dataset_info(repo, revision=self.source.revision, timeout=ETAG_TIMEOUT_SECONDS)
        self.commit = info.sha or ""
        entries = api.list_repo_tree(repo, recursive=True, revision=self.commit, repo_type="dataset")
        self.sizes = {entry.path: entry.size for entry in entries if isinstance(entry, RepoFile)}

    def _download(self, name: str) -> Path:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.utils import disable_progress_bars

        disable_progress_bars()
        options: dict[str, Any] = {
            "repo_type": "dataset",
            "revision": self.source.revision,
            "cache_dir": get_hub_cache(),
        }
        return Path(hf_hub_download(self.source.repo, name, **options, etag_timeout=ETAG_TIMEOUT_SECONDS))

    def _sample(self, name: str) -> Path:
        """The beginning of a file, or all of it where it is small."""
        if self.sizes[name] <= SAMPLE_BYTES:
            return self._download(name)
        folder = _get_sample_folder() / self.source.repo.replace("/", "--") / self.commit
        target = folder.joinpath(*PurePosixPath(name).parts)
        if not target.is_file():
            content = self._read_rows(name)
            make_folder(target.parent)
            replace_file(target, content)
        return target

    def _read_rows(self, name: str) -> bytes:
        from huggingface_hub import HfFileSystem

        files, path = HfFileSystem(), f"datasets/{self.source.repo}@{self.commit}/{name}"
        if get_row_suffix(name) == ".parquet" == PurePosixPath(name).suffix:
            with files.open(path, "rb") as file:
                return _copy_first_rows(file, name)
        if PurePosixPath(name).suffix in LINE_SUFFIXES:
            head = files.cat_file(path, 0, SAMPLE_BYTES)
            if find_text_kind(PurePosixPath(name).suffix, head[:65536].decode("utf-8", "replace")) != "json":
                return bytes(head[: head.rfind(b"\n") + 1])
        size = self.sizes[name] / (1 << 20)
        raise HubError(f"{self.source.repo}: {name} cannot be read in part; --all downloads its {size:,.0f} MiB")


def _copy_first_rows(file: IO[bytes], name: str) -> bytes:
    """A Parquet file of another one's first rows. Raises MissingReaderError, HubError."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise MissingReaderError(f"{name} is Parquet: reading it needs pyarrow (pip install pyarrow)") from None
    made = pyarrow.BufferOutputStream()
    try:
        with limit_memory(SAMPLE_MEMORY), parquet.ParquetFile(file) as source:
            rows = [*islice(source.iter_batches(SAMPLE_ROWS, use_threads=False), 1)]
            parquet.write_table(pyarrow.Table.from_batches(rows, source.schema_arrow), made)
    except (pyarrow.ArrowException, MemoryError, ValueError, OverflowError, KeyError) as error:
        raise HubError(f"{name} can't be read as Parquet: {' '.join(str(error).split())[:300]}") from None
    return bytes(made.getvalue())


def _get_sample_folder() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else get_home() / ".cache") / "qwen-recipes" / "hub-samples"
