"""How a run of a campaign ended, in numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes
    ----------
    computed, failed, left : int
        Instances recorded, recorded as failed, and neither: not started, or stopped on the way.
    stopped : str or None
        Why it ended early.
    done_before : int
        Instances that had a result when this run had the store to itself, by whichever run.

    Examples
    --------
    >>> outcome.failed, outcome.left, outcome.stopped
    (0, 0, None)
    """

    computed: int
    failed: int
    left: int
    stopped: str | None
    done_before: int = 0
