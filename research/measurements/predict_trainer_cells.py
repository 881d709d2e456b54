"""Write what the estimate says of the judged cells, before they are measured, and what the capped ones may allocate.

    python -m research.measurements.predict_trainer_cells

Adds to qwen_recipes/estimate/measured/trainer_predictions.jsonl what is not there yet (a prediction that was made is
never changed), and writes `cap` into trainer_cells.json. Bytes and seconds.
"""

from __future__ import annotations

import json
from typing import Any

from research.estimates.trainer_results import MEASURED, TrainerCell, load_trainer_cells


def predict(cell: TrainerCell) -> dict[str, Any]:
    """A line of the predictions."""
    made, share = cell.estimate, cell.cell["cap_share"]
    cap = round(made.peak * share) if share else None
    return {
        "id": cell.cell["id"],
        "peak": round(made.peak),
        "allocated": round(made.allocated),
        "low": round(made.low),
        "high": round(made.high),
        "bound": round(made.safe_peak),
        "seconds": round(made.seconds or 0, 1),
        "training_seconds": round(made.training_seconds or 0, 1),
        "step_seconds": round(made.step_seconds, 3),
        "cap": cap,
        "fits": made.check_fit(cap) if cap else None,
    }


def main() -> None:
    file = MEASURED / "trainer_predictions.jsonl"
    said = {line["id"]: line for line in map(json.loads, file.read_text("utf-8").splitlines())}
    for cell in load_trainer_cells():
        if cell.cell["split"] != "fitted" and cell.cell["id"] not in said:
            said[cell.cell["id"]] = predict(cell)
    file.write_text("".join(json.dumps(line) + "\n" for line in said.values()), "utf-8")
    cells = json.loads((MEASURED / "trainer_cells.json").read_text("utf-8"))
    listed = ",\n".join(json.dumps({**cell, "cap": said.get(cell["id"], {}).get("cap")}) for cell in cells)
    (MEASURED / "trainer_cells.json").write_text(f"[\n{listed}\n]\n", "utf-8")


if __name__ == "__main__":
    main()
