"""A report in three sentences: what was run, what agrees with theory, and what does not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hpcbbp.analysis.analysis import Analysis
from hpcbbp.analysis.student import REJECTED
from hpcbbp.machine.wording import duration, general
from hpcbbp.model.words import Parts
from hpcbbp.report.instances import RunRow, Trouble
from hpcbbp.report.tables import law_tables
from hpcbbp.report.unbounded import without_bound
from hpcbbp.report.verdicts import Comparison, Law, comparisons, laws
from hpcbbp.solvers.point import Point

_NAMED = 3
"""Models, sizes and points that a sentence names one by one; of more points it names the farthest."""


@dataclass(frozen=True)
class Summary:
    """Three sentences, none of which has a full stop but at its end.

    Attributes
    ----------
    run : str
        Models, N, alpha, instances done of those wanted, core time.
    agrees : str
        What lies within its intervals of theory, or that nothing could be compared.
    differs : str
        What failed, did not converge, was rejected, lies outside or has no bound; or that nothing did.
    """

    run: str
    agrees: str
    differs: str

    @property
    def sentences(self) -> tuple[str, str, str]:
        """In the order in which they are read."""
        return self.run, self.agrees, self.differs


def summarise(
    points: Sequence[Point], rows: Sequence[RunRow], troubles: Sequence[Trouble], found: Analysis | None
) -> Summary:
    """Tell a campaign in three sentences.

    Parameters
    ----------
    points : sequence of Point
        What the campaign asks for.
    rows : sequence of RunRow
        What was run of it.
    troubles : sequence of Trouble
        What is in no average.
    found : Analysis or None
        Of its records; None where no instance was solved.
    """
    compared = [] if found is None else comparisons(found)
    tested = [] if found is None else laws(found)
    unbounded = 0 if found is None else sum(map(without_bound, law_tables(found)))
    level = 0.9 if found is None else found.level
    return Summary(
        _run(points, rows),
        _agrees(compared, rows, found, level),
        _differs(compared, tested, unbounded, troubles, rows, level),
    )


def counted(count: int, noun: str) -> str:
    """1 point, 2 points."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def listed(words: Sequence[str]) -> str:
    """One, two and three."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def _values(title: str, values: Iterable[float], shown: str) -> str:
    """N = 30, 45 and 60; or from the smallest to the largest, and how many."""
    every = sorted(set(values))
    words = [format(value, shown) for value in every]
    if len(every) <= _NAMED:
        return f"{title} = {listed(words)}"
    return f"{title} = {words[0]} to {words[-1]} ({len(every)} values)"


def models_in_words(points: Iterable[Point]) -> list[str]:
    """Each p, p* and parts once, with every a; the loss and the activation by their names."""
    constants: dict[tuple[int, int, Parts], set[float]] = {}
    for point in points:
        constants.setdefault((point.p, point.p_star, point.parts), set()).add(point.a)
    return [
        ", ".join([f"p = {p}", f"p* = {p_star}", *_constant(parts, every), *_parts(parts)])
        for (p, p_star, parts), every in constants.items()
    ]


def _constant(parts: Parts, every: set[float]) -> list[str]:
    return [_values("a", every, "g")] if parts.has_constant else []


def _parts(parts: Parts) -> list[str]:
    unusual = parts.unusual()
    named = [f"{parts.activation} activation"]
    named += [f"{parts.loss} loss"] if parts.estimator is None else [f"estimator {parts.estimator}"]
    return named + [f"{name} {unusual[name]}" for name in ("noise", "link", "covariance") if name in unusual]


def _run(points: Sequence[Point], rows: Sequence[RunRow]) -> str:
    wanted, done, failed = (sum(getattr(row, name) for row in rows) for name in ("wanted", "done", "failed"))
    models = models_in_words(points)
    more = len(models) - _NAMED
    named = "; ".join(models[:_NAMED]) + (f"; and {more} more" if more > 0 else "")
    many = len({(point.p, point.p_star, point.a, point.parts) for point in points})
    where = f"{_values('N', (point.n for point in points), 'd')} and "
    where += _values("alpha", (point.alpha for point in points), ".4g")
    left = [f"{failed} failed"] if failed else []
    missing = wanted - done - failed
    left += [f"{missing} {'is' if missing == 1 else 'are'} still to be run"] if missing else []
    if wanted == 1:
        how = f"the one instance wanted is {'' if done else 'not '}done"
    elif done == wanted:
        how = f"all {wanted} instances are done"
    elif done == 0:
        how = f"none of {wanted} instances is done"
    else:
        how = f"{done} of {wanted} instances {'is' if done == 1 else 'are'} done"
    seconds = sum(row.core_seconds for row in rows)
    spent = f" ({duration(seconds)} of core time)" if done + failed else ""
    what = "one model" if many == 1 else f"{many} models"
    return f"Of {what} ({named}), at {where}, {listed([how, *left])}{spent}."


def _share(each: Comparison, count: int) -> str:
    """At 4 of 5 points, at both points, at the one point compared."""
    if each.of == 1:
        return f"at the one {each.place} compared"
    if each.of == count:
        return f"at {'both' if count == 2 else f'all {count}'} {each.place}s"
    return f"at {count} of {each.of} {each.place}s"


def _agrees(compared: list[Comparison], rows: Sequence[RunRow], found: Analysis | None, level: float) -> str:
    if not compared:
        if not any(row.done for row in rows):
            why = "no instance is done"
        elif found is None or not found.instances["whole"].any():
            why = "no instance has all pairs that were asked for"
        elif found.agreement["seeds"].max() < 2:
            why = "an interval needs two instances of one point, and no point has more than one"
        else:
            why = "theory has no value beside an interval at any point"
        return f"Nothing could be compared with theory: {why}."
    within = [each for each in compared if each.within]
    if not within:
        return f"Nothing that could be compared with theory lies within its {100 * level:.6g}% interval."
    clauses = [
        f"{each.what} {'with' if index else 'agrees with'} {each.theory} {_share(each, each.within)}"
        for index, each in enumerate(within)
    ]
    return f"Within {100 * level:.6g}% intervals {listed(clauses)}."


def _outside(each: Comparison, level: float) -> str:
    count, chance = len(each.outside), each.of * (1 - level)
    named = "; ".join(each.outside) if count <= _NAMED else f"farthest: {each.outside[0]}"
    why = f"about {chance:.1f} expected by chance alone; {named}" if each.finite else "as it may at finite N"
    return f"{each.what} misses {each.theory} {_share(each, count)} ({why})"


def _differs(
    compared: list[Comparison],
    tested: list[Law],
    unbounded: int,
    troubles: Sequence[Trouble],
    rows: Sequence[RunRow],
    level: float,
) -> str:
    failed = sum(trouble.failed for trouble in troubles)
    unconverged = len(troubles) - failed
    clauses = [f"{counted(failed, 'instance')} failed"] if failed else []
    if unconverged:
        left = "is" if unconverged == 1 else "are"
        clauses.append(f"{counted(unconverged, 'instance')} did not converge and {left} left out of every average")
    rejected = [law for law in tested if law.rejected]
    if rejected:
        words = listed([f"{law.what} ({law.rejected} of {law.of})" for law in rejected])
        clauses.append(
            f"rejected by data (p-value < {general(REJECTED)}) {'is' if len(rejected) == 1 else 'are'} {words}"
        )
    outside = [_outside(each, level) for each in compared if each.outside]
    clauses += [f"beyond {100 * level:.6g}% intervals {listed(outside)}"] if outside else []
    if unbounded:
        clauses.append(f"{counted(unbounded, 'estimate')} {'lacks' if unbounded == 1 else 'lack'} a bound")
    if clauses:
        return f"What failed or does not agree: {'; '.join(clauses)}."
    if not any(row.done for row in rows):
        return "Nothing failed, but nothing was run either."
    fine = ["nothing failed", "everything that was run converged"]
    fine += ["no law that could be tested was rejected"] if tested else []
    fine += ["nothing that could be compared lies outside its interval"] if compared else []
    also = [] if compared else ["no point could be compared"]
    also += [] if tested else ["no law could be tested"]
    said = f"{listed(fine)}{', but ' if also else ''}{listed(also)}."
    return said[0].upper() + said[1:]
