"""Many instances in one job: points, the loop over them, and what is kept of them."""

from hpcbbp.machine.optional import require

require("a campaign", "campaigns")
