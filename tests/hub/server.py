"""A hub on loopback: enough of its protocol for the real client to list, look up and download repositories.

Repositories are folders: `root/models/ORG/NAME`, `root/datasets/ORG/NAME`. All files of one are its newest commit,
whose hash is that of their contents; `main`, `v1` and it name it. `keep_commit` keeps it when the folder changes.
`private` and `gated` repositories ask for `token`.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from tests.hub.local_server import serve


@dataclass
class Repository:
    """One repository as it is served."""

    kind: str
    name: str
    folder: Path

    @property
    def files(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*") if path.is_file())

    @property
    def commit(self) -> str:
        digest = hashlib.sha1()
        for file in self.files:
            digest.update(str(file.relative_to(self.folder)).encode() + file.read_bytes())
        return digest.hexdigest()

    def describe(self) -> dict[str, object]:
        names = [{"rfilename": file.relative_to(self.folder).as_posix()} for file in self.files]
        return {
            "id": self.name, "modelId": self.name, "sha": self.commit, "private": False, "gated": False,
            "disabled": False, "tags": [], "downloads": 0, "likes": 0, "siblings": names,
        }  # fmt: skip

    def list_tree(self) -> list[dict[str, object]]:
        return [
            {"type": "file", "oid": _blob_id(file), "size": file.stat().st_size,
             "path": file.relative_to(self.folder).as_posix()}
            for file in self.files
        ]  # fmt: skip


def _blob_id(file: Path) -> str:
    content = file.read_bytes()
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()


@dataclass
class LocalHub:
    """A running hub; `requests` are the paths that were asked for, with their methods."""

    root: Path
    url: str = ""
    token: str = "hf_" + "t" * 34
    private: set[str] = field(default_factory=set)
    gated: set[str] = field(default_factory=set)
    requests: list[str] = field(default_factory=list)
    kept: dict[str, Path] = field(default_factory=dict)

    def find(self, kind: str, name: str) -> Repository | None:
        folder = self.root / kind / name
        return Repository(kind, name, folder) if folder.is_dir() else None

    def repository(self, kind: str, name: str) -> Repository:
        found = self.find(kind, name)
        assert found is not None, name
        return found

    def keep_commit(self, kind: str, name: str) -> str:
        """Keep the files of a repository under their commit, which is returned, whatever becomes of the folder."""
        found = self.repository(kind, name)
        self.kept[found.commit] = self.root / "kept" / found.commit
        shutil.copytree(found.folder, self.kept[found.commit])
        return found.commit

    def find_revision(self, found: Repository, revision: str) -> Repository | None:
        """The repository at a revision."""
        if revision in ("main", "v1", found.commit):
            return found
        kept = self.kept.get(revision)
        return Repository(found.kind, found.name, kept) if kept else None


@contextmanager
def serve_hub(root: Path) -> Iterator[LocalHub]:
    """Serve the repositories below `root` until the block ends."""
    hub = LocalHub(root)

    class Handler(_HubHandler):
        served = hub

    with serve(Handler) as hub.url:
        yield hub


class _HubHandler(BaseHTTPRequestHandler):
    served: LocalHub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        self.served.requests.append(f"{self.command} {self.path}")

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length)
        self._answer()

    def _answer(self) -> None:
        parts = [urllib.parse.unquote(part) for part in urllib.parse.urlsplit(self.path).path.strip("/").split("/")]
        if parts[:1] == ["api"]:
            self._answer_api(parts[1:])
        else:
            self._answer_file(parts)

    def _answer_api(self, parts: list[str]) -> None:
        if parts[0] == "whoami-v2":
            return self._fail(401, "", "not logged in")
        if parts[0] not in ("models", "datasets") or len(parts) < 3:
            return self._fail(404, "", "no such page")
        found = self._find(parts[0], f"{parts[1]}/{parts[2]}")
        if found is None:
            return None
        rest = parts[3:]
        if rest[:1] in (["revision"], ["tree"], ["paths-info"]):
            found = self.served.find_revision(found, rest[1])
            if found is None:
                return self._fail(404, "RevisionNotFound", f"Invalid rev id: {rest[1]}")
        if rest[:1] == ["tree"]:
            inside = "/".join(rest[2:])
            return self._send_json([e for e in found.list_tree() if str(e["path"]).startswith(inside)])
        if rest[:1] == ["paths-info"]:
            asked = urllib.parse.parse_qs(self.body.decode()).get("paths") or json.loads(self.body or b"{}")["paths"]
            return self._send_json([entry for entry in found.list_tree() if entry["path"] in asked])
        if rest[:1] in ([], ["revision"]):
            return self._send_json(found.describe())
        return self._fail(404, "", "no such page")

    def _answer_file(self, parts: list[str]) -> None:
        kind = "datasets" if parts[0] == "datasets" else "models"
        parts = parts[1:] if kind == "datasets" else parts
        if len(parts) < 5 or parts[2] != "resolve":
            return self._fail(404, "", "no such page")
        found = self._find(kind, f"{parts[0]}/{parts[1]}")
        if found is None:
            return None
        found = self.served.find_revision(found, parts[3])
        if found is None:
            return self._fail(404, "RevisionNotFound", f"Invalid rev id: {parts[3]}")
        file = found.folder.joinpath(*parts[4:])
        if not file.is_file():
            return self._fail(404, "EntryNotFound", "Entry not found", found.commit)
        self._send_file(found, file)

    def _find(self, kind: str, name: str) -> Repository | None:
        """The repository, or None where the refusal has been sent."""
        hub, found = self.served, self.served.find(kind, name)
        allowed = self.headers.get("Authorization") == f"Bearer {hub.token}"
        if found is None or (name in hub.private and not allowed):
            self._fail(404 if allowed else 401, "RepoNotFound", "Repository not found")
            return None
        if name in hub.gated and not allowed:
            self._fail(403, "GatedRepo", f"Access to {kind[:-1]} {name} is restricted")
            return None
        return found

    def _send_file(self, found: Repository, file: Path) -> None:
        content = file.read_bytes()
        start, end = self._find_range(len(content))
        partly = "Range" in self.headers
        self.send_response(206 if partly else 200)
        self.send_header("X-Repo-Commit", found.commit)
        self.send_header("ETag", f'"{_blob_id(file)}"')
        self.send_header("Accept-Ranges", "bytes")
        if partly:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(content)}")
        self._send_body(content[start:end], "application/octet-stream")

    def _find_range(self, size: int) -> tuple[int, int]:
        """The first byte that is asked for, and the one behind the last."""
        first, _, last = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")
        return int(first or 0), min(size, int(last) + 1) if last else size

    def _send_json(self, data: object) -> None:
        self.send_response(200)
        self._send_body(json.dumps(data).encode(), "application/json")

    def _fail(self, status: int, code: str, message: str, commit: str = "") -> None:
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("X-Error-Message", message)
        if commit:
            self.send_header("X-Repo-Commit", commit)
        self._send_body(json.dumps({"error": message}).encode(), "application/json")

    def _send_body(self, content: bytes, kind: str) -> None:
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
