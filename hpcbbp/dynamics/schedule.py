"""How weights descend: steps, their size, the sphere, momentum, mini-batches, where they start."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hpcbbp.errors import InputError, real_number, shown, whole_number

MOST = 10**6
"""Steps at most."""


@dataclass(frozen=True)
class Schedule:
    """Gradient descent on L = sum_mu l(y_mu, yhat_mu): w <- w + v, v <- momentum v - eta grad L.

    Small steps are gradient flow, of time eta times the number of steps.

    Parameters
    ----------
    steps : int
        At least 1.
    eta : float
        Times the gradient of L as the paper sums it, > 0.
    sphere : bool
        |w_k| = sqrt(N) throughout: gradients and velocities are projected on the tangent space, weights go back to
        that length after each step.
    momentum : float
        0 <= momentum < 1 (heavy ball); 0: none.
    batch : float
        Probability 0 < batch <= 1 with which each sample counts in a step, anew in every one; its gradient is
        divided by that, so that eta means the same.
    overlap : float, optional
        Cosine -1 <= m_0 <= 1 between w_k and w*_l, l = k mod p*, at the start; None: random weights as they are.

    Raises
    ------
    InputError
        If a value is outside its domain.

    Examples
    --------
    >>> Schedule(steps=100, eta=0.05, sphere=True).words
    'steps:100 eta:0.05 sphere'
    """

    steps: int
    eta: float
    sphere: bool = False
    momentum: float = 0.0
    batch: float = 1.0
    overlap: float | None = None

    def __post_init__(self) -> None:
        """Check every value, and keep it as Python's."""
        steps = whole_number(self.steps)
        if steps is None or not 1 <= steps <= MOST:
            raise InputError(f"steps = {shown(self.steps)}: a whole number of steps, 1 to {MOST}")
        object.__setattr__(self, "steps", steps)
        self._number("eta", "a step is eta > 0 times the gradient", lambda x: x > 0)
        self._number("momentum", "0 <= momentum < 1", lambda x: 0 <= x < 1)
        self._number("batch", "the share of samples in a step, 0 < batch <= 1", lambda x: 0 < x <= 1)
        if self.overlap is not None:
            self._number("overlap", "a cosine, -1 <= overlap <= 1", lambda x: -1 <= x <= 1)
        if not isinstance(self.sphere, bool):
            raise InputError(f"sphere = {shown(self.sphere)}: True or False")

    @property
    def words(self) -> str:
        """In words, as points of campaigns have it; what is as by default is left out."""
        numbers = {"steps": self.steps, "eta": self.eta, "overlap": self.overlap}
        numbers |= {"momentum": self.momentum or None, "batch": None if self.batch == 1.0 else self.batch}
        said = [f"{name}:{value!r}" for name, value in numbers.items() if value is not None]
        return " ".join([*said, *(["sphere"] if self.sphere else [])])

    @classmethod
    def of(cls, words: str) -> Schedule:
        """Made of words; InputError for others than `words` makes."""
        found: dict[str, Any] = {}
        for word in words.split(" "):
            name, colon, text = word.partition(":")
            number = int if name == "steps" else float
            try:
                found[name] = number(text) if colon else True
            except ValueError:
                raise InputError(f"descent = {shown(words)}: {shown(word)} is no number") from None
        try:
            made = cls(**found)
        except TypeError:
            raise InputError(f"descent = {shown(words)}: as steps:50 eta:0.05 sphere") from None
        if made.words != words:
            raise InputError(f"descent = {shown(words)} is spelled {made.words}")
        return made

    def _number(self, name: str, words: str, inside: Callable[[float], bool]) -> None:
        given = getattr(self, name)
        value = real_number(given)
        if value is None or not (math.isfinite(value) and inside(value)):
            raise InputError(f"{name} = {shown(given)}: {words}")
        object.__setattr__(self, name, value)
