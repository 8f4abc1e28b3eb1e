"""Job scripts for campaigns: what they ask for, and their text."""

from hpcbbp.machine.optional import require

require("a job script", "slurm")
