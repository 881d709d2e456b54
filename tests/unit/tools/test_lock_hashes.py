"""The build of torch for the CPU is added to the hashes of the locks that pin its version, and to no others."""

from __future__ import annotations

import pytest

from tools import lock_hashes


@pytest.mark.parametrize(("stem", "pin", "added"), [
    ("cpu-py311", "torch==2.13.0", True), ("cpu-py311", "torch==2.12.0", False),
    ("cpu-py311", "apple==1.0", False), ("cuda-py312", "torch==2.13.0", False),
])  # fmt: skip
def test_the_cpu_build_goes_with_its_version(tmp_path, monkeypatch, stem, pin, added):
    monkeypatch.setattr(lock_hashes, "find_hashes", lambda pins, python: {one: ["0" * 64] for one in pins})
    lock = tmp_path / f"{stem}.lock"
    lock.write_text(f"{pin}\n", "utf-8")
    lock_hashes.write_hashes(lock)
    assert ("torch==2.13.0+cpu " in lock.with_suffix(".hashes").read_text("utf-8")) is added
