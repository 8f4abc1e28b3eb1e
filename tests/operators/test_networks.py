"""Networks in JAX and PyTorch: products against finite differences, dense matrices and each other, on any ranks."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from hpcbbp import InputError
from hpcbbp.operators import jax_operator, torch_operator
from hpcbbp.solvers.operator import solve_operator

pytestmark = pytest.mark.mpi

SIZES, M = (6, 5, 3), 40
SIZE = 6 * 5 + 5 + 5 * 3 + 3
HAVE = {name: importlib.util.find_spec(name) is not None for name in ("jax", "torch")}
FRAMEWORKS = [
    pytest.param(name, marks=pytest.mark.skipif(not HAVE[name], reason=f"{name} is not installed")) for name in HAVE
]


def data(group):
    """This rank's samples; with more ranks than three the last has none."""
    r = np.random.default_rng(3)
    x, y = r.standard_normal((M, SIZES[0])), r.integers(0, SIZES[2], M)
    rows = group.owned(M)
    if group.size > 2:  # the last rank without any
        rows = range(
            group.size - 1 and (group.rank * M) // (group.size - 1), ((group.rank + 1) * M) // (group.size - 1)
        )
        rows = rows if group.rank < group.size - 1 else range(0)
    return x[rows.start : rows.stop], y[rows.start : rows.stop]


def weights():
    r = np.random.default_rng(4)
    return [r.standard_normal(shape) / 2 for shape in ((6, 5), (5,), (5, 3), (3,))]


def losses(w, x, y, activation=np.tanh):
    """Of each sample, by plain numpy."""
    z = activation(x @ w[0] + w[1]) @ w[2] + w[3]
    z = z - z.max(axis=1, keepdims=True)
    return np.log(np.exp(z).sum(axis=1)) - z[range(len(y)), y]


def shaped(vector):
    made, first = [], 0
    for part in weights():
        made.append(vector[first : first + part.size].reshape(part.shape))
        first += part.size
    return made


def of(framework, group, *, double=True, **given):
    x, y = data(group)
    if framework == "jax":
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", double)
        number = jnp.float64 if double else jnp.float32

        def model(w, x):
            return jnp.tanh(x @ w[0] + w[1]) @ w[2] + w[3]

        def loss(z, y):
            return -jax.nn.log_softmax(z)[jnp.arange(len(y)), y]

        parts = [jnp.asarray(part, dtype=number) for part in weights()]
        return jax_operator(model, loss, parts, jnp.asarray(x, dtype=number), jnp.asarray(y), group, **given)
    import torch

    number = torch.float64 if double else torch.float32

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = torch.nn.ParameterList(
                [torch.nn.Parameter(torch.tensor(part, dtype=number)) for part in weights()]
            )

        def forward(self, x):
            return torch.tanh(x @ self.parts[0] + self.parts[1]) @ self.parts[2] + self.parts[3]

    loss = torch.nn.CrossEntropyLoss(reduction="none")
    return torch_operator(Model(), loss, torch.tensor(x, dtype=number), torch.tensor(y), group, **given)


def whole(group):
    """All samples, on every rank."""
    parts = [data(group)] if group.comm is None else group.comm.allgather(data(group))
    return np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])


def difference(group, v, step=1e-4):
    """H v by central differences of numpy's own gradient, which is by central differences of numpy's loss."""
    x, y = whole(group)

    def gradient(w):
        found = np.empty(SIZE)
        for i in range(SIZE):
            e = np.zeros(SIZE)
            e[i] = 1e-4
            found[i] = (losses(shaped(w + e), x, y).mean() - losses(shaped(w - e), x, y).mean()) / 2e-4
        return found

    w = np.concatenate([part.ravel() for part in weights()])
    return (gradient(w + step * v) - gradient(w - step * v)) / (2 * step), gradient(w)


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("batch", [None, 7])
def test_products_are_those_of_finite_differences(group, framework, batch):
    A = of(framework, group, batch=batch)
    assert A.size == SIZE and A.samples == M
    v = np.random.default_rng(5).standard_normal(SIZE)
    expected, gradient = difference(group, v)
    assert np.allclose(A.apply(A.mine(v)), A.mine(expected), atol=1e-5)
    assert np.allclose(A.gradient(), gradient, atol=1e-7)
    x, y = whole(group)
    assert A.loss() == pytest.approx(losses(weights(), x, y).mean())
    assert np.allclose(A.flat(weights()), np.concatenate([part.ravel() for part in weights()]))


