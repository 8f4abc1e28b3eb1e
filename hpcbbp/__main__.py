"""Makes python -m hpcbbp the same as hpcbbp."""

from __future__ import annotations

import sys

from hpcbbp.errors import MissingDependencyError
from hpcbbp.machine.signals import deaf, listen


def main() -> None:
    """Entry point: hears the signals that stop a run before anything that takes time is imported."""
    listen(sys.argv[1:])
    try:
        from hpcbbp.cli.app import main as parsed
    except MissingDependencyError as error:  # nothing of what makes a command line is there
        from hpcbbp.machine.ranks import fail

        fail(str(error))
    else:
        try:
            parsed()
        finally:
            deaf()  # what is done is done: a signal that comes now, as the interpreter ends, changes nothing


if __name__ == "__main__":
    main()
