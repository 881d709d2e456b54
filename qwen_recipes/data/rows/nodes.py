"""Rows of a run on several nodes: prepared once for each folder, whether the nodes share it or not.

Node 0 prepares while the others wait, at the address and port where the training meets afterwards. It leaves a mark of
this run in the folder and tells it to the others. A node that finds the mark in its own folder shares it; one that does
not prepares its own. Nothing is told from the age of files, so that an earlier run's do not matter.
"""

from __future__ import annotations

import os
import secrets
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

from .replace_file import replace_file

MARK_FILE = "prepared-for"
START_TIMEOUT = 900.0
"""Seconds for which nodes wait for each other to start, as torchrun does."""
FAILURE_TIMEOUT = 30.0
"""Seconds for which node 0 tells the others that it failed."""
VISIBILITY_TIMEOUT = float(os.environ.get("ROWS_VISIBILITY_TIMEOUT", "60"))
"""Seconds after which a file that another node wrote to a shared folder is seen: network file systems cache."""
FAILED = "failed"
GREETING = b"rows\n"


def run_once_per_folder(folder: Path, prepare: Callable[[], None]) -> None:
    """Prepare the rows in `folder`, or wait for node 0 of a run on several nodes to have done it there.

    Reads ROWS_NODES, NODE_RANK, MASTER_ADDR and MASTER_PORT. Exits 1 where node 0 failed or can't be reached.
    """
    nodes = int(os.environ.get("ROWS_NODES") or "1")
    if nodes == 1:
        return prepare()
    address = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    if int(os.environ["NODE_RANK"]) == 0:
        return _prepare_for_others(folder, prepare, address[1], nodes - 1)
    mark = _wait_for_mark(address)
    if mark == FAILED:
        sys.exit("rows: node 0 could not prepare the rows; its log says why")
    if not _is_marked(folder, mark):
        print("rows: this node does not share the folder of node 0, and prepares its own", file=sys.stderr)
        prepare()
    return None


def _prepare_for_others(folder: Path, prepare: Callable[[], None], port: int, other_nodes: int) -> None:
    """Prepare, then tell each of the other nodes; they connect meanwhile, and wait."""
    with _listen(port, other_nodes) as server:
        mark = FAILED
        try:
            prepare()
            mark = secrets.token_hex(16)
            replace_file(folder / MARK_FILE, mark)
        finally:
            _tell_others(server, mark, other_nodes)


def _listen(port: int, other_nodes: int) -> socket.socket:
    family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET
    try:
        return socket.create_server(
            ("", port), family=family, backlog=other_nodes, dualstack_ipv6=family == socket.AF_INET6
        )
    except OSError as error:
        sys.exit(
            f"rows: node 0 cannot listen for the other nodes on port {port}: {error}; set MASTER_PORT to a free one"
        )


def _tell_others(server: socket.socket, mark: str, other_nodes: int) -> None:
    """Send the mark to each of the others. What else connects and does not greet is not counted."""
    end = time.monotonic() + (FAILURE_TIMEOUT if mark == FAILED else START_TIMEOUT)
    while other_nodes:
        server.settimeout(max(0.1, end - time.monotonic()))
        try:
            connection, _ = server.accept()
        except TimeoutError:
            if mark == FAILED:
                return
            sys.exit(f"rows: {other_nodes} of the other nodes did not start within {START_TIMEOUT:.0f} s")
        with connection:
            connection.settimeout(10)
            try:
                if _read_line(connection) == GREETING.strip():
                    connection.sendall(mark.encode() + b"\n")
                    other_nodes -= _read_line(connection) == b"seen"
            except OSError:
                continue


def _wait_for_mark(address: tuple[str, int]) -> str:
    """What node 0 says when it is done."""
    end = time.monotonic() + START_TIMEOUT
    while True:
        try:
            with socket.create_connection(address, timeout=10) as connection:
                connection.sendall(GREETING)
                connection.settimeout(None)
                if mark := _read_line(connection).decode():
                    connection.sendall(b"seen\n")
                    return mark
            sys.exit("rows: node 0 ended before its rows were prepared")
        except OSError as error:
            if time.monotonic() > end:
                sys.exit(f"rows: node 0 can't be reached at {address[0]} port {address[1]}: {error}")
            time.sleep(1)


def _read_line(connection: socket.socket) -> bytes:
    """Bytes up to a line end, or what came before the other side closed."""
    found = b""
    while not found.endswith(b"\n") and len(found) < 1000 and (more := connection.recv(100)):
        found += more
    return found.strip()


def _is_marked(folder: Path, mark: str) -> bool:
    """Whether this node's folder has node 0's mark, at once or after a while."""
    end = time.monotonic() + VISIBILITY_TIMEOUT
    while True:
        try:
            list(folder.iterdir())
            if (folder / MARK_FILE).read_text("utf-8") == mark:
                return True
        except OSError:
            pass
        if time.monotonic() > end:
            return False
        time.sleep(1)