def jacobians(x, step=1e-6):
    """d outputs / d w of each sample, (M, 3, size), and the Hessians of the loss in the outputs."""
    w = np.concatenate([part.ravel() for part in weights()])

    def outputs(w):
        parts = shaped(w)
        return np.tanh(x @ parts[0] + parts[1]) @ parts[2] + parts[3]

    J = np.stack([(outputs(w + step * e) - outputs(w - step * e)) / (2 * step) for e in np.eye(SIZE)], axis=-1)
    z = outputs(w)
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return J, np.einsum("mi,ij->mij", p, np.eye(3)) - np.einsum("mi,mj->mij", p, p)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_gauss_newton_is_that_of_jacobians(group, framework):
    A = of(framework, group, kind="gauss-newton", batch=9)
    J, B = jacobians(whole(group)[0])
    dense = np.einsum("mia,mij,mjb->ab", J, B, J) / M
    for v in np.random.default_rng(6).standard_normal((2, SIZE)):
        assert np.allclose(A.apply(A.mine(v)), A.mine(dense @ v), atol=1e-7)
    values = solve_operator(A, 3, which="largest").eigen.eigenvalues
    assert np.allclose(values, np.linalg.eigvalsh(dense)[:-4:-1], rtol=1e-6)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_gradients_of_some_samples(group, framework):
    """sum_mu c_mu grad loss_mu: with c = 1/M of one class, its part of the gradient."""
    A = of(framework, group)
    y = data(group)[1]
    parts = [A.gradient((y == k) / M) for k in range(3)]
    assert np.allclose(sum(parts), A.gradient(), atol=1e-12)
    assert all(np.linalg.norm(part) > 0 for part in parts)
    wrong = np.ones(len(y) + (group.rank == 0))
    with pytest.raises(InputError, match="one number for each of"):
        A.gradient(wrong)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_single_precision(group, framework):
    A, exact = of(framework, group, double=False), of(framework, group)
    v = np.random.default_rng(5).standard_normal(SIZE)
    assert np.allclose(A.apply(A.mine(v)), exact.apply(A.mine(v)), atol=1e-4)
    found = solve_operator(A, 2, which="both", tol=1e-4).eigen
    assert found.converged.all()
    assert np.allclose(found.eigenvalues, solve_operator(exact, 2, which="both").eigen.eigenvalues, atol=1e-3)


@pytest.mark.skipif(not all(HAVE.values()), reason="one of the two is not installed")
@pytest.mark.parametrize("kind", ["hessian", "gauss-newton"])
def test_the_two_agree(group, kind):
    one, other = (of(framework, group, kind=kind) for framework in ("jax", "torch"))
    v = np.random.default_rng(8).standard_normal(SIZE)
    assert np.allclose(one.apply(one.mine(v)), other.apply(other.mine(v)), atol=1e-12)
    assert np.allclose(one.gradient(), other.gradient(), atol=1e-13)


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"kind": "fisher"}, r"kind = 'fisher': one of hessian, gauss-newton"),
        ({"batch": 0}, r"batch = 0: samples whose outputs are in memory together, at least 1"),
        ({"accuracy": 2.0}, r"accuracy = 2\.0"),
        ({"directions": {"d": np.ones(1)}}, r"directions 'd' of shape \(1,\)"),
    ],
)
def test_bad_input(group, framework, given, words):
    with pytest.raises(InputError, match=words):
        of(framework, group, **given)


@pytest.mark.skipif(not HAVE["jax"], reason="jax is not installed")
def test_networks_in_jax_that_make_no_sense(group):
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    x, y, w = jnp.ones((4, 2)), jnp.ones(4), jnp.ones(2)

    def made(model=lambda w, x: x @ w, loss=lambda z, y: (z - y) ** 2, w=w, x=x, y=y):
        return jax_operator(model, loss, w, x, y, group)

    assert made().size == 2
    bad = [
        ({"loss": lambda z, y: ((z - y) ** 2).mean()}, r"loss\(outputs, y\) of shape \(\) for 4 samples"),
        ({"model": lambda w, x: x @ w[:1]}, r"the network raised TypeError"),
        ({"x": jnp.ones((3, 2))}, r"x and y of shapes \(3, 2\) and \(4,\)"),
        ({"w": jnp.ones(2, dtype=int)}, r"parameters of int64: float32 or float64"),
        ({"x": jnp.ones((0, 2)), "y": jnp.ones(0)}, "no rank has a sample"),
    ]
    for given, words in bad:
        with pytest.raises(InputError, match=words):
            made(**given)
    if group.size > 1:
        with pytest.raises(InputError, match="weights on the ranks: they have one model together"):
            made(model=lambda w, x: x @ w[:2], w=jnp.ones(2 + (group.rank == 1)))
        with pytest.raises(InputError, match=r"the model is not the same on all ranks: its numbers differ by"):
            made(w=jnp.ones(2) + (group.rank == 1))
        with pytest.raises(InputError, match="the network raised ValueError: only here"):
            made(model=only_here(group))


def only_here(group):
    def model(w, x):
        if group.rank == 1:
            raise ValueError("only here")
        return x @ w

    return model


@pytest.mark.skipif(not HAVE["torch"], reason="torch is not installed")
def test_networks_in_torch_that_make_no_sense(group):
    import torch

    square = torch.nn.MSELoss(reduction="none")
    x, y = torch.ones(4, 2), torch.ones(4)
    torch.manual_seed(0)  # one model on all ranks

    def made(model, loss=lambda z, y: square(z[:, 0], y), x=x, y=y):
        return torch_operator(model, loss, x, y, group)

    linear = torch.nn.Linear(2, 1)
    assert made(linear).size == 3
    bad = [
        ((3,), "model = 3: a torch.nn.Module is wanted"),
        ((linear, lambda z, y: square(z[:, 0], y).mean()), r"loss\(outputs, y\) of shape \(\) for 4 samples"),
        ((torch.nn.Linear(3, 1),), "the network raised RuntimeError"),
        ((torch.nn.Flatten(),), r"weights of \[\]: all float32, or all float64"),
        ((torch.nn.Sequential(linear, torch.nn.Dropout(0.5)),), "is not deterministic"),
    ]
    for given, words in bad:
        with pytest.raises(InputError, match=words):
            made(*given)
    if group.size > 1:
        torch.manual_seed(group.rank)
        with pytest.raises(InputError, match="the model is not the same on all ranks: its numbers differ by"):
            made(torch.nn.Linear(2, 1))
