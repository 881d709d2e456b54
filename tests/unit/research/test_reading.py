"""`benchmarks/bench_reading` writes what the page is made of."""

from __future__ import annotations

import json
import sys

from benchmarks import bench_reading
from research.measurements import reading_page


def test_the_benchmark_writes_what_the_page_reads(tmp_path, monkeypatch):
    file = tmp_path / "reading.json"
    words = ["--sizes", "0.05", "0.2", "--kind", "JSONL", "--kind", "record", "--write", str(file)]
    monkeypatch.setattr(sys, "argv", ["bench_reading", *words])
    monkeypatch.setattr(bench_reading, "lift_limits", lambda: None)
    bench_reading.main()
    assert [kind["kind"] for kind in json.loads(file.read_text("utf-8"))["kinds"]] == ["JSONL", "record"]
    monkeypatch.setattr(reading_page, "FILE", file)
    text = reading_page.list_blocks()["reading times"]()
    assert "From 0.05 to 0.2 MB" in text and "2 kinds of input" in text


def test_the_page_names_the_steepest_and_the_slowest_kind():
    kinds = [
        {"kind": "flat", "seconds": {"1000000": 2.0, "16000000": 9.0}, "slope": 0.54},
        {"kind": "steep", "seconds": {"1000000": 0.1, "16000000": 3.0}, "slope": 1.23},
    ]
    text = reading_page.render_reading_times({"date": "2026-12-01", "max_slope": 1.35, "kinds": kinds})
    assert "1.23 (steep)" in text and "flat, takes 9.0 s" in text and "1 December 2026" in text


def test_without_results_the_page_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(reading_page, "FILE", tmp_path / "none.json")
    assert reading_page.list_blocks() == {}
