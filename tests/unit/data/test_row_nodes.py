"""Rows of a run on several nodes: two processes stand for two nodes, with a folder that they share or do not."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from tests.conftest import ROOT

NODE = """
import sys
from pathlib import Path
from rows.nodes import run_once_per_folder

folder, fails = Path(sys.argv[1]), sys.argv[2] == "fails"

def prepare():
    if fails:
        sys.exit("rows: no row is left to train on")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "prepared.log").open("a") as log:
        log.write("x")

run_once_per_folder(folder, prepare)
print("trains")
"""


@pytest.fixture
def port():
    with socket.socket() as found:
        found.bind(("", 0))
        return found.getsockname()[1]


def start(rank, folder, port, behaviour="works", nodes=2):
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "qwen_recipes/data"),
        "ROWS_NODES": str(nodes),
        "NODE_RANK": str(rank),
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": str(port),
        "ROWS_VISIBILITY_TIMEOUT": "0",
    }
    command = [sys.executable, "-c", NODE, str(folder), behaviour]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def end(*processes):
    return [(process.communicate(timeout=120), process.returncode) for process in processes]


def count_prepared(folder):
    return len((folder / "prepared.log").read_text())


@pytest.mark.parametrize("first", [0, 1], ids=["node 0 starts first", "node 0 starts last"])
def test_a_shared_folder_is_prepared_once(tmp_path, port, first):
    (tmp_path / "prepared-for").write_text("an earlier run", "utf-8")
    order = (first, 1 - first)
    for (out, err), code in end(*[start(rank, tmp_path, port) for rank in order]):
        assert code == 0 and out == "trains\n", err
    assert count_prepared(tmp_path) == 1
    with socket.create_server(("", port)):
        """The port is free again for the training."""


def test_folders_that_are_not_shared_are_prepared_each(tmp_path, port):
    one, other = tmp_path / "one", tmp_path / "other"
    for (out, err), code in end(start(0, one, port), start(1, other, port)):
        assert code == 0 and out == "trains\n", err
    assert count_prepared(one) == count_prepared(other) == 1


def test_three_nodes_two_of_which_share(tmp_path, port):
    shared, own = tmp_path / "shared", tmp_path / "own"
    nodes = [start(rank, folder, port, nodes=3) for rank, folder in enumerate((shared, own, shared))]
    assert [code for _, code in end(*nodes)] == [0, 0, 0]
    assert count_prepared(shared) == count_prepared(own) == 1


def test_where_node_0_fails_nobody_trains(tmp_path, port):
    for (out, err), code in end(start(0, tmp_path, port, "fails"), start(1, tmp_path, port)):
        assert code == 1 and not out and "rows: " in err
    assert not (tmp_path / "prepared.log").exists()


def test_a_stranger_at_the_port_does_not_count_as_a_node(tmp_path, port):
    node = start(0, tmp_path, port)
    for _ in range(100):
        try:
            with socket.create_connection(("localhost", port), timeout=1) as stranger:
                stranger.sendall(b"GET / HTTP/1.0\n")
            break
        except OSError:
            import time

            time.sleep(0.1)
    for (out, err), code in end(node, start(1, tmp_path, port)):
        assert code == 0 and out == "trains\n", err


def test_one_node_needs_nothing_of_it(tmp_path):
    command = [sys.executable, "-c", NODE, str(tmp_path), "works"]
    environment = {"PYTHONPATH": str(ROOT / "qwen_recipes/data")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "trains\n" and count_prepared(tmp_path) == 1
