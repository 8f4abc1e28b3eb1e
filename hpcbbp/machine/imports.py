"""Things of the user's own by their names, MODULE:NAME, found where Python finds others or in the present folder."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from typing import Any

from hpcbbp.errors import InputError

OWN = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)
"""How they are written."""


def imported(what: str, words: str) -> Any:
    """What a module has under a name; InputError, beginning with `what`, whatever the module does when imported."""
    module, _, name = words.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        return getattr(importlib.import_module(module), name)
    except (Exception, SystemExit) as error:
        raise InputError(f"{what}: {type(error).__name__}: {' '.join(str(error).split())}") from None
