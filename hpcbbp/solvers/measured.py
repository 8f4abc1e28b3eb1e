"""What is known of a solved instance, with types: as a store keeps it, or as `Solution.to_dict()` has it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from hpcbbp.errors import InputError
from hpcbbp.model.words import Parts
from hpcbbp.solvers.fields import Flag, NotNegative, Positive, Real, Text, Units, Whole
from hpcbbp.solvers.point import Point


@dataclass(frozen=True, kw_only=True)
class QuenchedRecord:
    """Prediction from the instance's own projections."""

    edge: Real
    edge_scale: Real
    lambda_1: Real
    eigenvalues: list[Real]
    overlap2: list[Real]


@dataclass(frozen=True, kw_only=True)
class NotPredicted:
    """Why there is no such prediction."""

    edge: None
    reason: Text


@dataclass(frozen=True, kw_only=True)
class Space:
    """The eigenspace of largest overlap: its first pair (1: the lowest), its dimension, its mean m^2."""

    pair: Units
    dimension: Units
    overlap2: NotNegative


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A solved instance.

    Attributes
    ----------
    p, p_star, a, alpha, n, m, seed
        As in Solution; seed = -1 and m = 0 where they are not known.
    activation, loss, noise : str
    link, estimator, covariance : str or None
        Names of the parts of the model; None: the teacher has the form of the student, curvatures that of a loss,
        white data.
    data, method : str
        What X was, and the solver.
    eigenvalues, overlap2 : list of float
        Of each pair kept, ascending.
    converged_flags : list of bool
    nev, pairs_searched : int or None
        Pairs asked for, and computed; None: not known.
    largest_overlap_pair : int or None
        In records of whole spectra by hpcbbp 0.1 (see hpcbbp.solvers.eigenspaces).
    largest_overlap_space : Space or None
    quenched : QuenchedRecord, NotPredicted or None
    point : Point or None
        What the campaign asked for.

    Examples
    --------
    >>> one = next(iter(measured(records.values())))
    >>> one.outliers, len(one.overlap2), one.prediction.edge > one.prediction.lambda_1
    (1, 1, True)
    """

    p: Units
    p_star: Units
    a: Positive
    alpha: Positive
    n: Units
    seed: Annotated[int, Field(ge=-1, lt=2**64, strict=True)] = -1
    activation: Text = "quadratic"
    loss: Text = "normalized-square"
    noise: Text = "noiseless"
    link: Text | None = None
    estimator: Text | None = None
    covariance: Text | None = None
    data: Text = ""
    method: Text = ""
    m: Whole = 0
    eigenvalues: list[Real]
    overlap2: list[Real]
    converged_flags: list[Flag]
    nev: Whole | None = None
    pairs_searched: Whole | None = None
    largest_overlap_pair: Units | None = None
    largest_overlap_space: Space | None = None
    quenched: Annotated[QuenchedRecord | NotPredicted, Field(union_mode="left_to_right")] | None = None
    point: Point | None = None

    @property
    def outliers(self) -> int:
        """p p*: as many as theory has at N = infinity."""
        return self.p * self.p_star

    @cached_property
    def parts(self) -> str:
        """Parts of the model that are not the paper's, in words (hpcbbp.model.words); empty for its own.

        Raises
        ------
        InputError
            A record of a user's own part, which it names as that names itself, without a point that says where it is.
        """
        if self.point is not None:
            return str(self.point.parts)
        names = ("activation", "noise", "link", "covariance")
        words = {name: getattr(self, name) for name in names}
        chosen = {"loss": self.loss} if self.estimator is None else {"estimator": self.estimator}
        return str(Parts.given(**words, **chosen))

    @property
    def searched(self) -> int:
        """Pairs computed, those that are not kept among them."""
        return len(self.overlap2) if self.pairs_searched is None else self.pairs_searched

    @property
    def means(self) -> str:
        """The method as a campaign file calls it: krylov-schur goes with an X that is stored and one that is not."""
        if self.point is not None:
            return self.point.method
        kinds = {"StoredData": "stored", "DiceData": "dice"}
        return kinds.get(self.data, self.method) if self.method == "krylov-schur" else self.method

    @property
    def prediction(self) -> QuenchedRecord | None:
        """The quenched prediction, if there is one."""
        return self.quenched if isinstance(self.quenched, QuenchedRecord) else None


_MEASURED = TypeAdapter(Measured)


def measured(records: Iterable[object]) -> Iterator[Measured]:
    """Those of records that are results, with types; records of failures are left out.

    Parameters
    ----------
    records : iterable
        As Store.read() gives them, or dictionaries as Solution.to_dict() makes them.

    Raises
    ------
    InputError
        For a dictionary that is no result, or one of a user's own model that cannot be found.
    """
    for record in records:
        if isinstance(record, Measured):
            yield record
        elif isinstance(record, Mapping) and "failed" not in record:
            try:
                made = _MEASURED.validate_python(dict(record))
            except ValidationError as error:
                raise InputError(f"not a solved instance ({first_of(error)})") from None
            yield made


def first_of(error: ValidationError) -> str:
    """The first thing wrong, and where."""
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'][:3])}: {first['msg']}"
