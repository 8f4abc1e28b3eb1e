"""The page of a campaign: tables, pictures, what failed."""

from hpcbbp.machine.optional import require

require("a report", "analysis")
