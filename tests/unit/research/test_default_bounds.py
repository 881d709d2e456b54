"""No measured run took more memory than the estimate's bound, of our defaults or of settings by hand."""

from __future__ import annotations

import json

from research.measurements.speed_page import HERE, compute_shares, read_lines


def test_no_run_took_more_than_its_bound():
    cells = json.loads((HERE / "default_cells.json").read_text("utf-8"))
    trained = [line for line in read_lines("defaults.jsonl") if line["outcome"] == "trained"]
    shares = compute_shares(cells, trained)
    assert len(shares) >= 59
    as_today = [shares[one["id"]] for one in trained if one.get("allocator")]
    assert len(as_today) >= 13 and max(as_today) <= 1
    older = sorted(shares.values())
    assert older[-1] < 1.06 and older[-2] <= 1, "their allocator kept more: its segments did not grow"
    packed = [shares[one["id"]] for one in trained if one["resolved"]["packing"]]
    assert max(packed) > 0.9, "a bound that nothing comes near refuses what would fit"
