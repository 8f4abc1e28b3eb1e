"""One descent: loss, overlaps, and the lowest pair of the Hessian, against the step."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from hpcbbp.dynamics import Trajectory
from hpcbbp.figures.canvas import COLOURS, canvas


def descent_table(found: Trajectory) -> pd.DataFrame:
    """A row a step; of the lowest pair of a Hessian where there was one, else nan.

    Examples
    --------
    >>> from hpcbbp import Problem, gaussian_instance
    >>> from hpcbbp.dynamics import Schedule, descend
    >>> instance = gaussian_instance(Problem(p=1, p_star=1, alpha=6.0, a=1.5), n=100)
    >>> course = descend(instance, Schedule(steps=5, eta=0.02))
    >>> len(descent_table(course))
    6
    """
    hessians = {at.step: at for at in found.landscapes}
    rows = []
    for moment in found.moments:
        at = hessians.get(moment.step)
        lowest = {
            "eigenvalue": at.eigenvalues[0], "residual": at.residuals[0], "overlap2_lowest": at.overlap2[0],
            "student_overlap2_lowest": at.student_overlap2[0], "gradient_overlap_lowest": at.gradient_overlap[0],
            "converged": bool(at.converged[0]),
        } if at is not None else {}  # fmt: skip
        rows.append({
            "step": moment.step, "loss": moment.loss, "overlap2": moment.overlap2,
            "norm2": float(moment.norms2.mean()), "gradient_norm": moment.gradient_norm, **lowest,
        })  # fmt: skip
    return pd.DataFrame(rows)


def descent_figure(found: Trajectory) -> Figure:
    """Four panels: loss a sample, m^2 of the weights, the lowest eigenvalue, m^2 of its vector.

    Examples
    --------
    >>> from hpcbbp import Problem, gaussian_instance
    >>> from hpcbbp.dynamics import Schedule, descend
    >>> instance = gaussian_instance(Problem(p=1, p_star=1, alpha=6.0, a=1.5), n=100)
    >>> course = descend(instance, Schedule(steps=5, eta=0.02))
    >>> len(descent_figure(course).axes)
    4
    """
    rows = descent_table(found)
    known = rows[rows["eigenvalue"].notna()] if "eigenvalue" in rows else rows[:0]
    figure, axes = canvas(2, 2, (4.6, 3.3))
    loss, overlap, lowest, vector = axes
    loss.plot(rows["step"], rows["loss"] / found.m, color=COLOURS[0], linewidth=1.4)
    loss.set_ylabel(r"loss a sample, $L/M$")
    if len(rows) and float(rows["loss"].min()) > 0.0:
        loss.set_yscale("log")
    cosines = np.array([(moment.overlaps**2).sum(axis=1) for moment in found.moments])
    for k in range(cosines.shape[1]):
        overlap.plot(rows["step"], cosines[:, k], color=COLOURS[k % len(COLOURS)], linewidth=1.4,
                     label=f"$k = {k + 1}$")  # fmt: skip
    overlap.set_ylabel(r"overlap of the weights, $\sum_l m_{kl}^2$")
    if 1 < cosines.shape[1] <= len(COLOURS):
        overlap.legend(fontsize=8, frameon=False)
    overlap.set_ylim(-0.03, 1.03)
    if len(known):
        lowest.plot(known["step"], known["eigenvalue"], "o-", color=COLOURS[1], markersize=5, linewidth=1.1)
        lowest.axhline(0.0, color="grey", linewidth=0.8)
        vector.plot(known["step"], known["overlap2_lowest"], "o-", color=COLOURS[1], markersize=5, linewidth=1.1,
                    label="teacher")  # fmt: skip
        vector.plot(known["step"], known["student_overlap2_lowest"], "s--", color=COLOURS[2], markersize=4,
                    linewidth=1.0, label="present weights")  # fmt: skip
        vector.plot(known["step"], known["gradient_overlap_lowest"] ** 2, "^:", color=COLOURS[3], markersize=4,
                    linewidth=1.0, label="gradient")  # fmt: skip
        vector.legend(fontsize=8, frameon=False)
        vector.set_ylim(-0.03, 1.03)
    else:
        for axis in (lowest, vector):
            axis.text(0.5, 0.5, "no Hessian was asked for", ha="center", va="center", transform=axis.transAxes)
    lowest.set_ylabel(r"lowest eigenvalue $\lambda_1$")
    vector.set_ylabel(r"overlap$^2$ of the lowest vector")
    for axis in axes:
        axis.set_xlabel(rf"step, $\eta = {found.schedule.eta:g}$")
        axis.set_xlim(-0.5, found.schedule.steps + 0.5)
    return figure
