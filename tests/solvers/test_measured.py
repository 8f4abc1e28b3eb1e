"""Records have types from the moment they are read; what no type names stays in the line."""

from __future__ import annotations

import dataclasses
import json

import pytest
from models import LogCosh, Tanh
from records import failed, kept, old_line, point_at, solved

from hpcbbp import InputError, Problem, deferred_instance, solve_deferred
from hpcbbp.analysis.aggregate import curves
from hpcbbp.analysis.instances import instance_table
from hpcbbp.campaign.cost import Clock
from hpcbbp.campaign.export import PAIRS, pairs
from hpcbbp.campaign.kept import DamagedError, Failed, Solved
from hpcbbp.campaign.merge import merge
from hpcbbp.campaign.record import copied, from_line, to_line
from hpcbbp.campaign.store import Store
from hpcbbp.model import activations
from hpcbbp.model.labels import Norm, UniformNoise
from hpcbbp.solvers.measured import Measured, NotPredicted, measured
from hpcbbp.theory import ModelTheory, spectrum

POINT = point_at(3)
CONTENT = solved(POINT)
OPTIONAL = {
    "history", "provenance", "largest_overlap_pair", "largest_overlap_space", "pairs_searched", "quenched",
}  # fmt: skip


def test_attributes_are_what_the_line_says():
    record = from_line(to_line(CONTENT).rstrip())
    assert isinstance(record, Solved)
    assert record.point == POINT
    for field in dataclasses.fields(record):
        name = {"schema_": "schema"}.get(field.name, field.name)
        if name in CONTENT and name not in ("point", "quenched"):
            assert getattr(record, field.name) == CONTENT[name]
    assert record.point.to_dict() == CONTENT["point"]
    assert vars(record.prediction) == CONTENT["quenched"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        record.ranks = 3
    bad = kept(failed(POINT, "no room"))
    assert isinstance(bad, Failed)
    assert (bad.failed, bad.point, bad.wall_seconds) == ("no room", POINT, 0.25)
    none = kept({**CONTENT, "quenched": {"edge": None, "reason": "no root"}})
    assert none.prediction is None
    assert none.quenched == NotPredicted(edge=None, reason="no root")


@pytest.mark.parametrize("name", sorted(set(CONTENT) - OPTIONAL))
def test_what_every_record_has_is_missed(name):
    without = {key: value for key, value in CONTENT.items() if key != name}
    with pytest.raises(DamagedError):
        from_line(json.dumps({**without, "schema": 1}).encode() if name != "schema" else json.dumps(without).encode())
    if name != "schema":
        with pytest.raises(DamagedError, match=f"^{name}: Field required"):
            to_line(without)


@pytest.mark.parametrize("name", sorted(OPTIONAL))
def test_what_some_versions_have_is_not(name):
    without = {key: value for key, value in CONTENT.items() if key != name}
    record = from_line(to_line(without).rstrip())
    assert getattr(record, name) is None
    assert Clock([record], 1)(POINT) > 0
    assert len(instance_table([record])) == 1
    assert len(pairs([record])) == 2


def test_lines_are_copied_byte_by_byte_with_keys_that_nobody_knows(tmp_path):
    """Also where a = 1 is an integer, in its key too, and the keys come in another order."""
    whole = dataclasses.replace(POINT, a=1)
    strange = {"later": {"b": [1, 2.50, None]}, **solved(whole), "zzz": "\N{SNOWMAN}"}
    lines = [to_line(strange), to_line({**failed(point_at(4)), "odd": 3}), old_line(solved(point_at(5), mine=[1]))]
    store, target = Store(tmp_path / "a" / "r.jsonl"), Store(tmp_path / "b" / "r.jsonl")
    store.path.parent.mkdir()
    store.path.write_bytes(b"".join(lines))
    assert merge([store], target).appended == 3
    written = target.path.read_bytes().splitlines(keepends=True)
    assert written[:2] == lines[:2]
    assert written[2] == to_line(solved(point_at(5), mine=[1])) == copied(lines[2].rstrip())
    assert json.loads(written[0])["later"] == {"b": [1, 2.5, None]}
    assert not target.read().damaged
    assert list(target.read()) == [whole.key, point_at(4).key, point_at(5).key]
    assert store.read(lines=True).lines[whole.key] == lines[0].rstrip()
    assert store.read().lines == {}


def test_columns_of_an_export_are_those_of_its_declaration():
    table = pairs([kept(CONTENT), kept(failed(point_at(4)))])
    assert list(table.columns) == [column.title for column in PAIRS]
    assert list(table["pair"]) == [1, 2]
    assert list(table["quenched_eigenvalue"]) == CONTENT["quenched"]["eigenvalues"]
    assert list(table["eigenvalue"]) == CONTENT["eigenvalues"]
    assert set(table["quenched_edge"]) == {CONTENT["quenched"]["edge"]}
    assert set(table["seed"]) == {3}


def test_an_analysis_takes_dictionaries_too_and_says_what_is_none():
    alone = {name: value for name, value in CONTENT.items() if name not in ("point", "key", "seed")}
    (record,) = measured([failed(POINT), alone])
    assert isinstance(record, Measured)
    assert (record.means, record.seed, record.outliers, record.searched) == ("stored", -1, 2, 2)
    with pytest.raises(InputError, match="not a solved instance .eigenvalues: Field required"):
        instance_table([{name: value for name, value in alone.items() if name != "eigenvalues"}])


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"activation": Tanh()}, "activation=tanh"),
        ({"custom_loss": LogCosh()}, "loss=log-cosh"),
        ({"noise": UniformNoise(0.5)}, "noise=uniform:0.5"),
        ({"link": Norm()}, "link=norm"),
    ],
)
def test_results_of_other_models_stand_beside_their_own_theory(part, words):
    problem = Problem(p=1, p_star=1, alpha=3.0, a=1.5, **part)
    found = solve_deferred(deferred_instance(problem, 60, 0), tol=1e-4).to_dict()
    table = instance_table([found])
    assert table["parts"].tolist() == [words]
    row = curves(table).iloc[0]
    edge = ModelTheory(problem, 1e-4).spectrum(3.0).lambda_minus
    assert row["theory_lambda_minus"] == pytest.approx(edge, abs=1e-3)
    if words != "link=norm":  # which is the paper's model at p* = 1
        assert abs(edge - spectrum(1, 1, 1.5, 3.0).lambda_minus) > 0.01


def test_a_users_own_part_that_its_record_alone_does_not_find():
    problem = Problem(p=1, p_star=1, alpha=3.0, a=1.5, activation=activations.Tanh("mine"))
    found = solve_deferred(deferred_instance(problem, 60, 0), tol=1e-4).to_dict()
    with pytest.raises(InputError, match="activation = 'mine': one of quadratic, tanh.*MODULE:NAME"):
        instance_table([found])
