"""Packed examples at each framework's trainer under the attentions that need a GPU, as a test asks for them.

    PYTHONPATH=. python research/measurements/isolation_on_gpu.py OUT --sites FOLDER [--packages flash2 flash4]

Runs `pytest tests/conformance/test_packed_isolation.py -k on_a_gpu` with environments of FOLDER's packages, as
offline_packages.py gathers them, and of each FOLDER/<package> beside them, which holds a build of FlashAttention.
Appends a JSON line a case to OUT/isolation.jsonl: its outcome, seconds, and the end of what a failed one said.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from run_on_gpu import create_environment

ROOT = Path(__file__).resolve().parents[2]
BACKENDS = ("axolotl", "llamafactory", "ms-swift", "trl")
CASES = {"flash2": "flash_attention_2", "flash4": "flash_attention_4 or flex_attention"}
CUTLASS = "import sys, os, nvidia_cutlass_dsl as d; sys.path.insert(0, os.path.join(d.__path__[0], 'dsl_packages'))"
"""What the package's own .pth file says, which is read in site-packages alone."""


def create_environments(folder: Path, sites: Path, package: str) -> dict[str, str]:
    """One for each framework, with the package; the variables that name their interpreters."""
    for backend in BACKENDS:
        if not (folder / backend).is_dir():
            create_environment(folder / backend, sites, backend)
            lines = [str(sites / package), *([CUTLASS] if package == "flash4" else [])]
            places = next((folder / backend / "lib").glob("python*/site-packages")) / "attention.pth"
            places.write_text("\n".join(lines) + "\n", "utf-8")
    names = {backend: f"QWEN_RECIPES_PYTHON_{backend.replace('-', '_').upper()}" for backend in BACKENDS}
    return {variable: str(folder / backend / "bin" / "python") for backend, variable in names.items()}


def run_cases(out: Path, sites: Path, package: str, minutes: float) -> list[dict[str, Any]]:
    """Those of the package's attentions; a line of the results for each."""
    variables = {**os.environ, **create_environments(out / package, sites, package), "HF_HUB_OFFLINE": "1"}
    report = out / f"{package}.xml"
    chosen = ["-o", "addopts=", "-p", "no:cacheprovider", "-k", f"on_a_gpu and ({CASES[package]})"]
    command = [sys.executable, "-m", "pytest", "tests/conformance/test_packed_isolation.py", *chosen]
    with (out / f"{package}.log").open("w") as log:
        subprocess.run(
            ["timeout", "-s", "INT", str(round(minutes * 60)), *command, f"--junitxml={report}"],
            cwd=ROOT,
            env=variables,
            stdout=log,
            stderr=log,
            check=False,
        )
    return list(map(read_case, ElementTree.parse(report).iter("testcase"))) if report.is_file() else []


def read_case(case: ElementTree.Element) -> dict[str, Any]:
    """A test case of a JUnit report."""
    told = next((one for one in case if one.tag in ("failure", "error", "skipped")), None)
    line = {"case": case.get("name"), "outcome": "passed" if told is None else told.tag, "seconds": case.get("time")}
    return line if told is None else {**line, "said": str(told.text or told.get("message"))[-2500:]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=lambda text: Path(text).resolve())
    parser.add_argument("--sites", type=lambda text: Path(text).resolve(), required=True)
    parser.add_argument("--packages", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--minutes", type=float, default=9)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for package in given.packages:
        for line in run_cases(given.out, given.sites, package, given.minutes):
            line["date"] = datetime.now(timezone.utc).strftime("%Y-%m-%d")
            with (given.out / "isolation.jsonl").open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(line) + "\n")
            print(json.dumps(line)[:1500], flush=True)


if __name__ == "__main__":
    main()
