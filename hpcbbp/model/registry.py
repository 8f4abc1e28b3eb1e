"""Parts of a model by name, as the command line, campaign files and records have them: tanh, polynomial:0,0,1.

A user's own part is called MODULE:NAME, a class that is made without arguments, or an object; Python finds the module
where it finds others, or in the folder that a command is started in.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hpcbbp.errors import InputError, shown
from hpcbbp.machine.imports import OWN, imported
from hpcbbp.model import activations, covariance, estimators, labels, losses


@dataclass(frozen=True)
class Entry:
    """A part that has a name.

    Attributes
    ----------
    name : str
        Before the colon.
    numbers : str
        What stands behind the colon, in words; empty if nothing does.
    formula : str
    make : callable
        From these numbers; a loss gets the constant a besides.

    Examples
    --------
    >>> [entry.usage for entry in NOISES.values()][:2]
    ['noiseless', 'gaussian:SIGMA']
    """

    name: str
    numbers: str
    formula: str
    make: Callable[..., Any]

    @property
    def usage(self) -> str:
        """As it is typed."""
        return f"{self.name}:{self.numbers}" if self.numbers else self.name


def _entries(*entries: Entry) -> dict[str, Entry]:
    return {entry.name: entry for entry in entries}


ACTIVATIONS = _entries(
    Entry("quadratic", "", "s^2", activations.Quadratic),
    Entry("tanh", "", "tanh(s)", activations.Tanh),
    Entry("sigmoid", "", "1/(1 + exp(-s))", activations.Sigmoid),
    Entry("erf", "", "erf(s/sqrt(2))", activations.Erf),
    Entry("softplus", "", "log(1 + exp(s))", activations.Softplus),
    Entry("polynomial", "C0,C1,...", "C0 + C1 s + C2 s^2 + ...", lambda *c: activations.Polynomial(c)),
)
LOSSES = _entries(
    Entry("normalized-square", "", "(y - yhat)^2/(2 (a + y))", losses.NormalizedSquare),
    Entry("square", "", "(y - yhat)^2/2", lambda a: losses.Square()),
    Entry("log-cosh", "", "log cosh(yhat - y)", lambda a: losses.LogCosh()),
    Entry("logistic", "", "log(1 + exp(-y yhat)), y = +1 or -1", lambda a: losses.Logistic()),
)
NOISES = _entries(
    Entry("noiseless", "", "y", labels.Noiseless),
    Entry("gaussian", "SIGMA", "y + SIGMA z, z ~ N(0, 1)", labels.GaussianNoise),
    Entry("uniform", "HALF-WIDTH", "y + a number uniform in +-HALF-WIDTH", labels.UniformNoise),
    Entry("multiplicative", "SIGMA", "y (1 + SIGMA z), z ~ N(0, 1)", labels.MultiplicativeNoise),
    Entry("sign-flips", "PROBABILITY", "-y with this probability", labels.SignFlips),
)
LINKS = _entries(
    Entry("product", "", "u_1 u_2 ... u_p*", labels.Product),
    Entry("sign-product", "", "sign(u_1 u_2 ... u_p*)", labels.SignProduct),
    Entry("norm", "", "|u|^2/p*", labels.Norm),
    Entry("ratio", "", "u_1/u_2", labels.Ratio),
)


ESTIMATORS = _entries(
    Entry("optimal", "", "T(y) = G/(G + 1), G = E[z z^T - 1 | y]", estimators.Optimal),
    Entry("bounded", "BOUND", "as optimal, eigenvalues of T(y) no less than -BOUND", estimators.Optimal),
    Entry("trimmed", "CUT", "T(y) = y where |y| < CUT, else 0", estimators.Trimmed),
)
COVARIANCES = _entries(
    Entry(
        "levels", "VALUE,SHARE,VALUE,SHARE,...", "eigenvalues VALUE, a SHARE of them each",
        lambda *numbers: covariance.Levels(numbers),
    ),
    Entry("uniform", "HALF-WIDTH", "eigenvalues spread evenly over 1 +- HALF-WIDTH", covariance.Uniform),
)  # fmt: skip


def activation(words: str) -> Any:
    """An activation of this name; InputError that lists the names.

    Examples
    --------
    >>> activation("tanh").name
    'tanh'
    """
    return _made("activation", words, ACTIVATIONS)


def loss(words: str, a: float) -> Any:
    """A loss of this name, with the constant a where it has one; InputError that lists the names.

    Examples
    --------
    >>> loss("square", a=1.0).name
    'square'
    """
    return _made("loss", words, LOSSES, a)


def noise(words: str) -> Any:
    """A label channel of this name; InputError that lists the names.

    Examples
    --------
    >>> noise("gaussian:0.1").name
    'gaussian:0.1'
    """
    return _made("noise", words, NOISES)


def link(words: str) -> Any:
    """A teacher's link of this name; InputError that lists the names.

    Examples
    --------
    >>> link("sign-product").name
    'sign-product'
    """
    return _made("link", words, LINKS)


def estimator(words: str, link: str) -> Any:
    """A spectral estimator of this name, of labels of a teacher with this link; InputError that lists the names.

    Examples
    --------
    >>> estimator("bounded:3", "norm").name
    'bounded:3'
    """
    of_link = str(words).partition(":")[0] in ("optimal", "bounded")
    return _made("estimator", words, ESTIMATORS, *([link] if of_link else []))


def covariance_of(words: str) -> Any:
    """A law of the eigenvalues of the data's covariance of this name; InputError that lists the names.

    Examples
    --------
    >>> covariance_of("uniform:0.5").name
    'uniform:0.5'
    """
    return _made("covariance", words, COVARIANCES)


def has_constant(loss: str) -> bool:
    """Whether the loss of this name has the constant a."""
    return loss == "normalized-square"


def spelling(words: str, part: Any) -> str:
    """The one spelling of what names a part: 0.50 is 0.5; that of a user's own is as it was given."""
    return words if is_own(words) else str(part.name)


