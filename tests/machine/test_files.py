"""Files that a user asked for: whole or as they were, with one line about why not; no formulas in tables."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from commands import ENVIRONMENT, error_lines, run, run_python
from records import kept, point_at, solved, store_of

from hpcbbp import InputError
from hpcbbp.analysis.instances import instance_table
from hpcbbp.campaign.export import pairs, write_pairs
from hpcbbp.machine.files import check_writable, csv_text, write_file

LIMITED = """
import resource, sys
size = int(sys.argv.pop(1))
from hpcbbp.__main__ import main
resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
main()
"""


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "sub" / "table.csv"
    write_file(path, "one\n")
    path.chmod(0o640)
    link = tmp_path / "link.csv"
    link.symlink_to(path)
    write_file(link, b"two\n")
    assert link.is_symlink()
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("two\n", 0o640)
    assert [entry.name for entry in path.parent.iterdir()] == ["table.csv"]


def test_what_cannot_be_written_leaves_what_was_there(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("mine")
    code = (
        "import resource, sys; from pathlib import Path; from hpcbbp import InputError\n"
        "from hpcbbp.machine.files import write_file\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))\n"
        "try: write_file(Path(sys.argv[1]), 'x' * 1000)\n"
        "except InputError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True,
        env={**os.environ, **ENVIRONMENT},
    )  # fmt: skip
    assert done.stdout == f"{path}: cannot be written (File too large)\n"
    assert path.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [path]
    (tmp_path / "folder.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    circle = tmp_path / "circle.csv"
    circle.symlink_to(circle)
    for bad in ("folder.csv", "pipe.csv", "circle.csv", "table.csv/x.csv", f"{'x' * 300}.csv"):
        with pytest.raises(InputError, match="cannot be written"):
            write_file(tmp_path / bad, "text")


def test_text_is_no_formula(tmp_path):
    rows = pd.DataFrame(
        {
            "text": ["=1+1", "+x", "-x", "@x", "fine", "a=b", None],
            "number": [-1.0, 2, 3, 4, 5, 6, 7],
            "mixed": [-1, "=x", 1, 1, 1, 1, 1],
        }
    )
    lines = csv_text(rows).splitlines()
    assert lines[:5] == ["text,number,mixed", "'=1+1,-1.0,-1", "'+x,2.0,'=x", "'-x,3.0,1", "'@x,4.0,1"]
    assert lines[5:] == ["fine,5.0,1", "a=b,6.0,1", ",7.0,1"]
    record = kept(solved(point_at(), reason="=HYPERLINK(1)"))
    write_pairs([record], tmp_path / "pairs.csv")
    assert "'=HYPERLINK" in (tmp_path / "pairs.csv").read_text()
    write_pairs([record], tmp_path / "pairs.parquet")
    assert set(pd.read_parquet(tmp_path / "pairs.parquet")["reason"]) == {"=HYPERLINK(1)"}


def test_method_is_the_campaigns_and_solver_what_solved_it():
    """In exported pairs and in an analysis alike; a solution that no campaign made has both too."""
    records = [solved(point_at(0)), solved(point_at(1, method="dice"))]
    records.append(solved(point_at(2, method="dense"), method="dense"))
    table = instance_table(records)
    assert list(table["method"]) == ["stored", "dice", "dense"]
    assert list(table["solver"]) == ["krylov-schur", "krylov-schur", "dense"]
    exported = pairs(map(kept, records))
    assert list(exported["method"][::2]) == list(table["method"])
    assert list(exported["solver"][::2]) == list(table["solver"])
    alone = [{name: value for name, value in record.items() if name != "point"} for record in records]
    alone[1]["data"] = "DiceData"
    assert list(instance_table(alone)["method"]) == ["stored", "dice", "dense"]


@pytest.mark.launcher
def test_a_full_disk_under_every_table(tmp_path):
    """analyze --to, export, figure: one line, and the files of the last time as they were."""
    points = [point_at(seed, n=n) for seed in range(4) for n in (50, 80)]
    store = store_of(tmp_path / "store", *(solved(point) for point in points))
    script, to = tmp_path / "limited.py", tmp_path / "tables"
    script.write_text(LIMITED)
    for words, file in (
        (("analyze", store.path.parent, "--to", to), to / "curves.csv"),
        (("export", store.path.parent, "--to", tmp_path / "pairs.csv"), tmp_path / "pairs.csv"),
        (("export", store.path.parent, "--to", tmp_path / "pairs.h5"), tmp_path / "pairs.h5"),
        (("export", store.path.parent, "--to", tmp_path / "pairs.parquet"), tmp_path / "pairs.parquet"),
        (("figure", "2", "--quick", "--out", tmp_path / "figures"), tmp_path / "figures" / "figure-2-quick.png"),
    ):
        file.parent.mkdir(exist_ok=True)
        file.write_text("mine")
        done = run_python(script, 150, *words)
        assert done.returncode == 2, (words, done.stderr)
        assert [line.endswith(f"{file.name}: cannot be written (File too large)") for line in error_lines(done)] == [
            True
        ]
        assert "Traceback" not in done.stderr
        assert file.read_text() == "mine"
        assert not list(file.parent.glob(".hpcbbp-*"))


@pytest.mark.launcher
def test_the_option_that_is_wrong_is_blamed(tmp_path):
    store = store_of(tmp_path / "store", solved(point_at()))
    (tmp_path / "file").touch()
    done = run("analyze", store.path.parent, "--to", tmp_path / "file")
    said = f"--to {tmp_path}/file: cannot be made a folder (File exists); take another place"
    assert error_lines(done) == [f"hpcbbp: error: {said}"]


@pytest.mark.launcher
def test_commands_tell_of_damage(tmp_path):
    store = store_of(tmp_path / "store", *(solved(point_at(seed)) for seed in range(4)))
    data = store.path.read_bytes()
    store.path.write_bytes(data.replace(b'"m": 150', b'"m": 151', 1))
    for words in (
        ("export", store.path.parent, "--to", tmp_path / "x.csv"),
        ("analyze", store.path.parent),
        ("collect", store.path.parent, "--out", tmp_path / "all"),
    ):
        done = run(*words)
        assert done.returncode == 0, done.stderr
        (line,) = [line for line in done.stderr.splitlines() if line.startswith("hpcbbp: warning")]
        assert "results.jsonl: 1 damaged record is left out (line 1: its checksum does not fit)" in line
    assert len(pd.read_csv(tmp_path / "x.csv")) == 6


def test_what_cannot_be_written_is_found_beforehand(tmp_path):
    """Whatever the permissions say to root."""
    check_writable("--out x", tmp_path / "a" / "b", [tmp_path / "a" / "b" / "c.png"])
    assert (tmp_path / "a" / "b").is_dir()
    check_writable("--out x", tmp_path / "no" / "where", make=False)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "b"]
    (tmp_path / "file").touch()
    (tmp_path / "taken.png").mkdir()
    long = tmp_path / ("x" * 300)
    for words, folder, files, make in (
        ("/proc cannot be written to", Path("/proc"), [], True),
        ("/proc cannot be written to", Path("/proc/none"), [], False),
        ("/proc/none cannot be made a folder", Path("/proc/none"), [], True),
        ("file cannot be made a folder", tmp_path / "file", [], True),
        ("file cannot be written to", tmp_path / "file" / "x", [], False),
        ("taken.png is a folder", tmp_path, [tmp_path / "taken.png"], True),
        ("File name too long", long, [], True),
        ("File name too long", long, [], False),
    ):
        with pytest.raises(InputError, match=f"^--out x: .*{words}.*; take another place$"):
            check_writable("--out x", folder, files, make=make)
