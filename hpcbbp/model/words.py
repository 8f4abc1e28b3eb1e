"""A model in words: how the command line, campaign files and records spell it, and what they leave out.

Words are names of hpcbbp.model.registry, or MODULE:NAME of a user's own class; what is not said is the paper's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from hpcbbp.errors import InputError
from hpcbbp.model import registry
from hpcbbp.model.problem import Problem

PARTS = ("activation", "loss", "noise", "link", "estimator", "covariance")
"""Keys of a model's parts."""

NO_CONSTANT = 1.0
"""a of a problem whose loss has none: it is not looked at."""


@dataclass(frozen=True)
class Parts:
    """Parts of a model by their names.

    Attributes
    ----------
    activation, loss, noise : str
    link : str or None
        None: the teacher has the form of the student.
    estimator : str or None
        In place of a loss: curvatures of labels alone.
    covariance : str or None
        Law of the eigenvalues of the data's covariance; None: white data.

    Examples
    --------
    >>> parts = Parts.given(activation="tanh", loss="square")
    >>> str(parts), parts.problem(p=2, p_star=1, alpha=6.0, a=None).activation.name
    ('activation=tanh loss=square', 'tanh')
    """

    activation: str = "quadratic"
    loss: str = "normalized-square"
    noise: str = "noiseless"
    link: str | None = None
    estimator: str | None = None
    covariance: str | None = None

    @classmethod
    def given(cls, **words: str | None) -> Parts:
        """Of what was said, None where nothing was, each in the one spelling that keys and records have.

        Raises
        ------
        InputError
            For a name that is none, in a line that lists those there are.
        """
        said = {name: text for name, text in words.items() if text is not None}
        makers: dict[str, Callable[[str], Any]] = {
            "activation": registry.activation,
            "loss": lambda text: registry.loss(text, NO_CONSTANT),
            "noise": registry.noise,
            "link": registry.link,
            "estimator": lambda text: registry.estimator(text, _link_of(said)),
            "covariance": registry.covariance_of,
        }
        if "estimator" in said and "loss" in said:
            raise InputError(f"loss = {said['loss']} with estimator = {said['estimator']}: one of them is wanted")
        return cls(**{name: registry.spelling(text, makers[name](text)) for name, text in said.items()})

    @property
    def has_constant(self) -> bool:
        """Whether the loss has a constant a."""
        return self.estimator is None and registry.has_constant(self.loss)

    def constant(self, a: float | None, name: str = "a") -> float:
        """The constant of the loss; InputError where it is missing, or given to a loss that has none."""
        if self.has_constant:
            if a is None:
                raise InputError(f"{name} is missing: the constant of the normalised loss, a > 0")
            return a
        if a not in (None, NO_CONSTANT):  # records say 1
            what = f"the loss {self.loss}" if self.estimator is None else f"estimator {self.estimator}"
            raise InputError(f"{name} = {a:g}: {what} has no constant; leave {name} out")
        return NO_CONSTANT

    def unusual(self) -> dict[str, str]:
        """Those that are not the paper's, by the names of their keys."""
        usual = asdict(Parts())
        return {name: text for name, text in asdict(self).items() if text != usual[name]}

    def __str__(self) -> str:
        """Those that are not the paper's, as in `activation=tanh loss=square`; empty for its own model."""
        return " ".join(f"{name}={text}" for name, text in self.unusual().items())

    @classmethod
    def of(cls, words: str) -> Parts:
        """Of what str() gives."""
        return cls(**dict(word.split("=", 1) for word in words.split()))

    def problem(self, p: int, p_star: int, alpha: float, a: float | None) -> Problem:
        """The model with these numbers; InputError for values out of their domain."""
        return _problem(self, p, p_star, alpha, a)


@lru_cache(maxsize=4096)
def _problem(parts: Parts, p: int, p_star: int, alpha: float, a: float | None) -> Problem:
    """Built and checked once for all seeds: estimates of campaigns ask for it several times a point."""
    constant: Any = parts.constant(a) if parts.has_constant else NO_CONSTANT
    return Problem(
        p=p,
        p_star=p_star,
        alpha=alpha,
        a=constant,
        activation=registry.activation(parts.activation),
        custom_loss=None if parts.loss == "normalized-square" else registry.loss(parts.loss, constant),
        noise=registry.noise(parts.noise),
        link=None if parts.link is None else registry.link(parts.link),
        estimator=None if parts.estimator is None else registry.estimator(parts.estimator, _link_of(vars(parts))),
        covariance=None if parts.covariance is None else registry.covariance_of(parts.covariance),
    )


def _link_of(words: Mapping[str, Any]) -> str:
    """What moments of the projections an estimator has to know: |z|^2/p* is what the quadratic teacher has."""
    activation = words.get("activation") or Parts.activation
    if words.get("noise") not in (None, Parts.noise):
        return f"with noise {words['noise']}"
    return str(words.get("link") or ("norm" if activation == Parts.activation else f"of activation {activation}"))
