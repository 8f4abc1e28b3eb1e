"""The paper's figures, and two of our own, as named campaigns: what each computes and how it is drawn."""
