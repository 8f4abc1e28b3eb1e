"""The page of a campaign: tables, pictures, what failed."""

from hpcbbp.machine.optional import require

require("the page of a campaign", "report")
