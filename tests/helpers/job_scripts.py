"""Job scripts: where those of the repository lie, and a campaign to make others of."""

from __future__ import annotations

from commands import ROOT

JOBS = ROOT / "jobs"

CAMPAIGN = """
name = "c"
ranks_per_instance = 2
[[grid]]
p = 1
a = 1.5
alpha = [2.0, 3.0]
n = {n}
seeds = 4
method = "{method}"
"""
