"""ModelScope on loopback: enough of its protocol for its client to list and download the models below a folder."""

from __future__ import annotations

import hashlib
import json
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from tests.hub.local_server import serve


@dataclass
class LocalModelScope:
    """A running server; `requests` are the paths that were asked for, with their methods."""

    root: Path
    url: str = ""
    requests: list[str] = field(default_factory=list)


@contextmanager
def serve_modelscope(root: Path) -> Iterator[LocalModelScope]:
    """Serve the models below `root/ORG/NAME` until the block ends."""
    served = LocalModelScope(root)

    class Handler(_ModelScopeHandler):
        hub = served

    with serve(Handler) as served.url:
        yield served


class _ModelScopeHandler(BaseHTTPRequestHandler):
    hub: LocalModelScope
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        self.hub.requests.append(f"{self.command} {urllib.parse.unquote(self.path)}")

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        address = urllib.parse.urlsplit(self.path)
        parts, query = address.path.strip("/").split("/"), urllib.parse.parse_qs(address.query)
        folder = self.hub.root.joinpath(*parts[3:5])
        if parts[:3] != ["api", "v1", "models"] or len(parts) < 5 or not folder.is_dir():
            return self._send_json({"Code": 404, "Success": False, "Message": "no such model"}, 404)
        if query.get("Revision", ["master"])[0] != "master":
            return self._send_json({"Code": 404, "Success": False, "Message": "no such revision"}, 404)
        if parts[5:] == ["repo", "files"]:
            return self._send_data({"Files": [_describe(file, folder) for file in _list_files(folder)]})
        if parts[5:] == ["repo"] and (folder / query["FilePath"][0]).is_file():
            return self._send_file((folder / query["FilePath"][0]).read_bytes())
        return self._send_data({"RevisionMap": {"Branches": [{"Revision": "master"}], "Tags": []}})

    def _send_file(self, content: bytes) -> None:
        first, _, last = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")
        start, end = int(first or 0), min(len(content), int(last) + 1) if last else len(content)
        self.send_response(206 if "Range" in self.headers else 200)
        if "Range" in self.headers:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(content)}")
        self._send_body(content[start:end], "application/octet-stream")

    def _send_data(self, data: object) -> None:
        self._send_json({"Code": 200, "Success": True, "Message": "", "Data": data}, 200)

    def _send_json(self, data: object, status: int) -> None:
        self.send_response(status)
        self._send_body(json.dumps(data).encode(), "application/json")

    def _send_body(self, content: bytes, kind: str) -> None:
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _list_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _describe(file: Path, folder: Path) -> dict[str, object]:
    name, content = file.relative_to(folder).as_posix(), file.read_bytes()
    return {
        "Path": name, "Name": file.name, "Type": "blob", "Size": len(content),
        "Sha256": hashlib.sha256(content).hexdigest(), "Revision": "master",
    }  # fmt: skip
