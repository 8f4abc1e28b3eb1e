"""Job scripts for words of every kind: what a name holds is one word of the script, or is refused in one line."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from commands import run
from job_scripts import CAMPAIGN, JOBS

from hpcbbp.cli.app import main

STUB = """#!/bin/bash
{ printf '%s\\x1f' "${0##*/}" "$@"; printf '\\x1e'; } >>"$CALLS"
case "${0##*/}" in srun|mpirun) while [[ "$1" == -* ]]; do [ "$1" = -n ] && shift; shift; done; exec "$@";; esac
"""

NASTY = """it's $(touch owned) `touch owned` "x"; touch owned & *"""


class Stage:
    """A folder of a nasty name with stand-ins for every program a job script calls, which note their arguments."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / f"d {NASTY}"
        self.bin, self.calls_file = self.folder / "bin", folder / "calls"
        self.bin.mkdir(parents=True)
        for name in ("srun", "mpirun", "module", "scontrol", "apptainer", f"h {NASTY}"):
            (self.bin / name).write_text(STUB)
            (self.bin / name).chmod(0o755)
        self.program = self.bin / f"h {NASTY}"

    def rendered(self, *options: str) -> str:
        """The script of `hpcbbp slurm`, as from the command line."""
        file = self.folder / f"c {NASTY}.toml"
        file.write_text(CAMPAIGN.format(n=200, method="stored").replace("2.0, 3.0", "2.0").replace("= 4", '= "0..0"'))
        done = run("slurm", file.name, "--ntasks-per-node", 2, "--time", 30, *options, cwd=self.folder)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def calls(self, script: str) -> list[list[str]]:
        """What a job script calls, each with its arguments."""
        done = subprocess.run(
            ["bash", "-c", script], cwd=self.folder, capture_output=True, text=True, check=False, timeout=60,
            env={"PATH": f"{self.bin}:/usr/bin:/bin", "CALLS": str(self.calls_file), "SLURM_JOB_ID": "7",
                 "SLURM_JOB_NODELIST": "n1", "SLURM_SUBMIT_DIR": str(self.folder), "SLURM_ARRAY_TASK_ID": "1",
                 "SLURM_ARRAY_JOB_ID": "7"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found = [call.split("\x1f")[:-1] for call in self.calls_file.read_text().split("\x1e")[:-1]]
        self.calls_file.unlink()
        assert not list(self.folder.rglob("owned")), script
        return found


@pytest.mark.launcher
def test_whatever_a_name_holds_it_is_one_word_of_the_script(tmp_path):
    stage = Stage(tmp_path)
    file, out, program = f"c {NASTY}.toml", f"r {NASTY}", stage.program.name
    common = ("--out", out, "--program", str(stage.program), "--module", NASTY, "--mpi", NASTY)
    modules = [["module", "purge"], ["module", "load", NASTY]]
    flags = ["--cpus-per-task=1", "--cpu-bind=cores", "--kill-on-bad-exit=1"]

    calls = stage.calls(stage.rendered(*common, "--account", "phys & co"))
    ran = ["run", file, "--out", out, "--wall-time", calls[2][-1]]
    check = [program, "plan", file, "--out", out, "--check"]
    assert calls == [*modules, ["srun", f"--mpi={NASTY}", *flags, str(stage.program), *ran], [program, *ran], check]

    calls = stage.calls(stage.rendered(*common, "--as", "array", "--tasks", "1", "--launcher", "mpirun"))
    assert calls[2][:4] == ["mpirun", "-n", "2", str(stage.program)]
    assert calls[3][:7] == [program, "run", file, "--out", out, "--shard", "1/1"]

    (stage.folder / out / "shards" / "1-of-1").mkdir(parents=True)
    calls = stage.calls(stage.rendered(*common, "--as", "collect"))
    told = [[program, "collect", f"{out}/shards/1-of-1/", "--out", out],
            [program, "analyze", file, "--out", out, "--to", f"{out}/tables"],
            [program, "report", file, "--out", out], [program, "plan", file, "--out", out]]  # fmt: skip
    assert calls == [*modules, *told]

    calls = stage.calls(stage.rendered(*common, "--as", "solve"))
    assert calls[3][:3] == [program, "solve", "-n"]
    assert (stage.folder / out / "solve.json").exists()

    calls = stage.calls(stage.rendered(*common, "--container", f"{NASTY}.sif", "--bind", NASTY))
    here = str(stage.folder)
    assert calls[3] == ["apptainer", "exec", "--bind", here, "--pwd", here, "--bind", NASTY, f"{NASTY}.sif", "hpcbbp",
                        *ran]  # fmt: skip


@pytest.mark.launcher
def test_a_program_of_several_words_and_names_that_begin_with_a_dash(tmp_path):
    stage = Stage(tmp_path)
    calls = stage.calls(stage.rendered("--program", "env 'A=b c' apptainer -x", "--out=-r", "--as", "solve"))
    assert calls[0][5:10] == ["env", "A=b c", "apptainer", "-x", "solve"]
    assert (stage.folder / "-r" / "solve.json").exists()


WORDS = (
    "--account",
    "--partition",
    "--qos",
    "--constraint",
    "--module",
    "--container",
    "--program",
    "--mpi",
    "--sbatch",
    "--out",
)


@pytest.mark.parametrize("option", WORDS)
@pytest.mark.parametrize("text", ["a\nb", "a\rb", "a\x1bb", "a\udc80b"])
def test_what_is_not_one_line_of_text_is_refused(tmp_path, monkeypatch, capsys, option, text):
    shutil.copy(JOBS / "campaign.toml", tmp_path)
    monkeypatch.chdir(tmp_path)
    words = ["slurm", "campaign.toml", "--ntasks-per-node", "4", option, text]
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert len(told.err.splitlines()) == 1
    assert "one line" in told.err


@pytest.mark.parametrize(
    ("option", "text"),
    [("--account", 'a"b'), ("--account", "a'b"), ("--qos", "a\\b"), ("--program", "a 'b"), ("--program", " "),
     ("--module", ""), ("--mpi", ""), ("--container", "")],
)  # fmt: skip
def test_words_that_no_script_can_hold_are_refused(tmp_path, monkeypatch, capsys, option, text):
    shutil.copy(JOBS / "campaign.toml", tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as caught:
        main(["slurm", "campaign.toml", "--ntasks-per-node", "4", option, text])
    assert caught.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert option in line
