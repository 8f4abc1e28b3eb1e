"""Collective tests under mpirun that go on after a failure: `python tests/collective.py --ranks 2,3 [of pytest]`.

A failure on one rank ends all of them (tests/helpers/ranks.py), and so do a crash and, here, a test that stands
still. Then mpirun is started anew with the tests that are left, until all have run. What failed is named last, after
all that mpirun has to say about it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

# pytest has it from pyproject.toml, but loads its plugins before.
sys.path.insert(0, str(Path(__file__).resolve().parent / "helpers"))

from commands import ENVIRONMENT, HELPERS, MPIRUN

_FRAMEWORK = ("/_pytest/", "/pytest/", "/pluggy/", "<frozen runpy>")
HERE = Path(__file__).resolve().parent


@dataclass
class Run:
    """What is known of the tests at one number of ranks."""

    ranks: int
    counts: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[str, str, str]] = field(default_factory=list)
    done: set[str] = field(default_factory=set)

    def fail(self, name: str, how: str, text: str) -> None:
        self.failures.append((name, f"{how} on {self.ranks} ranks", text))
        self.counts["failed"] += 1
        self.done.add(name)

    def __str__(self) -> str:
        words = [f"{self.counts[name]} {name}" for name in ("failed", "passed", "skipped") if self.counts[name]]
        return f"{', '.join(words) or 'no tests'} on {self.ranks} ranks"


@dataclass
class Journals:
    """What the ranks of one start of mpirun have written, merged."""

    collected: list[str] | None = None
    ended: list[str] = field(default_factory=list)
    outcomes: dict[str, str] = field(default_factory=dict)
    failures: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    underway: list[str] = field(default_factory=list)
    stacks: str = ""

    @classmethod
    def read(cls, folder: Path, ranks: int) -> Journals:
        found, begun = cls(), []
        ended: Counter[str] = Counter()
        for rank in range(ranks):
            path = folder / f"rank-{rank}.jsonl"
            lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
            for entry in map(json.loads, lines):
                if "collected" in entry:
                    found.collected = entry["collected"]
                elif "failed" in entry:
                    texts = found.failures.setdefault(entry["failed"], {})
                    texts.setdefault(entry["text"], []).append(rank)
                elif "outcome" in entry:
                    found.outcomes[entry["of"]] = entry["outcome"]
                elif "begin" in entry:
                    begun.append(entry["begin"])
                else:
                    ended[entry["end"]] += 1
            stack = folder / f"stack-{rank}.txt"
            if stack.exists() and stack.stat().st_size:
                frames = stack.read_text(encoding="utf-8").splitlines()
                frames = [line for line in frames if not any(part in line for part in _FRAMEWORK)]
                found.stacks += "\n".join([f"rank {rank} of {ranks}:", *frames, ""])
        found.ended = [name for name, count in ended.items() if count == ranks]
        found.underway = [name for name in dict.fromkeys(begun) if ended[name] < ranks]
        return found


def start(ranks: int, folder: Path, words: list[str], limit: float) -> int | None:
    """Exit status of mpirun; None if no rank wrote in its journal for that many seconds."""
    environment = {**ENVIRONMENT, **os.environ, "HPCBBP_JOURNAL": str(folder), "HPCBBP_TEST_LIMIT": str(limit)}
    environment["PYTHONPATH"] = os.pathsep.join([str(HELPERS), *filter(None, [os.environ.get("PYTHONPATH")])])
    process = subprocess.Popen(
        [MPIRUN, "-n", str(ranks), sys.executable, "-m", "pytest", "-q", "--color=no", "-m", "mpi", "-p", "ranks",
         "-c", str(HERE.parent / "pyproject.toml"), *words],
        env=environment,
    )  # fmt: skip
    written, since = -1, time.monotonic()
    try:
        while process.poll() is None:
            size = sum(path.stat().st_size for path in folder.glob("rank-*.jsonl"))
            if size != written:
                written, since = size, time.monotonic()
            if time.monotonic() - since > limit:
                return None
            time.sleep(0.1)
        return process.returncode
    finally:
        if process.poll() is None:
            process.terminate()  # mpirun ends its ranks
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def run(ranks: int, words: list[str], limit: float) -> Run:
    """All collective tests at one number of ranks, as many starts as they need."""
    result = Run(ranks)
    while True:
        with tempfile.TemporaryDirectory(prefix="hpcbbp-collective-") as name:
            folder = Path(name)
            (folder / "done.json").write_text(json.dumps(sorted(result.done)), encoding="utf-8")
            status = start(ranks, folder, words, limit)
            found = Journals.read(folder, ranks)
        result.counts.update(found.outcomes[name] for name in found.ended if name in found.outcomes)
        result.done.update(found.ended)
        if status == 0 and found.collected is not None:
            return result
        blamed = list(found.failures) or found.underway[:1]
        for name in blamed:
            texts = found.failures.get(name, {}).items()
            shown = "\n".join(f"rank {', '.join(map(str, at))} of {ranks}:\n{text}" for text, at in texts)
            if shown:
                result.fail(name, "failed", shown)
            elif status is None:
                result.fail(name, "hung", f"no end after {limit:g} s\n{found.stacks}")
            else:
                result.fail(name, "crashed", f"mpirun ended with {status}; what it and the ranks said is above")
        if not blamed:
            how = f"no sign of life for {limit:g} s" if status is None else f"mpirun ended with {status}"
            result.fail("outside any test", how, "what mpirun and pytest said is above")
            return result
        if found.collected is not None and result.done.issuperset(found.collected):
            return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", default="2,3", help="numbers of ranks, one after the other (2,3)")
    limit = 300.0 * float(os.environ.get("HPCBBP_PATIENCE", "1"))  # on a machine that is busy with other things
    parser.add_argument("--limit", type=float, default=limit, help="seconds after which a test has hung (300)")
    known, words = parser.parse_known_args()
    begin = time.monotonic()
    runs = [run(int(ranks), words, known.limit) for ranks in known.ranks.split(",")]
    failures = [failure for made in runs for failure in made.failures]
    for name, how, text in failures:
        print(f"\n{f' {name}: {how} ':_^118}\n\n{text}")
    if failures:
        print(f"\n{' collective tests ':=^118}")
    for name, how, text in failures:
        reasons = [line.removeprefix("E").strip() for line in text.splitlines() if line.startswith("E  ")]
        print(f"FAILED {name}: {how}" + (f" - {reasons[0]}" if reasons else ""))
    summary = f" {'; '.join(map(str, runs))} in {time.monotonic() - begin:.1f} s "
    print(f"{summary:=^118}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
