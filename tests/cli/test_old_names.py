"""Options by the names that they had before: they do what they did, and say what they are called now."""

from __future__ import annotations

import json

import pytest
from inprocess import here

from hpcbbp.machine import petsc

pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.skipif(bool(petsc.missing_modules()), reason="SLEPc is not installed"),
]

INSTANCE = ["solve", "-n", "30", "-p", "1", "-a", "1", "--alpha", "3", "--json"]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("--method krylov-schur", "--method stored", "--method krylov-schur is called --method stored now"),
        ("--data stored", "--method stored", "--data stored is called --method stored now"),
        ("--data dice", "--method dice", "--data dice is called --method dice now"),
        (
            "--method krylov-schur --data dice",
            "--method dice",
            "--method krylov-schur --data dice is called --method dice now",
        ),
        ("--method dice --data dice", "--method dice", "--data dice is called --method dice now"),
    ],
)
def test_an_old_name_does_what_it_did_and_says_its_new_one(tmp_path, old, new, told):
    answers = []
    for words, lines in ((old, [f"hpcbbp: {told}"]), (new, [])):
        status, out, err = here([*INSTANCE, *words.split()], tmp_path)
        assert status == 0, err
        assert [line for line in err.splitlines() if "is called" in line] == lines
        answers.append(json.loads(out))
    for name in ("data", "method", "n", "seed", "nev"):
        assert answers[0][name] == answers[1][name]
    assert answers[0]["eigenvalues"] == pytest.approx(answers[1]["eigenvalues"], rel=1e-9)


def test_two_methods_are_refused(tmp_path):
    status, out, err = here([*INSTANCE, "--method", "dense", "--data", "dice"], tmp_path)
    assert (status, out) == (2, "")
    assert "--data dice with --method dense: two methods; leave --data out" in err
