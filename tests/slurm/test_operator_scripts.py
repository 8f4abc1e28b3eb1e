"""Job scripts for operators of the user's own: what they call, and what is refused before anything is written."""

from __future__ import annotations

import json
import shlex

import pytest
from commands import error_lines, run

ASKED = ("slurm", "--operator", "mine:made", "--time", "2:00:00", "--memory-per-rank", "4G")


def script(*words, folder):
    done = run(*ASKED, *words, cwd=folder, XDG_CONFIG_HOME=str(folder))
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_the_script_calls(tmp_path):
    text = script(
        "--ntasks-per-node", 2, "--", "--nev", "2", "--which", "largest", "--", "-eps_ncv", 80, folder=tmp_path
    )
    assert "#SBATCH --mem-per-cpu=4096M\n" in text and "#SBATCH --time=02:00:00\n" in text
    assert "#SBATCH --requeue\n" in text and "#SBATCH --signal=B:USR1@120\n" in text
    (line,) = [line.strip() for line in text.splitlines() if line.strip().startswith("solve ")]
    assert shlex.split(line.split(">")[0]) == [
        "solve", "--operator", "mine:made", "--nev", "2", "--which", "largest", "--checkpoint", "made/state",
        "--json", "--", "-eps_ncv", "80",
    ]  # fmt: skip
    assert "mkdir -p made" in text and "mv made/solve.json.part made/solve.json" in text
    assert not list(tmp_path.iterdir())


def test_json_and_the_same_folder_again(tmp_path):
    told = json.loads(script("--json", "--out", "a b/c d", folder=tmp_path))
    assert told["name"] == "c d" and told["seconds"] == 7200 and told["mib_per_rank"] == 4096
    assert "--checkpoint 'a b/c d'/state" in told["script"] and "#SBATCH --job-name=c-d\n" in told["script"]


REFUSED = [
    (("slurm",), "a campaign file is wanted, or --operator MODULE:FUNCTION"),
    (("slurm", "--operator", "mine"), "--operator mine: MODULE:FUNCTION is wanted"),
    (("slurm", "--operator", "m:f", "--memory-per-rank", "4G"), "--time is wanted"),
    (("slurm", "--operator", "m:f", "--time", "60"), "--memory-per-rank is wanted"),
    (("slurm", "--operator", "m:f", "--time", "60", "--memory-per-rank", "much"), "--memory-per-rank much"),
    ((*ASKED, "--as", "array"), "leave --as and --tasks out"),
    ((*ASKED, "--tasks", "3"), "leave --as and --tasks out"),
    ((*ASKED, "--node-memory", "2G"), "do not fit in --node-memory 2 GiB"),
    ((*ASKED, "--nodes", "0"), "--nodes 0"),
    ((*ASKED, "--", "--nev", "0"), "nev = 0"),
    ((*ASKED, "--", "--nevv", "1"), "No such option: --nevv"),
    ((*ASKED, "--", "-n", "100"), "-n with --operator: the function says all about its operator"),
    ((*ASKED, "--", "--json"), "--json in the options of hpcbbp solve"),
    ((*ASKED, "--", "--checkpoint", "here"), "--checkpoint in the options of hpcbbp solve"),
    ((*ASKED, "--", "--operator", "mine:made"), "--operator in the options of hpcbbp solve"),
    ((*ASKED, "--account", "a\nb"), "one line of printable text"),
    (("slurm", "c.toml", "more"), "options of hpcbbp solve go with --operator"),
    (("slurm", "c.toml", "--memory-per-rank", "4G"), "--memory-per-rank 4G"),
]


@pytest.mark.parametrize(("words", "part"), REFUSED)
def test_what_is_refused_in_one_line(tmp_path, words, part):
    done = run(*words, cwd=tmp_path)
    assert done.returncode == 2 and done.stdout == ""
    assert len(error_lines(done)) == 1 and part in done.stderr, done.stderr
