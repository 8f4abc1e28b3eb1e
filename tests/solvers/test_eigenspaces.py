"""Which eigenspace knows the teacher best must not depend on the basis that a LAPACK, a processor or ranks give."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from commands import HELPERS, ORACLES, run_python
from dense import dense_hessian
from records import filed
from scipy.stats import ortho_group

from hpcbbp import Group, Problem, gaussian_instance
from hpcbbp.analysis.instances import instance_table
from hpcbbp.campaign.job import open_campaign
from hpcbbp.campaign.measure import solve_point
from hpcbbp.campaign.spec import parse_campaign
from hpcbbp.solvers.dense import solve_dense
from hpcbbp.solvers.eigenspaces import knows_best, largest_overlap, multiplicities
from hpcbbp.solvers.measured import measured
from hpcbbp.solvers.point import Point

SEEDS = 40


def spectrum_of(problem, n, seed):
    """Eigenvalues, vectors as columns, and the p p* directions (p n, p p*) of the teacher."""
    instance = gaussian_instance(problem, n, seed)
    values, vectors = np.linalg.eigh(dense_hessian(instance.data.local, instance.hessian.curvature.dense()))
    teacher = instance.teacher / np.linalg.norm(instance.teacher, axis=0)
    directions = np.stack([np.kron(w, unit) for unit in np.eye(problem.p) for w in teacher.T], axis=1)
    return values, vectors, directions


def m2(vectors, directions):
    return ((vectors.T @ directions) ** 2).sum(axis=1)


@pytest.mark.parametrize(("p", "p_star"), [(1, 1), (2, 1), (2, 2)])
def test_no_basis_of_the_null_space_changes_the_answer(p, p_star, rng):
    problem, n = Problem(p=p, p_star=p_star, alpha=0.6, a=1.0), 40
    empty = p * (n - problem.samples(n))
    chosen_by_a_basis = 0
    for seed in range(10):
        values, vectors, directions = spectrum_of(problem, n, seed)
        assert multiplicities(values).max() == empty  # M < N: p (N - M) eigenvalues are 0
        assert (multiplicities(values) == 1).sum() == p * n - empty
        found = largest_overlap(values, m2(vectors, directions))
        zero = np.abs(values) < 1e-10
        null = vectors[:, zero]
        # The worst basis has one vector along the teacher's projection, which then beats every other vector.
        towards = np.linalg.qr(np.column_stack([null.T @ directions[:, 0], np.eye(empty)]))[0][:, :empty]
        assert null.shape == (p * n, empty)
        for rotation in (*ortho_group.rvs(empty, size=5, random_state=rng), towards):
            turned = vectors.copy()
            turned[:, zero] = null @ rotation
            rotated = m2(turned, directions)
            again = largest_overlap(values, rotated)
            assert (again.pair, again.dimension) == (found.pair, found.dimension)
            assert again.overlap2 == pytest.approx(found.overlap2, rel=1e-9)
        chosen_by_a_basis += zero[np.argmax(rotated)]
        assert not zero[found.pair - 1]  # its mean is p*/N, that of any direction; some other vector knows more
    assert chosen_by_a_basis > 0  # which is why no vector of it may be asked


def test_multiple_eigenvalues_above_and_below_zero(rng):
    """H = Q diag Q^T; the answer for any basis of each space is that of its projector."""
    sizes, levels = [3, 1, 5, 2, 1, 4], [-2.0, -1.5, -0.5, 0.0, 1.0, 7.0]
    values = np.repeat(levels, sizes)
    w = rng.standard_normal((16, 1))
    for lift in range(6):  # which space the direction is tilted into
        Q = ortho_group.rvs(16, random_state=rng)
        spaces = np.split(Q, np.cumsum(sizes)[:-1], axis=1)
        tilted = w + 4 * spaces[lift] @ spaces[lift].T @ w
        tilted /= np.linalg.norm(tilted)
        means = [float(((space.T @ tilted) ** 2).sum() / space.shape[1]) for space in spaces]
        best = int(np.argmax(means))
        for _ in range(5):
            basis = np.hstack([space @ ortho_group.rvs(space.shape[1], random_state=rng)
                               if space.shape[1] > 1 else space for space in spaces])  # fmt: skip
            scatter = 1e-14 * rng.standard_normal(16)  # what LAPACK leaves of a multiple eigenvalue
            found = largest_overlap(values + scatter, m2(basis, tilted))
            assert (found.pair, found.dimension) == (sum(sizes[:best]) + 1, sizes[best])
            assert found.overlap2 == pytest.approx(means[best])
    assert list(multiplicities(values)) == sizes
    assert list(multiplicities(1e-150 * values)) == sizes
    assert list(multiplicities(np.zeros(5))) == [5]
    assert list(multiplicities([-1.0, -1.0 + 1e-8, 3.0])) == [1, 1, 1]


def test_of_equal_overlaps_the_lowest_has_it():
    for sign in (-1, 1):
        rounding = 0.25 * (1 + sign * 1e-15)
        assert largest_overlap([-1.0, 0.0, 1.0], [0.2, 0.25, rounding]).pair == 2
        assert largest_overlap([-1.0, 0.0, 1.0], [rounding, 0.25, 0.25]).pair == 1
    assert largest_overlap([-1.0, 0.0], [0.25, 0.25 * (1 + 1e-6)]).pair == 2
    assert largest_overlap([-1.0], [0.0]).pair == 1


def pairs(group):
    """Of SEEDS instances with M < N, and as many of p = 2, the eigenspace that knows most."""
    points = [Point(p=p, p_star=1, a=1.0, alpha=0.7, n=n, seed=seed, method="dense", nev=2)
              for p, n in ((1, 80), (2, 30)) for seed in range(SEEDS)]  # fmt: skip
    return [solve_point(point, group)["largest_overlap_space"]["pair"] for point in points]


@pytest.mark.mpi
def test_any_number_of_ranks_says_the_same(group):
    """The vector of largest overlap differs between ranks for some of these, because H differs by rounding."""
    assert pairs(group) == pairs(Group())


@pytest.mark.launcher
def test_any_processor_says_the_same(tmp_path):
    """OpenBLAS's kernels of other processors; libraries that have no such choice ignore it."""
    script = tmp_path / "pairs.py"
    script.write_text(
        "import sys, json\n"
        f"sys.path[:0] = {[str(folder) for folder in (HELPERS, ORACLES, Path(__file__).parent)]!r}\n"
        "from test_eigenspaces import pairs\nfrom hpcbbp import Group\nprint(json.dumps(pairs(Group())))\n"
    )
    answers = []
    for kernel in ("Prescott", "Haswell"):
        done = run_python(script, OPENBLAS_CORETYPE=kernel)
        assert done.returncode == 0, done.stderr
        answers.append(json.loads(done.stdout))
    assert len(answers[0]) == 2 * SEEDS
    assert answers[0] == answers[1] == pairs(Group())


