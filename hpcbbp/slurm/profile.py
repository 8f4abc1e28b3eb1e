"""What a site wants in every job script, in a file, so that `hpcbbp slurm` need not be told each time."""

from __future__ import annotations

import difflib
import os
import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hpcbbp.campaign.values import plain
from hpcbbp.errors import InputError, shown
from hpcbbp.machine.text import text_of

HERE = "hpcbbp-slurm.toml"
"""Beside campaign files, for those who share them."""


class Profile(BaseModel):
    """Options of `hpcbbp slurm` by their names, with underscores; what the command line says comes first.

    Attributes
    ----------
    account, partition, qos, constraint : str, optional
    modules, binds, sbatch : list of str
        --module, --bind and --sbatch, each several times.
    container, program, launcher, mpi, node_memory : str, optional
    ntasks_per_node, requeues : int, optional

    Examples
    --------
    >>> Profile(partition="long", modules=["openmpi"]).partition
    'long'
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    account: str | None = None
    partition: str | None = None
    qos: str | None = None
    constraint: str | None = None
    modules: list[str] = Field(default_factory=list)
    binds: list[str] = Field(default_factory=list)
    sbatch: list[str] = Field(default_factory=list)
    container: str | None = None
    program: str | None = None
    launcher: str | None = None
    mpi: str | None = None
    node_memory: str | None = None
    ntasks_per_node: int | None = None
    requeues: int | None = None


def user_file() -> Path:
    """Where a user's own profile lies: ~/.config/hpcbbp/slurm.toml, or under XDG_CONFIG_HOME."""
    home = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    try:
        return Path(home).expanduser() / "hpcbbp" / "slurm.toml"
    except RuntimeError:  # nobody's home
        return Path("/nonexistent/hpcbbp/slurm.toml")


def load_profile(path: Path | None = None) -> tuple[Profile, Path | None]:
    """The profile of a file, or that of this folder (HERE), or the user's own; and the file, None if there is none.

    Raises
    ------
    InputError
        One line: the file, the key, what is wrong and what would be right.

    Examples
    --------
    >>> _ = Path("site.toml").write_text('partition = "long"')
    >>> load_profile(Path("site.toml"))[0].partition
    'long'
    """
    if path is None:
        path = next((file for file in (Path(HERE), user_file()) if file.exists()), None)
        if path is None:
            return Profile(), None
    try:
        return Profile.model_validate(tomllib.loads(text_of(path))), path
    except ValidationError as error:
        raise InputError(f"{path}: {_first(error)}") from None
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not a TOML file ({' '.join(str(error).split())[:200]})") from None


def _first(error: ValidationError) -> str:
    what = error.errors()[0]
    name = str(what["loc"][0])
    if what["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name[:80], Profile.model_fields, n=1, cutoff=0.0)
        return f"unknown key {plain(name)}; the nearest known one is {near[0]}"
    return f"{plain(name)} = {shown(what['input'])}: {what['msg']}"
