"""`hpcbbp models`: the parts that a model can have, by their names."""

from __future__ import annotations

from typing import Any

from hpcbbp.cli.options import Json

_MEANING = {
    "activation": "sigma of student and teacher, yhat = (1/p) sum_k sigma(s_k)",
    "loss": "l(y, yhat)",
    "noise": "what becomes of a label y",
    "estimator": "in place of a loss, p = p*: D = -T(y), whose lowest eigenvalues are minus the largest of T",
    "covariance": "eigenvalues of Sigma of drawn data, x ~ N(0, Sigma/N), in place of 1",
    "link": "label of the teacher's projections u, in place of (1/p*) sum_l sigma(u_l)",
}


def models(as_json: Json = False) -> None:
    """Activations, losses, noise on the labels and teachers, with their formulas: what goes into the options."""
    from hpcbbp.cli.output import Output, table
    from hpcbbp.machine.table import Table, words
    from hpcbbp.model.registry import ACTIVATIONS, COVARIANCES, ESTIMATORS, LINKS, LOSSES, NOISES

    every = {
        "activation": ACTIVATIONS, "loss": LOSSES, "noise": NOISES, "link": LINKS, "estimator": ESTIMATORS,
        "covariance": COVARIANCES,
    }  # fmt: skip
    output = Output(as_json)
    if as_json:
        output.json(
            {
                role: [{"name": at.name, "usage": at.usage, "formula": at.formula} for at in entries.values()]
                for role, entries in every.items()
            }
        )
        return
    shown: list[Any] = []
    for role, entries in every.items():
        rows = tuple((entry.usage, entry.formula) for entry in entries.values())
        shown.append(table(Table(f"--{role}: {_MEANING[role]}", words("", ""), rows)))
    own = (
        "or MODULE:NAME, a class of your own (docs/models.md); the paper's model has the first activation, loss and "
        "noise, and nothing else"
    )
    output.show(*shown, own)