def test_where_nothing_is_multiple_it_is_the_vector():
    problem = Problem(p=2, p_star=1, alpha=1.5, a=1.0)
    for seed in range(5):
        solution = solve_dense(gaussian_instance(problem, 30, seed))
        found = largest_overlap(solution.eigen.eigenvalues, solution.overlap2)
        assert (found.pair, found.dimension) == (int(np.argmax(solution.overlap2)) + 1, 1)


CAMPAIGN = """
name = "old"
[[grid]]
p = 1
a = 1.0
alpha = [0.7, 1.5]
n = 40
seeds = "0..1"
method = "dense"
"""


def best(content):
    (record,) = measured([content])
    return knows_best(record)


def test_records_of_the_old_definition_are_unknown_and_computed_again(tmp_path):
    """Definitions are not mixed: with M < N a named vector is nobody's; with M >= N both say the same."""
    campaign = parse_campaign(CAMPAIGN, "old")
    work = open_campaign(campaign, tmp_path)
    store, old = work.store, []
    for point in work.points:
        record = {**filed(point), **solve_point(point, Group())}
        assert best(record) is (record["largest_overlap_space"]["pair"] == 1)
        space = record.pop("largest_overlap_space")
        old.append({**record, "largest_overlap_pair": space["pair"]})
        store.append(old[-1])
    known = [best(record) for record in old]
    assert known[:2] == [None, None]
    assert known[2:] == [record["largest_overlap_pair"] == 1 for record in old[2:]]
    firsts = instance_table(old).sort_values(["alpha", "seed"])["first"]
    assert [math.isnan(first) for first in firsts] == [True, True, False, False]
    assert open_campaign(campaign, tmp_path).missing == work.points[:2]
    for point in work.points[:2]:
        store.append({**filed(point), **solve_point(point, Group())})
    assert open_campaign(campaign, tmp_path).missing == []
    # A record that holds all the pairs it searched says it itself, whoever wrote it.
    everything = solve_point(Point(p=1, p_star=1, a=1.0, alpha=0.7, n=40, seed=0, method="dense"), Group())
    pair = everything.pop("largest_overlap_space")["pair"]
    assert best(everything) is (pair == 1)
