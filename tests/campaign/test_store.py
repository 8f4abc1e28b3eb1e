"""A store says what was written or says that it is damaged: never another number under its key."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from contextlib import suppress
from random import Random

import hypothesis.strategies as st
import pytest
from fuzzing import bounded, fuzzed
from hypothesis import given
from records import failed, kept, old_line, solved, store_of
from stores import CAMPAIGN, LINES, OLD, POINTS, READ, WRITTEN, flipped, mutated

from hpcbbp import InputError
from hpcbbp.analysis.analysis import analyse
from hpcbbp.campaign.export import write_pairs
from hpcbbp.campaign.job import open_campaign
from hpcbbp.campaign.kept import DamagedError
from hpcbbp.campaign.merge import merge
from hpcbbp.campaign.record import copied, from_line, to_line
from hpcbbp.campaign.spec import parse_campaign
from hpcbbp.campaign.store import SCHEMA, Store
from hpcbbp.report.points import curve_tables
from hpcbbp.report.tables import law_tables


def found_in(tmp_path, data):
    path = tmp_path / "results.jsonl"
    path.write_bytes(data)
    return Store(path).read()


def test_a_record_comes_back_as_it_was_written():
    for record, line in zip(WRITTEN.values(), LINES, strict=True):
        assert from_line(line.rstrip()) == kept(record)
        assert json.loads(line) == {**record, "sha256": json.loads(line)["sha256"]}
        assert copied(line.rstrip()) == line
    bad = failed(POINTS[0], 'it said "no"\n\N{SNOWMAN}')
    assert from_line(to_line(bad).rstrip()) == kept(bad)


def test_every_single_flipped_bit_is_found(tmp_path):
    """Each of the 18 000 bits of a line: its record is left out and told, and no other takes its place."""
    line = LINES[0].rstrip()
    for bit in range(len(line) * 8):
        with pytest.raises(DamagedError):
            from_line(flipped(line, bit))


@pytest.mark.fuzz
@fuzzed(2000)
@given(seed=st.integers(0, 2**64))
def test_a_mutated_store_never_says_something_else(tmp_path_factory, seed):
    """What is read was written, and what is missing is told, unless its line is gone whole."""
    data = mutated(b"".join(LINES), Random(seed))
    try:
        with bounded(10, 512):
            found = found_in(tmp_path_factory.getbasetemp(), data)
    except InputError:
        return
    assert all(found[key] == READ[key] for key in found)
    foreign = set(data.split(b"\n")) - {line.rstrip() for line in LINES} - {b""}
    assert bool(found.damaged) == bool(foreign)
    assert set(found) == set(WRITTEN) or found.lost or not foreign


def _two_keys(lines):
    """The third line with the beginning of the first one in it: its first key is that of a record that is whole."""
    return lines[2][:5] + lines[0][12:212] + lines[2][5:]


def _key_and_syntax(lines):
    """A key that now is another record's, in a line that is JSON no more."""
    return lines[2].replace(b"seed=2", b"seed=0", 1).replace(b'"wall', b"'wall", 1)


@pytest.mark.parametrize("damage", [_two_keys, _key_and_syntax])
def test_what_a_line_with_another_records_key_was_is_told_to_be_lost(tmp_path, damage):
    found = found_in(tmp_path, b"".join([*LINES[:2], damage(LINES)]))
    assert set(found) == set(list(WRITTEN)[:2])
    assert len(found.lost) == 1 and found.warnings()


