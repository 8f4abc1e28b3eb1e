"""`hpcbbp solve --operator MODULE:FUNCTION` as users meet it, with and without mpirun."""

from __future__ import annotations

import json

import numpy as np
import pytest
from commands import answer, error_lines, run

from hpcbbp.machine import petsc

pytestmark = [
    pytest.mark.launcher,
    pytest.mark.skipif(bool(petsc.missing_modules()), reason="SLEPc is not installed"),
]

MODULE = """
import numpy as np
from hpcbbp.operators import distributed_operator, replicated_operator, summed_operator

SIZE = 50
VALUES = np.concatenate([np.arange(-24.0, 25.0), [100.0]])


def right(group):
    rows = group.owned(SIZE)
    share = np.where(np.arange(SIZE) % group.size == group.rank, VALUES, 0.0)
    mine = np.arange(SIZE)[rows.start : rows.stop]
    directions = {"ends": (np.eye(SIZE)[[0, 49]])[:, mine], "last": 1.0 * (mine == 49)}
    return summed_operator(lambda v: share * v, SIZE, group, name="right", directions=directions)


def of_a_hessian(group):
    from hpcbbp import Problem, gaussian_instance

    return gaussian_instance(Problem(p=1, p_star=1, a=1.0, alpha=2.0), 40, group=group).hessian + 1.0


def raises(group):
    raise RuntimeError("no data here")


def raises_on_one_rank(group):
    if group.rank == group.size - 1:
        raise RuntimeError("no data here")
    group.barrier()
    return right(group)


def tiny(group):
    return replicated_operator(lambda v: 1e-200 * VALUES * v, SIZE, group, name="tiny")


def huge(group):
    return replicated_operator(lambda v: 1e200 * VALUES * v, SIZE, group, name="huge")


def nothing(group):
    return None


def nothing_on_one_rank(group):
    return None if group.rank == group.size - 1 else right(group)


def skew(group):
    turn = np.roll(np.eye(SIZE), 1, axis=0)
    return replicated_operator(lambda v: turn @ v, SIZE, group, name="skew")


def waits(group):
    def product(v):
        if group.rank == group.size - 1:
            raise RuntimeError("no data here")
        return v if group.comm is None else group.comm.allreduce(1.0) * v

    return distributed_operator(product, SIZE, group, name="waits")


def later(group):
    calls = 0

    def product(v):
        nonlocal calls
        calls += 1
        if calls == 9 and group.rank == group.size - 1:
            raise RuntimeError("no data here")
        return VALUES * v

    return replicated_operator(product, SIZE, group, name="later")


def alone(group):
    from hpcbbp import Group

    return replicated_operator(lambda v: v, SIZE, Group())


a_number = 3
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(MODULE)
    (tmp_path / "broken.py").write_text("import nothing_of_this_name\n")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("ranks", [0, 1, 3])
def test_pairs_of_both_ends_and_overlaps(ranks):
    found = answer("solve", "--operator", "mine:right", "--nev", 2, "--which", "both", "--verify", ranks=ranks)
    np.testing.assert_allclose(found["eigenvalues"], [-24, -23, 100, 24], rtol=1e-8)
    assert found["ends"] == ["lowest", "lowest", "largest", "largest"]
    assert (found["operator"], found["size"], found["nev"], found["converged"]) == ("right", 50, 4, 4)
    assert found["verified"] and found["provenance"]["ranks"] == max(ranks, 1)
    np.testing.assert_allclose(found["overlaps"]["ends"]["overlap2"], [1, 0, 1, 0], atol=1e-9)
    np.testing.assert_allclose(np.abs(found["overlaps"]["last"]["cosines"]), [[0], [0], [1], [0]], atol=1e-6)


@pytest.mark.parametrize(
    ("words", "values"),
    [
        ((), [-24, -23, -22, -21, -20, -19]),
        (("--nev", 2), [-24, -23]),
        (("--which", "largest", "--nev", 2), [100, 24]),
        (("--below", -22.5), [-24, -23, -22]),
        (("--above", 22.5), [100, 24, 23, 22]),
        (("--below", -23.5, "--above", 50, "--seed", 3, "--tol", 1e-4), [-24, -23, 100, 24]),
        (("--", "-eps_largest_real"), [100, 24, 23, 22, 21, 20]),
    ],
)
def test_options(words, values):
    found = run("solve", "--operator", "mine:right", "--json", *words)
    assert found.returncode == 0, found.stderr
    np.testing.assert_allclose(json.loads(found.stdout)["eigenvalues"], values, rtol=1e-4)


def test_tables():
    shown = run("solve", "--operator", "mine:right", "--nev", 1, "--which", "both").stdout
    assert "right: order 50, seed 0, 1 rank" in shown and "|P v|^2 ends" in shown
    assert "100.00000000" in shown and "largest" in shown and "converged" in shown
    hessian = answer("solve", "--operator", "mine:of_a_hessian", "--nev", 1)
    alone = answer("solve", "-n", 40, "-p", 1, "-a", 1, "--alpha", 2, "--nev", 1)
    assert hessian["eigenvalues"][0] == pytest.approx(alone["eigenvalues"][0] + 1)


BAD = [
    ("mine", r"--operator mine: MODULE:FUNCTION is wanted"),
    ("nowhere:right", r"--operator nowhere:right: ModuleNotFoundError: No module named 'nowhere'"),
    ("broken:right", r"--operator broken:right: ModuleNotFoundError: No module named 'nothing_of_this_name'"),
    ("mine:left", r"--operator mine:left: AttributeError: module 'mine' has no attribute 'left'"),
    ("mine:a_number", r"--operator mine:a_number: a function of the group of ranks is wanted, it is 3"),
    ("mine:raises", r"--operator mine:raises: it raised RuntimeError: no data here"),
    ("mine:nothing", r"--operator mine:nothing: it returned None, an operator is wanted"),
    ("mine:skew", r"--operator mine:skew: the product of skew is not symmetric: "),
    ("mine:later", r"the product of later: it raised RuntimeError: no data here"),
]


@pytest.mark.parametrize("ranks", [0, 2])
@pytest.mark.parametrize(("name", "words"), BAD)
def test_what_is_no_operator_is_refused_in_one_line(name, words, ranks):
    import re

    done = run("solve", "--operator", name, ranks=ranks)
    lines = error_lines(done)
    assert done.returncode == 2 and len(lines) == 1, done.stderr
    assert re.search(words, lines[0]), lines[0]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["raises_on_one_rank", "waits", "nothing_on_one_rank"])
def test_a_rank_that_fails_alone_ends_the_job(name):
    done = run("solve", "--operator", f"mine:{name}", ranks=3)
    lines = error_lines(done)
    assert done.returncode == 2 and len(lines) == 1, done.stderr
    why = "it returned None" if name == "nothing_on_one_rank" else "it raised RuntimeError: no data here"
    assert why in lines[0] and "job ended" in lines[0]


@pytest.mark.parametrize(("name", "value"), [("tiny", "-2.40000000e-199"), ("huge", "-2.40000000e+201")])
def test_numbers_of_any_size_are_shown(name, value):
    shown = run("solve", "--operator", f"mine:{name}", "--nev", 2).stdout
    assert value in shown and max(map(len, shown.splitlines())) < 130


def test_an_operator_of_one_process_among_several():
    done = run("solve", "--operator", "mine:alone", ranks=2)
    assert done.returncode == 2
    assert "its operator lives on 1 of 2 ranks" in error_lines(done)[0]


REFUSED = [
    (("--nev", 0), "nev = 0: ask for at least one eigenpair"),
    (("--nev", 51), "nev = 51: right has only size = 50 eigenpairs"),
    (("--nev", 30, "--which", "both"), "nev = 30 of each end: right has only size = 50 eigenpairs in all"),
    (("--which", "middle"), "--which middle: one of lowest, largest, both"),
    (("--which", "lowest", "--above", 3), "which = 'lowest' with above"),
    (("--nev", 2, "--below", 3), "nev = 2 with below = 3"),
    (("--below", 3, "--above", 2), "below = 3 with above = 2"),
    (("--tol", 0), "tol = 0.0"),
    (("--tol", 1e-3, "--", "-eps_tol", 1e-4), "--tol 0.001 with -eps_tol"),
    (("--seed", -1), "seed"),
    (("-n", 100), "-n with --operator: the function says all about its operator; leave -n out"),
    (("-p", 1), "-p with --operator"),
    (("--p-star", 1), "--p-star with --operator"),
    (("-a", 1), "-a with --operator"),
    (("--alpha", 1), "--alpha with --operator"),
    (("--data", "X.npy"), "--data with --operator"),
    (("--teacher", "X.npy"), "--teacher with --operator"),
    (("--student", "X.npy"), "--student with --operator"),
    (("--method", "dice"), "--method with --operator"),
    (("--storage", "float32"), "--storage with --operator"),
    (("--block", 1), "--block with --operator"),
    (("--activation", "tanh"), "--activation with --operator"),
    (("--loss", "square"), "--loss with --operator"),
    (("--noise", "noiseless"), "--noise with --operator"),
    (("--link", "product"), "--link with --operator"),
    (("--estimator", "optimal"), "--estimator with --operator"),
    (("--covariance", "uniform:0.1"), "--covariance with --operator"),
]


@pytest.mark.parametrize(("words", "refusal"), REFUSED)
def test_options_that_do_not_go_together(words, refusal):
    done = run("solve", "--operator", "mine:right", *words)
    assert done.returncode == 2
    assert refusal in error_lines(done)[0]


@pytest.mark.parametrize("option", [("--above", 3), ("--which", "largest")])
@pytest.mark.parametrize("method", ["stored", "dice", "regenerated", "deferred", "dense"])
def test_options_of_an_operator_alone(option, method):
    done = run("solve", "-n", 40, "-p", 1, "-a", 1, "--alpha", 2, "--method", method, *option)
    assert done.returncode == 2
    assert f"{option[0]} belongs to --operator" in error_lines(done)[0]
