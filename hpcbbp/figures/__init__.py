"""Tables to pictures, and the paper's figures by name."""

from hpcbbp.machine.optional import require

require("a picture", "figures")
