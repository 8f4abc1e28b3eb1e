"""Under mpirun a command that makes no use of ranks answers once."""

from __future__ import annotations

import json

import pytest
from commands import run_python
from every_command import EXAMPLES, WORKING, furnish

from hpcbbp.cli.app import COMMANDS, RANKS, main, name_of

ALONE = [EXAMPLES[name_of(command)] for command in COMMANDS if command not in RANKS]
PARTS = {words: part for rows in WORKING.values() for words, part in rows}
# Every rank asks for all of them in one process, and keeps what it says.
DRIVER = """
import json, os, sys
from pathlib import Path
from hpcbbp.cli.app import main

rank = os.environ.get("OMPI_COMM_WORLD_RANK") or os.environ["PMI_RANK"]
for number, words in enumerate(json.loads(Path("words.json").read_text())):
    for stream in (1, 2):
        os.dup2(os.open(f"said-{rank}-{number}-{stream}", os.O_RDWR | os.O_CREAT | os.O_TRUNC), stream)
    try:
        main(words)
    except SystemExit as end:
        Path(f"status-{rank}-{number}").write_text(str(end.code))
"""


@pytest.mark.parametrize("words", ALONE, ids=lambda words: words[0])
def test_another_rank_says_nothing_and_writes_nothing(words, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMPI_COMM_WORLD_RANK", "1")
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "2")
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert (caught.value.code, *capfd.readouterr()) == (0, "", "")
    assert not list(tmp_path.iterdir())


@pytest.mark.launcher
def test_two_ranks_answer_once(tmp_path):
    furnish(tmp_path)
    (tmp_path / "words.json").write_text(json.dumps(ALONE))
    done = run_python("-c", DRIVER, ranks=2, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for number, words in enumerate(ALONE):
        said = {
            (rank, stream): (tmp_path / f"said-{rank}-{number}-{stream}").read_text()
            for rank in (0, 1)
            for stream in (1, 2)
        }
        assert PARTS[words] in said[0, 1], (words, said)
        assert said[1, 1] == said[1, 2] == "", words
        assert [(tmp_path / f"status-{rank}-{number}").read_text() for rank in (0, 1)] == ["0", "0"], words
