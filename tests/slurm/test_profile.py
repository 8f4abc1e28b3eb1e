"""The profile of a site: where it is found, what comes first, what is refused, and that damage is noticed."""

from __future__ import annotations

import shutil

import pytest
from commands import error_lines, run
from damage import damaged, read_or_refused
from fuzzing import fuzzed
from hypothesis import given
from hypothesis import strategies as st
from job_scripts import JOBS

from hpcbbp.errors import InputError
from hpcbbp.slurm.profile import HERE, Profile, load_profile

WHOLE = """
account = "phys"
partition = "long"
qos = "normal"
constraint = "epyc"
modules = ["gcc", "petsc/3.20"]
binds = ["/scratch"]
sbatch = ["--exclusive", "#SBATCH --mail-type=END"]
container = "h.sif"
program = "hpcbbp"
launcher = "mpirun"
mpi = "pmi2"
node_memory = "256G"
ntasks_per_node = 8
requeues = 3
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    shutil.copy(JOBS / "campaign.toml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


def script(*words, **environment):
    done = run("slurm", "campaign.toml", *words, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_option_reaches_the_script(here):
    (here / HERE).write_text(WHOLE)
    text = script()
    for line in ("account=phys", "partition=long", "qos=normal", "constraint=epyc", "ntasks-per-node=8", "exclusive",
                 "mail-type=END"):  # fmt: skip
        assert f"#SBATCH --{line}\n" in text
    assert "module load gcc ||" in text and "module load petsc/3.20 ||" in text
    assert "mpirun -n 8 apptainer exec" in text and "--bind /scratch h.sif hpcbbp" in text
    assert '"${SLURM_RESTART_COUNT:-0}" -ge 3 ]' in text
    assert f"(options of {HERE})" in text


def test_the_command_line_comes_first(here):
    (here / HERE).write_text(WHOLE)
    text = script("--account", "other", "--module", "mpi", "--launcher", "srun", "--ntasks-per-node", 4, "--requeues",
                  0, "--sbatch", "--hint=nomultithread", "--mpi", "pmix")  # fmt: skip
    assert "--account=other\n" in text and "module load mpi ||" in text and "petsc/3.20" not in text
    assert "srun --mpi=pmix" in text and "--ntasks-per-node=4\n" in text and "--hint=nomultithread\n" in text
    assert "exclusive" not in text and "#SBATCH --no-requeue" in text


def test_where_it_is_found(here):
    assert load_profile() == (Profile(), None)
    own = here / "config" / "hpcbbp" / "slurm.toml"
    own.parent.mkdir(parents=True)
    own.write_text('account = "own"\n')
    assert load_profile()[0].account == "own"
    assert "--account=own\n" in script(XDG_CONFIG_HOME=str(here / "config"))
    (here / HERE).write_text('account = "here"\n')
    assert load_profile()[0].account == "here"
    (here / "other.toml").write_text('account = "other"\n')
    assert "--account=other\n" in script("--profile", "other.toml")


BAD = [
    ('acount = "x"', "unknown key acount; the nearest known one is account"),
    ("account = 3", "account = 3: Input should be a valid string"),
    ('modules = "gcc"', "modules = 'gcc': Input should be a valid list"),
    ("ntasks_per_node = 2.5", "ntasks_per_node = 2.5: Input should be a valid integer"),
    ('ntasks_per_node = "2"', "ntasks_per_node = '2'"),
    ("requeues = -1", "--requeues"),
    ('launcher = "prun"', "launcher"),
    ('node_memory = "much"', "--node-memory much"),
    ('account = "a\\nb"', "one line of printable text"),
    ("account =", "not a TOML file"),
    ('[account]\nx = 1', "account = {'x': 1}"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), BAD)
def test_what_is_refused_in_one_line(here, text, words):
    (here / HERE).write_text(text)
    done = run("slurm", "campaign.toml")
    assert done.returncode == 2 and done.stdout == ""
    assert len(error_lines(done)) == 1 and words in error_lines(done)[0], done.stderr


def test_a_file_that_cannot_be_read(here):
    for name, words in (("none.toml", "cannot be read"), (".", "is a folder")):
        with pytest.raises(InputError, match=words):
            load_profile(here / name)


@pytest.mark.fuzz
@fuzzed(200)
@given(st.data())
def test_damage_is_refused_or_read(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "profile.toml"
    path.write_bytes(data.draw(damaged(WHOLE.encode())))
    found = read_or_refused(lambda: load_profile(path))
    assert isinstance(found, InputError) or isinstance(found[0], Profile)