@pytest.mark.fuzz
@fuzzed(80)
@given(seed=st.integers(0, 2**64), lines=st.sampled_from([LINES, OLD]))
def test_readers_of_a_mutated_store_work_or_say_why_not(tmp_path_factory, seed, lines):
    """plan, export, collect, analyze and report, also of stores without checksums."""
    folder = tmp_path_factory.mktemp("store")
    (folder / "results.jsonl").write_bytes(mutated(b"".join(lines), Random(seed)))
    campaign = parse_campaign(CAMPAIGN, "c.toml")
    with bounded(30, 1024), suppress(InputError):
        work = open_campaign(campaign, folder)
        assert all(work.clock(point) > 0 for point in work.points)
        records = list(work.records.values())
        merge([work.store], Store(folder / "all" / "results.jsonl"), mixed=True)
        write_pairs(records, folder / "pairs.csv")
        found = analyse(records)
        assert curve_tables(found)
        law_tables(found)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("eigenvalues", [-1.0], "residuals of 1 pairs"),
        ("eigenvalues", [float("nan"), 0.0], "finite"),
        ("overlap2", [-1e-9, 0.1], "greater than or equal to 0"),
        ("overlap2", [2.1, 0.1], "at most 2"),
        ("overlap2", [0.9, 0.1], "not the sum of its squared overlaps"),
        ("teacher_overlaps", [[[0.1, 0.2]], [[0.1, 0.2]]], "not 2 x 1"),
        ("converged_flags", [True, False], "converged = 2, but 1"),
        ("converged_flags", [1, 1], "boolean"),
        ("n", 51, "not that of its point"),
        ("key", "physics=1 p=3", "its key is not that of its point"),
        ("key", 7, "key: "),
        ("point", [1], "point: "),
        ("seed", 10**400, "seed: "),
        ("begin", 10**400, "begin: "),
        ("quenched", {"edge": 1.0}, "quenched"),
        ("quenched", {**WRITTEN[POINTS[0].key]["quenched"], "overlap2": [0.1]}, "quenched: 1 overlap2 of 2"),
        ("extra", float("inf"), "not finite"),
    ],
)
def test_what_is_no_record_is_not_written_and_not_read(tmp_path, name, value, said):
    record = {**solved(POINTS[0]), name: value}
    with pytest.raises(DamagedError, match=said):
        store_of(tmp_path, record)
    assert not (tmp_path / "results.jsonl").exists()
    if name != "extra":
        with pytest.raises(DamagedError):
            from_line(old_line(record).rstrip())


def test_lines_of_other_kinds_are_named_with_their_number(tmp_path):
    lines = [
        LINES[0],
        b'{"schema": 1, "key": "a", "key": "b"}\n',
        b'{"schema": "1", "key": 3, "point": {}}\n',
        old_line(WRITTEN[POINTS[1].key]).replace(b'"m": 150', b'"m": 150, "m": 151'),
        LINES[2].replace(b", \"sha256\"", b', "sha257"'),
        b"[1]\n", b"NaN\n", b"\xff\xfe\n", b"[" * 5000 + b"\n", b'{"n": ' + b"9" * 9999 + b"}\n", b"\n",
        LINES[1][:700],
    ]  # fmt: skip
    found = found_in(tmp_path, b"".join(lines))
    assert set(found) == {POINTS[0].key}
    reasons = {damage.line: damage.reason for damage in found.damaged}
    assert set(reasons) == {2, 3, 4, 5, 6, 7, 8, 9, 10, 12}  # an empty line is none
    assert reasons[4] == "a key is there twice"
    assert reasons[5] == "it has no checksum"
    assert reasons[6] == "it is no JSON object"
    assert reasons[12] == "it is cut short"
    (line,) = found.warnings()
    assert "10 damaged records are left out (line 2: " in line
    assert line.endswith("; hpcbbp run computes again what is missing, if anything is")
    assert found.warnings(3)[0].endswith("; hpcbbp run computes again what is missing")
    assert found.warnings(0)[0].endswith("; nothing that the campaign asks for is missing")
    assert "7 more" in line


def test_what_was_computed_again_is_no_longer_missed(tmp_path):
    """A line cut by a kill and a damaged one, whose results a later run has written."""
    path = tmp_path / "results.jsonl"
    path.write_bytes(LINES[0][:900] + b"\n" + LINES[1].replace(b'"m": 150', b'"m": 151') + LINES[2])
    found = Store(path).read()
    assert len(found.lost) == 2
    for record in list(WRITTEN.values())[:2]:
        assert Store(path).append(record) == kept(record)
    found = Store(path).read()
    assert (found, len(found.damaged), found.lost, found.warnings()) == (READ, 2, (), [])
    # A changed key does not hide behind the record whose key it took.
    path.write_bytes(LINES[0].replace(b"seed=0", b"seed=1") + LINES[1])
    assert len(Store(path).read().lost) == 1


