"""Any line of options ends in an answer, or in one line on standard error and exit code 2."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from fuzzing import bounded, fuzzed
from hypothesis import event, given
from hypothesis import strategies as st
from inprocess import here

from hpcbbp import memory, petsc
from hpcbbp.data import kernels

pytestmark = [
    pytest.mark.fuzz,
    pytest.mark.skipif(bool(petsc.missing_modules()), reason="SLEPc is not installed"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # see test_option_matrix.py
]

ODD = (
    "",
    "0",
    "-1",
    "nan",
    "inf",
    "-inf",
    "1e308",
    "1e-320",
    "1e400",
    "9" * 30,
    "-0.0",
    "1_0",
    "0x3",
    "x",
    "٣",
    "a b",
)
ODD += ("2.5", "True", "None", "--", "-", "\x00", "\n", "'", "%s", "{}", "é" * 200, "1e3", " 3", "-p")
GOOD = {
    "-n": ("2", "3", "5", "9", "12", "12"),
    "-p": ("1", "2", "3"),
    "--p-star": ("1", "2"),
    "-a": ("1.5", "0.01", "1e6", "1e-300", "1e300"),
    "--alpha": ("0.5", "1", "3", "0.1"),
    "--seed": ("0", "7", str(2**64 - 1)),
    "--nev": ("1", "2", "3", "5"),
    "--tol": ("1e-8", "1e-3", "0.9", "1e-15", "1e-300"),
    "--below": ("0", "-1", "1e9", "-1e9"),
    "--storage": ("float64", "float32", "int16"),
    "--data": ("stored", "dice", "{folder}/X.npy", "{folder}/X.npy", "{folder}/X.npy:x", "{folder}"),
    "--teacher": ("{folder}/W.npy", "{folder}/W.npy", "{folder}/X.npy"),
    "--student": ("{folder}/W.npy", "{folder}/X.npy"),
    "--method": ("krylov-schur", "deferred", "deferred", "deferred"),
    "--block": ("1", "2", "4"),
    "--checkpoint": ("{folder}/c", "{folder}/X.npy", "{folder}/c/d/e"),
    "--checkpoint-every": ("0", "5"),
}
PETSC = (
    "-eps_ncv 3", "-eps_ncv 0", "-eps_ncv x", "-eps_nev 2", "-eps_nev 0", "-eps_max_it 1", "-eps_tol 1e-3",
    "-eps_tol -1", "-eps_largest_real", "-eps_smallest_magnitude", "-eps_type lanczos", "-eps_type foo", "-foo 3",
    "-eps_monitor", "word", "-", "--", "-eps_target nan", "-eps_interval 0,1", "-st_type sinvert", "-eps_mpd 1",
)  # fmt: skip

DRAWN = ("-n", "-p", "-a", "--alpha")
KINDS = {
    "stored": (DRAWN, ("--nev", "--tol", "--below", "--storage", "--seed", "--p-star")),
    "dice": ((*DRAWN, "--data"), ("--nev", "--tol", "--below", "--storage", "--seed", "--p-star")),
    "files": (("-a", "--data", "--teacher", "--student"), ("--nev", "--tol", "--below", "--storage", "--seed", "-p")),
    "deferred": ((*DRAWN, "--method"), ("--nev", "--tol", "--block", "--storage", "--checkpoint", "--seed")),
}


@st.composite
def lines(draw):
    """Instances of every kind with a few options; every other one with something odd, or that belongs elsewhere."""
    needed, further = KINDS[draw(st.sampled_from(sorted(KINDS)))]
    chosen = [*needed, *draw(st.lists(st.sampled_from(further), max_size=2, unique=True))]
    words = [word for option in chosen for word in (option, draw(st.sampled_from(GOOD[option])))]
    if draw(st.booleans()):
        words.append("--json")
    if draw(st.booleans()):
        kind = draw(st.sampled_from(("value", "option", "word", "lost")))
        at = draw(st.integers(0, len(words) - 1))
        if kind == "value":
            words[at] = draw(st.sampled_from(ODD))
        elif kind == "option":
            option = draw(st.sampled_from(sorted(GOOD)))
            words += [option, draw(st.sampled_from((*GOOD[option], *ODD)))]
        elif kind == "word":
            words.insert(at, draw(st.sampled_from((*ODD, "--nevv", "-q", "--n=3", "--nev=", "-n3", "--help"))))
        else:
            del words[at]
    if not draw(st.integers(0, 3)):
        words += ["--", *draw(st.sampled_from(PETSC)).split()]
    return words


@pytest.fixture(scope="module", autouse=True)
def _ready():
    kernels.prepare()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "available", lambda ranks=1: 1024 * 2**20)
        yield


@given(lines())
@fuzzed(600)
def test_any_line_of_options(words):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        rng = np.random.default_rng(0)
        np.save(Path(folder) / "X.npy", rng.standard_normal((9, 5)))
        np.save(Path(folder) / "W.npy", rng.standard_normal((1, 5)))
        before = {path.name for path in Path(folder).iterdir()}
        filled = ["solve", *(word.replace("{folder}", folder) for word in words)]
        with bounded(30, 2048):
            status, out, err = here(filled, Path(folder))
        told = [line for line in err.splitlines() if line.startswith("hpcbbp: error: ")]
        event(f"exit code {status}{', JSON' if '--json' in words else ''}")
        assert "Traceback" not in err
        assert status in (0, 2)
        if status == 0:
            assert not told
            assert out
            if "--json" in words:
                json.loads(out)
        else:
            assert len(told) == 1
            assert err.splitlines() == told
            assert len(told[0]) < 1000
            assert out == ""
        left = {path.name for path in Path(folder).iterdir()} - before - {"out", "err"}
        assert left <= ({"c"} if "--checkpoint" in words else set())
