"""A new method is one file and one line: command line, campaign files, records and estimates then know it."""

from __future__ import annotations

import json

from commands import error_lines, run_python

# What CONTRIBUTING.md tells to do, but for the line's place: the entry is made before anything else is imported.
SCRIPT = """
import runpy, sys
from hpcbbp.solvers.methods import METHODS
from hpcbbp.solvers.methods.dense import DenseMethod

class Twin(DenseMethod):
    name = "twin"

METHODS["twin"] = Twin()
sys.argv[0] = "hpcbbp"
runpy.run_module("hpcbbp", run_name="__main__")
"""
CAMPAIGN = """
name = "twins"
[[grid]]
p = 1
a = 1.0
alpha = 3.0
n = 30
seeds = "0..1"
method = "{method}"
"""


def test_a_registered_method_is_known_everywhere(tmp_path):
    program, file, out = tmp_path / "program.py", tmp_path / "twins.toml", tmp_path / "out"
    program.write_text(SCRIPT, encoding="utf-8")
    small = ("solve", "-n", 30, "-p", 1, "-a", 1.0, "--alpha", 3.0, "--json", "--method")
    twin, dense = (json.loads(run_python(program, *small, name).stdout) for name in ("twin", "dense"))
    assert twin["eigenvalues"] == dense["eigenvalues"]
    file.write_text(CAMPAIGN.format(method="twin"), encoding="utf-8")
    for command in (("plan", file, "--out", out), ("run", file, "--out", out), ("analyze", out)):
        done = run_python(program, *command, "--json")
        assert done.returncode == 0, done.stderr
    lines = (out / "results.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["point"]["method"] for line in lines] == ["twin", "twin"]
    done = run_python(program, "plan", file, "--out", out, "--json")
    (row,) = json.loads(done.stdout)["grid"]
    assert (row["method"], row["done"], row["instances"]) == ("twin", 2, 2)


def test_a_name_that_is_not_registered_is_refused_with_those_that_are(tmp_path):
    program, file = tmp_path / "program.py", tmp_path / "twins.toml"
    program.write_text(SCRIPT, encoding="utf-8")
    file.write_text(CAMPAIGN.format(method="triplet"), encoding="utf-8")
    done = run_python(program, "plan", file)
    assert done.returncode == 2
    (line,) = error_lines(done)
    assert "one of auto, stored, dice, regenerated, deferred, dense, twin is wanted" in line
    done = run_python(program, "solve", "-n", 30, "-p", 1, "-a", 1.0, "--alpha", 3.0, "--method", "triplet")
    assert done.returncode == 2
    assert "one of stored, dice, regenerated, deferred, dense, twin" in error_lines(done)[0]
