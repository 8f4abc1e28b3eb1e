"""Tables of a page: what is constant is said once, and what has no bound is explained where it stands."""

from __future__ import annotations

from hpcbbp.machine.table import Table, words
from hpcbbp.report.shown import shown
from hpcbbp.report.unbounded import CROSSINGS, explained, without_bound

TITLES = words("p", "p*", "N", "why", "p")


def test_constant_columns_of_the_model_move_into_the_title():
    made = shown(Table("T", TITLES, (("2", "1", "50", "a", "0.5"), ("2", "2", "50", "b", "0.5"))))
    assert made.title == "T; p = 2"  # neither N, nor the p of a test
    assert made.titles == ("p*", "N", "why", "p")
    assert made.cells == (("1", "50", "a", "0.5"), ("2", "50", "b", "0.5"))
    alone = shown(Table("T", TITLES, (("2", "1", "50", "a", "0.5"),)))
    assert alone.title == "T" and len(alone.titles) == 5
    assert shown(Table("T", TITLES, ())).cells == ()


def test_numbers_stand_apart_from_words():
    reason = "none: the fraction does not pass 1/2"
    rows = (("0.5(1)", "stored", "-"), ("-1.2 [-inf, 3]", "4 ranks", reason), ("not bounded", "dense", "1.2"))
    made = shown(Table("T", words("a", "b", "c"), rows))
    assert made.kinds == ("number", "words", "number")
    assert [kind for _, kind in made.rows[1]] == ["number", "words", "prose"]
    assert not made.long and shown(Table("T", words("a"), (("1",),) * 13)).long


def test_estimates_without_bounds_are_explained_beside_them():
    bounded = Table("T", words("a"), (("1.0 [0.5, 1.5]",), ("information, infinite",)), "note")
    assert explained([bounded], CROSSINGS) == [bounded] and without_bound(bounded) == 0
    for cells, said, count in (
        (("not bounded",), 'note; "not bounded": the two', 1),
        (("1.0 [-inf, 2.0]", "1.0 [0.1, inf]"), "note; an end inf or -inf: the two", 2),
        (("1.0 [0.1, inf]", "not bounded", "-"), 'note; "not bounded" or an end inf or -inf: the two', 2),
    ):
        made = Table("T", words("a"), tuple((cell,) for cell in cells), "note")
        (one,) = explained([made], CROSSINGS)
        assert one.note.startswith(said) and "more seeds" in one.note
        assert without_bound(made) == count
