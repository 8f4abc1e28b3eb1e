"""Row ownership, sums and agreement, at every number of ranks."""

from __future__ import annotations

import numpy as np
import pytest

from hpcbbp import InputError
from hpcbbp.machine.launcher import launched_rank
from hpcbbp.machine.ranks import Group, abort_on_error

pytestmark = pytest.mark.mpi


@pytest.mark.parametrize("n", [0, 1, 2, 3, 10, 101])
@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_every_row_has_one_owner(n, size):
    parts = [Group(None, rank, size).owned(n) for rank in range(size)]
    assert [i for part in parts for i in part] == list(range(n))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_ownership_is_petsc_s(group):
    petsc4py = pytest.importorskip("petsc4py")
    from petsc4py import PETSc

    assert petsc4py
    for n in (2, 5, 100):
        vec = PETSc.Vec().createMPI(n, comm=group.comm)
        owned = group.owned(n)
        assert vec.getOwnershipRange() == (owned.start, owned.stop)
        vec.destroy()


@pytest.mark.parametrize("n", [1, 2, 5, 40])
def test_gather_and_scatter(group, n):
    full = np.arange(3.0 * n).reshape(n, 3)
    owned = group.owned(n)
    np.testing.assert_array_equal(group.gather_rows(full[owned.start : owned.stop], n), full)
    mine = full * (group.rank + 1)
    total = group.size * (group.size + 1) / 2
    np.testing.assert_allclose(group.scatter_sum(mine), full[owned.start : owned.stop] * total)
    np.testing.assert_allclose(group.sum(mine), full * total)
    np.testing.assert_allclose(group.sum(np.asfortranarray(mine)), full * total)


def test_one_rank_s_input_error_is_everybody_s(group):
    last = group.size - 1
    with pytest.raises(InputError, match=f"^row 7 of rank {last}$"), group.agreeing():
        if group.rank == last:
            raise InputError(f"row 7 of rank {last}")
    with group.agreeing():
        pass


def test_share_and_rank(group):
    assert group.share(f"from {group.rank}") == "from 0"
    assert group.ranks_on_node() == group.size
    if group.size > 1:
        assert launched_rank() == group.rank


def test_input_errors_and_exits_pass_the_guard(group):
    for error in (InputError("said on all ranks"), SystemExit(2)):
        with pytest.raises(type(error)), abort_on_error(group):
            raise error
