"""Records of campaigns to curves, thresholds and laws of finite N."""

from hpcbbp.machine.optional import require

require("an analysis", "analysis")
