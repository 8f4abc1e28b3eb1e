"""Reports of stores that hold anything: words as they were written, and one line where a store says nothing."""

from __future__ import annotations

from contextlib import suppress
from random import Random

import pytest
from commands import run
from fuzzing import bounded, fuzzed
from hypothesis import given
from hypothesis import strategies as st
from records import failed, kept, store_of
from stores import CAMPAIGN, LINES, OLD, POINTS, WRITTEN, mutated

from hpcbbp import InputError
from hpcbbp.analysis.analysis import analyse
from hpcbbp.campaign.job import open_campaign
from hpcbbp.campaign.spec import parse_campaign
from hpcbbp.report.page import write_report


@pytest.mark.fuzz
@fuzzed(8)
@given(seed=st.integers(0, 2**64), lines=st.sampled_from([LINES, OLD]))
def test_reports_of_a_mutated_store(tmp_path_factory, seed, lines):
    """Records that are damaged without a checksum may hold any number that the checks let through."""
    folder = tmp_path_factory.mktemp("store")
    (folder / "results.jsonl").write_bytes(mutated(b"".join(lines), Random(seed)))
    with bounded(60, 1024), suppress(InputError):
        records = list(open_campaign(parse_campaign(CAMPAIGN, "c.toml"), folder).records.values())
        write_report(parse_campaign(CAMPAIGN, "c.toml"), CAMPAIGN, records, analyse(records), folder)
        assert (folder / "report.html").stat().st_size > 1000


def test_a_report_of_failures_alone_is_a_page_of_them(tmp_path):
    store_of(tmp_path / "c", *(failed(point, "out of memory") for point in POINTS))
    (tmp_path / "c.toml").write_text(CAMPAIGN)
    done = run("report", "c.toml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for page in ("report.html", "report.md"):
        text = (tmp_path / "c" / page).read_text()
        assert "3 instances failed." in text and text.count("failed: out of memory") == 3
        assert "Nothing could be compared with theory" in text and "Nothing to draw yet." in text


def test_report_shows_a_failure_word_for_word(tmp_path):
    campaign = parse_campaign(CAMPAIGN, "c.toml")
    reason = "<script>alert(1)</script> | [link](http://x) `code` *b*\n# title"
    records = [kept(WRITTEN[POINTS[0].key]), kept(WRITTEN[POINTS[1].key]), kept(failed(POINTS[2], reason))]
    write_report(campaign, CAMPAIGN + "# ```\n<b>", records, analyse(records), tmp_path)
    text, page = (tmp_path / "report.md").read_text(), (tmp_path / "report.html").read_text()
    (row,) = [line for line in text.splitlines() if "script" in line]
    assert r"&lt;script&gt;alert(1)&lt;/script&gt; \| [link]\(http://x) \`code\` \*b\* # title |" in row
    assert "````toml\n" in text
    assert "<script>alert" not in page
    assert "&lt;b&gt;" in page