def test_stores_of_schema_1_are_read_and_appended_to(tmp_path):
    path = tmp_path / "results.jsonl"
    path.write_bytes(b"".join(OLD[:2]))
    store = Store(path)
    assert {key: record.schema_ for key, record in store.read().items()} == dict.fromkeys(list(WRITTEN)[:2], 1)
    store.append(WRITTEN[POINTS[2].key])
    assert [json.loads(line)["schema"] for line in path.read_bytes().splitlines()] == [1, 1, SCHEMA]
    target = Store(tmp_path / "all" / "results.jsonl")
    assert merge([store], target).appended == 3
    assert target.read() == READ
    assert target.path.read_bytes() == b"".join(LINES)  # now all with checksums


def test_a_later_schema_is_refused_and_a_damaged_digit_is_damage(tmp_path):
    damaged = LINES[0].replace(b'{"schema": 2', b'{"schema": 3') + LINES[1]
    assert set(found_in(tmp_path, damaged)) == {POINTS[1].key}
    body = LINES[2][: LINES[2].index(b', "sha256"')].replace(b'{"schema": 2', b'{"schema": 3')
    later = body + b', "sha256": "' + hashlib.sha256(body).hexdigest().encode() + b'"}\n'
    with pytest.raises(InputError, match="records of schema 3, this hpcbbp knows schemas up to 2: update it"):
        found_in(tmp_path, LINES[0] + later)
    with pytest.raises(InputError, match="update it"):
        found_in(tmp_path, json.dumps({"schema": 3, "key": "x"}).encode() + b"\n")


def test_a_store_whose_only_record_is_damaged_is_still_a_store(tmp_path):
    found = found_in(tmp_path, flipped(LINES[0], 4000))
    assert (len(found), len(found.lost)) == (0, 1)
    with pytest.raises(InputError, match="not a store of hpcbbp"):
        found_in(tmp_path, b"a,b\n1,2\n")


def test_only_files_are_opened(tmp_path):
    """A pipe would wait for somebody who writes, a device may never end."""

    def pipe(path):
        os.mkfifo(path)

    def device(path):
        path.symlink_to("/dev/zero")

    def listener(path):
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(str(path))

    for i, make in enumerate((pipe, device, lambda path: path.mkdir(), listener)):
        folder = tmp_path / str(i)
        folder.mkdir()
        store = Store(folder / "results.jsonl")
        make(store.path)
        with bounded(5):
            with pytest.raises(InputError, match="not a file|cannot be read"):
                store.read()
            with pytest.raises(InputError, match="not a file|cannot be written"):
                store.append(WRITTEN[POINTS[0].key])
    store = Store(tmp_path / "store" / "results.jsonl")
    store.path.parent.mkdir()
    os.mkfifo(store.path.with_suffix(".lock"))
    with bounded(5), pytest.raises(InputError, match="is a pipe, not a file"), store.claimed():
        pass


def test_a_lock_takes_nobody_elses_file(tmp_path):
    store = Store(tmp_path / "results.jsonl")
    own, lock = tmp_path / "own.txt", store.path.with_suffix(".lock")
    own.write_text("mine")
    lock.symlink_to(own)
    with pytest.raises(InputError, match="is a link"), store.claimed():
        pass
    lock.unlink()
    lock.write_text("mine too")
    with pytest.raises(InputError, match="not a lock of hpcbbp"), store.claimed():
        pass
    assert (own.read_text(), lock.read_text()) == ("mine", "mine too")
    lock.unlink()
    for _ in range(2):
        with store.claimed():
            pass


def test_an_empty_shard_is_passed_over(tmp_path):
    store_of(tmp_path / "a", *WRITTEN.values())
    (tmp_path / "b").mkdir()
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "results.jsonl").touch()
    stores = [Store(tmp_path / name / "results.jsonl") for name in "abc"]
    made = merge(stores, Store(tmp_path / "all" / "results.jsonl"))
    assert (made.appended, made.present, made.empty) == (3, 0, [store.path for store in stores[1:]])
    with pytest.raises(InputError, match="no store there"):
        merge([Store(tmp_path / "none" / "results.jsonl"), stores[0]], stores[0])
    with pytest.raises(InputError, match="no store there"):
        merge([stores[1]], stores[0])
