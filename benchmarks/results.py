"""Every number of the documents that instances decide, recomputed from the tables in docs/results (make results).

.venv/bin/python benchmarks/results.py [--quick] [--write] [--only results.md]
.venv/bin/python benchmarks/results.py --keep FOLDER figure-1 ...     new tables from folders of results
.venv/bin/python benchmarks/results.py --draw figure-1 ...            their CSV files and pictures anew

Exit code 1 where a document and a table disagree, or where a document has measured numbers without a table.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from claims import pages
from claims.catalogue import EXEMPT, PARTS


def check(quick: bool, write: bool, only: str | None) -> int:
    wrong, count = [], 0
    every = [claim for part in PARTS for claim in part()]
    for page in sorted({claim.page for claim in every}):
        if only is not None and not page.endswith(only):
            continue
        start, claims = time.perf_counter(), [claim for claim in every if claim.page == page]
        found = pages.examine(page, claims, quick=quick, exempt=EXEMPT.get(page, ()), write=write)
        said = sum(not (quick and claim.slow) for claim in claims)
        count += said
        print(f"{page}: {said} of {len(claims)} claims recomputed, {time.perf_counter() - start:.0f} s", flush=True)
        wrong += found.wrong + found.bare
    print(*wrong, sep="\n")
    print(f"{count} claims, {len(wrong)} wrong")
    return 1 if wrong else 0


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--quick", action="store_true", help="without what takes long to compute")
    words.add_argument("--write", action="store_true", help="write the numbers of the tables into the documents")
    words.add_argument("--only", help="the one page whose name ends so")
    words.add_argument("--keep", type=Path, metavar="FOLDER", help="of the folders of results of named figures")
    words.add_argument("--draw", action="store_true")
    words.add_argument("figures", nargs="*")
    asked = words.parse_args()
    if asked.keep is not None:
        from claims.keep import keep

        for name in asked.figures:
            print(keep(asked.keep, name), flush=True)
        return 0
    if asked.draw:
        from claims.draw import draw

        for name in asked.figures:
            print(draw(name), flush=True)
        return 0
    return check(asked.quick, asked.write, asked.only)


if __name__ == "__main__":
    sys.exit(main())
