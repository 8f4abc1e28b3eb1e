"""Sentences with numbers in the documents: found, compared with what tables give, written anew.

A claim is a piece of a page with {} in place of each number that a table decides. The piece must stand on its page
once. What looks like measured data and stands in no claim is told too, so that nobody can quote a number past the
tables.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_HOLE = r"((?:[^|,\[\]]|\[[^\]|]*\]){1,60}?)"
"""Commas are within the brackets of an interval only."""

MEASURED = re.compile(r"\d\(\d+\)|\d\.\d{3,}")
"""What looks like data: a number with its error in brackets, or with three decimals and more."""

_NOT_PROSE = re.compile(r"^    .*$|`[^`]*`|\]\([^)]*\)|https?://\S+|arXiv:\S+", re.M)


@dataclass(frozen=True)
class Claim:
    """A piece of a page.

    Attributes
    ----------
    page : str
        From the root of the repository.
    text : str
        With {} for each value; white space stands for any white space. It does not end with a value.
    values : callable
        Computes the values, as they are to be read.
    slow : bool
        Takes more than a moment: `make test` looks only whether the sentence is there.
    """

    page: str
    text: str
    values: Callable[[], Sequence[str]]
    slow: bool = False

    @property
    def pattern(self) -> re.Pattern[str]:
        pieces = [r"\s+".join(map(re.escape, re.split(r"\s+", piece))) for piece in self.text.split("{}")]
        # A full stop after a value is not the point of a decimal.
        ends = [pieces[0], *(re.sub(r"^\\\.", r"\\.(?!\\d)", piece) for piece in pieces[1:])]
        read = _HOLE.join(ends)
        # A value that begins the piece is one word: there is nothing before it to say where it starts.
        return re.compile(read if ends[0] else r"(?<!\S)(\S{1,30})" + read.removeprefix(_HOLE))


@dataclass(frozen=True)
class Found:
    """What was compared.

    Attributes
    ----------
    wrong : list of str
        A line for each claim that does not hold, or that the page does not have.
    bare : list of str
        Places that look like data and that no claim covers.
    """

    wrong: list[str]
    bare: list[str]


def page_text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def plain(words: str) -> str:
    return " ".join(words.split())


def examine(
    page: str, claims: Sequence[Claim], *, quick: bool, exempt: Sequence[str] = (), write: bool = False
) -> Found:
    """Compare a page with its claims; with `write` the page is changed where a number differs."""
    text, wrong = page_text(page), []
    for claim in claims:
        places = list(claim.pattern.finditer(text))
        if len(places) != 1:
            wrong.append(f"{page}: {len(places)} places read: {claim.text}")
        elif not (quick and claim.slow):
            text, lines = _compared(text, places[0], claim, write)
            wrong += lines
    if write and text != page_text(page):
        (ROOT / page).write_text(text, encoding="utf-8")
    return Found([plain(line) for line in wrong], list(_bare(page, text, claims, exempt)))


def _compared(text: str, place: re.Match[str], claim: Claim, write: bool) -> tuple[str, list[str]]:
    try:
        values = [plain(value) for value in claim.values()]
    except (LookupError, FileNotFoundError) as error:
        return text, [f"{claim.page}: no table for: {claim.text} ({error})"]
    if any("nan" in value for value in values):
        return text, [f"{claim.page}: {values}, no numbers, for: {claim.text}"]
    said = [plain(words) for words in place.groups()]
    assert len(values) == len(said), (claim.text, values)
    if said == values:
        return text, []
    if write:
        for index in reversed(range(len(values))):
            start, end = place.span(index + 1)
            text = text[:start] + values[index] + text[end:]
        return text, []
    both = "; ".join(f"{was} is {now}" for was, now in zip(said, values, strict=True) if was != now)
    return text, [f"{claim.page}: {both}, in: {claim.text}"]


def _bare(page: str, text: str, claims: Sequence[Claim], exempt: Sequence[str]) -> Iterator[str]:
    covered = [place.span() for claim in claims for place in claim.pattern.finditer(text)]
    covered += [place.span() for words in exempt for place in re.finditer(words, text)]
    covered += [place.span() for place in _NOT_PROSE.finditer(text)]
    for place in MEASURED.finditer(text):
        if not any(start <= place.start() < end for start, end in covered):
            line = text.count("\n", 0, place.start()) + 1
            words = text.splitlines()[line - 1].strip()
            yield f"{page}:{line}: no table behind {place.group()} in: {words}"
