"""An instance of the user's own, from files."""

from __future__ import annotations

import numpy as np

from hpcbbp.data.file import read_shape
from hpcbbp.data.loading import default_storage, load_data, load_weights
from hpcbbp.data.stored import check_storage
from hpcbbp.errors import InputError
from hpcbbp.machine.ranks import Group
from hpcbbp.machine.rng import check_seed
from hpcbbp.model.words import Parts
from hpcbbp.solvers import eigen
from hpcbbp.solvers.instance import Instance
from hpcbbp.solvers.lengths import check_lengths
from hpcbbp.solvers.makers import require_memory
from hpcbbp.solvers.needs import stored_bytes
from hpcbbp.solvers.request import Request


def file_instance(
    data: str,
    teacher: str,
    student: str,
    a: float,
    seed: int = 0,
    *,
    storage: str | None = None,
    nev: int | None = None,
    parts: Parts | None = None,
    group: Group | None = None,
) -> Instance:
    """Read an instance from files: X (M x N, rows x_mu as they are), teacher (p* x N), student (p x N).

    The weights are used as they are, of any length (the model has |w| = sqrt(N) and |x_mu| near 1). Collective.

    Parameters
    ----------
    data, teacher, student : str
        FILE.npy, FILE.h5 or FILE.h5:DATASET.
    a : float
        Constant of the loss, > 0.
    seed : int
        Of the solver's start vector, and of noise on the labels.
    storage : {"float64", "float32", "bf16", "int8"}, optional
        As in the file by default. Of bf16 and int8, which are approximations, solutions tell source_residuals.
    parts : Parts, optional
        Activation, loss, noise and link by their names (hpcbbp.model.words); the paper's by default.
    nev, group
        See gaussian_instance.

    Raises
    ------
    InputError
        Unreadable or unsuitable files (see hpcbbp.data.file), a zero weight vector, an X that is zero everywhere or
        whose curvatures over- or underflow, or too little memory.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> for name, shape in {"X": (300, 100), "T": (1, 100), "W": (2, 100)}.items():
    ...     np.save(name, rng.standard_normal(shape) / (10 if name == "X" else 1))
    >>> file_instance("X.npy", "T.npy", "W.npy", a=1.5)
    Instance(p=2, p_star=1, a=1.5, alpha=3, N=100, M=300, seed=0, data=StoredData, ranks=1)
    """
    group, seed = Group.chosen(group), check_seed(seed)
    with group.agreeing():
        if parts is not None and parts.covariance is not None:
            raise InputError(f"covariance = {parts.covariance}: {data} is as it is; leave the covariance out")
        m, n, dtype = read_shape(data, "the data X", "M x N")
        p_star = read_shape(teacher, "teacher weights", "p* x N")[0]
        p = read_shape(student, "student weights", "p x N")[0]
        problem = (parts or Parts()).problem(p, p_star, m / n, a)
        if n < 2:
            raise InputError(f"{data}: shape {(m, n)}; X is M x N with N >= 2")
        numbers = check_storage(default_storage(dtype) if storage is None else storage)
        if nev is not None:
            nev = eigen.check_nev(nev, p * n)
    require_memory(Request(problem, n, seed, storage=numbers, nev=nev), group, stored_bytes)
    weights = {}
    for name, what, shape in ((teacher, "teacher weights", "p* x N"), (student, "student weights", "p x N")):
        weights[what] = load_weights(name, what, shape, n, group)
        with np.errstate(over="ignore"):
            norms2 = group.sum((weights[what] ** 2).sum(axis=0))
        check_lengths(norms2, f"{name} ({what})")
    X = load_data(data, storage, group)
    instance = Instance(problem, X, weights["teacher weights"], weights["student weights"], seed)
    try:
        instance.hessian  # noqa: B018  # needed anyway, and only here the file's name is known
    except InputError as error:
        raise InputError(f"{data}: {error}") from None
    return instance
