"""Tables to pictures, and the paper's figures by name."""
