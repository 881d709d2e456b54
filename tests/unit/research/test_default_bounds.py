"""No measured run of our defaults, or of settings by hand, took more memory than the estimate's bound."""

from __future__ import annotations

import json

from research.measurements.speed_page import HERE, compute_shares, read_lines


def test_no_run_took_more_than_its_bound():
    cells = json.loads((HERE / "default_cells.json").read_text("utf-8"))
    trained = [line for line in read_lines("defaults.jsonl") if line["outcome"] == "trained"]
    shares = compute_shares(cells, trained)
    assert len(shares) >= 59
    assert {name: share for name, share in shares.items() if share > 1} == {}
    packed = [shares[one["id"]] for one in trained if one["resolved"]["packing"]]
    assert max(packed) > 0.9, "a bound that nothing comes near refuses what would fit"