def is_own(words: str) -> bool:
    """Whether words name a user's own part, MODULE:NAME."""
    return words.partition(":")[0] not in _NAMES and OWN.fullmatch(words) is not None


_NAMES = frozenset({**ACTIVATIONS, **LOSSES, **NOISES, **LINKS, **ESTIMATORS, **COVARIANCES})


def _imported(role: str, words: str) -> Any:
    """A user's own part."""
    what = f"{role} = {shown(words)}"
    found = imported(what, words)
    try:
        made = found() if isinstance(found, type) else found
    except (Exception, SystemExit) as error:  # whatever the user's class does
        raise InputError(f"{what}: {type(error).__name__}: {error}") from None
    if not isinstance(getattr(made, "name", None), str):
        raise InputError(f"{what}: it has no name, which records call it by")
    return made


def _made(role: str, words: object, entries: Mapping[str, Entry], *first: Any) -> Any:
    wanted = "one of " + ", ".join(entry.usage for entry in entries.values()) + ", or MODULE:NAME of your own"
    if not isinstance(words, str):
        raise InputError(f"{role} = {shown(words)}: {wanted}")
    if is_own(words):
        return _imported(role, words)
    name, colon, rest = words.partition(":")
    entry = entries.get(name)
    if entry is None or bool(colon) != bool(entry.numbers):
        raise InputError(f"{role} = {shown(words)}: {wanted}")
    numbers = [_number(role, words, text, entry) for text in rest.split(",")] if colon else []
    if entry.numbers and "," not in entry.numbers and len(numbers) != 1:
        raise InputError(f"{role} = {shown(words)}: {entry.usage} is wanted, one number")
    return entry.make(*first, *numbers)


def _number(role: str, words: str, text: str, entry: Entry) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{role} = {shown(words)}: {entry.usage} is wanted, with finite numbers")
    return value
