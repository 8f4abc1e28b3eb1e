"""The command line: what is typed, what is shown."""

from hpcbbp.machine.optional import require

require("the command line", "cli")
