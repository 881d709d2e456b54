"""A framework's package that does not show how it is run says so, whoever wrote it."""

from __future__ import annotations

from pathlib import Path

import pytest

from qwen_recipes.verify import encoding_jobs
from qwen_recipes.verify.trainer_probe import probe_jobs
from tests.unit.environments.toy import a_backend


def test_a_package_without_an_encoder(tmp_path, monkeypatch):
    monkeypatch.setattr(encoding_jobs, "load_backend", lambda _name: a_backend(tmp_path))
    with pytest.raises(encoding_jobs.EncoderFailedError, match=r"the package of toy has no row_encoder\.py"):
        encoding_jobs.run_encoder("toy", Path("python"), [])


def test_a_package_without_a_trainer_entry(tmp_path, monkeypatch):
    monkeypatch.setattr(probe_jobs, "load_backend", lambda _name: a_backend(tmp_path))
    job = probe_jobs.ProbeJob(tmp_path / "case.json", tmp_path / "out.json", None, {}, {})
    with pytest.raises(probe_jobs.ProbeFailedError, match=r"the package of toy has no trainer_entry\.py"):
        probe_jobs.run_probes("toy", Path("python"), [job], tmp_path)
