// Panel 2: m^2 against alpha, at N = infinity, on the resonance below a discontinuous transition, and at finite N.

/** Draw the panel; returns its chart. */
function drawOverlap(svg, state, values, reach) {
  const { p, p_star: pStar, a } = state;
  const branch = branchOf(p, pStar, a), top = values.alpha_bbp;
  const outlier = outlierCurve(p, pStar, a, reach), resonance = branch ? branch.curve() : [];
  const highest = lastOf(outlier)[1];
  const finite = Number.isFinite(state.n);
  const chart = axes(svg, {
    height: 350,
    x: { domain: [0, reach], label: "α = M/N" },
    y: { domain: [-0.03 * highest, Math.min(1, 1.12 * highest)], label: "m², overlap with the teacher" },
    legend: [
      { text: "outlier, N = ∞", kind: "curve outlier" },
      ...(branch ? [{ text: "resonance", kind: "curve outlier dashed" }] : []),
      ...(finite && values.alpha_bbp_n !== null
        ? [{ text: `samples of N = ${shown(state.n, 2)}`, kind: "curve band" }] : []),
    ],
  });
  const { X, Y, box, plot, over } = chart;
  const pixels = (points) => pathOf(points.map(([alpha, m2]) => [X(alpha), Y(m2)]));
  if (finite && values.alpha_bbp_n !== null) {
    const from = values.alpha_bbp_n, at = branch.resonance(from)?.overlap2 ?? values.jump_overlap2;
    const above = resonance.filter(([alpha]) => alpha > from).reverse();
    const seen = [[0, 0], [from, 0], [from, at], ...above, ...outlier];
    draw(plot, "path", { class: "curve band", d: pixels(seen) });
  }
  draw(plot, "path", { class: "curve outlier zero", d: pixels([[0, 0], [top, 0]]) });
  draw(plot, "path", { class: "curve outlier resonance dashed", d: pixels(resonance) });
  draw(plot, "path", { class: "curve outlier jump dotted", d: pixels([[top, 0], [top, values.jump_overlap2]]) });
  draw(plot, "path", { class: "curve outlier main", d: pixels(outlier) });
  draw(plot, "path", { class: "rule", d: `M${X(top)} ${box.top}V${box.bottom}` });
  label(over, X(top) + 5, box.top + 13, "α_{BBP}", { class: "halo" });
  if (finite && values.alpha_bbp_n !== null) {
    const x = X(values.alpha_bbp_n);
    draw(plot, "path", { class: "rule finite", d: `M${x} ${box.top}V${box.bottom}` });
    const room = x - box.left > 62;
    label(over, room ? x - 5 : x + 5, box.top + (room ? 13 : 29), "α_{BBP}(N)",
          { class: "finite halo", "text-anchor": room ? "end" : "start" });
  }
  const here = values.resonance ? values.resonance.overlap2 : values.overlap2;
  draw(over, "path", { class: "rule cursor", d: `M${X(state.alpha)} ${box.top}V${box.bottom}` });
  draw(over, "circle", { class: "dot outlier", cx: X(state.alpha), cy: Y(here), r: 5.5 });
  svg.setAttribute("aria-label", `Overlap m^2 against alpha: alpha_BBP = ${plain(Number(top.toPrecision(4)))}, `
    + `m^2 = ${plain(Number(here.toPrecision(3)))} at alpha = ${plain(state.alpha)}.`);
  return { ...chart, start: [state.alpha, here], drag: true,
           read: (alpha) => readOverlap(state, alpha, values), take: (alpha) => ({ alpha }) };
}

/** What the panel says at one alpha. */
function readOverlap(state, alpha, values) {
  const { p, p_star: pStar, a } = state;
  if (alpha > values.alpha_bbp) {
    const { overlap2 } = spectrumOf(p, pStar, a, alpha);
    return { text: `α = ${shown(alpha)}: outlier with m² = ${shown(overlap2, 3)}.`, mark: [alpha, overlap2] };
  }
  const found = branchOf(p, pStar, a)?.resonance(alpha);
  if (!found) return { text: `α = ${shown(alpha)}: m² = 0, neither an outlier nor a resonance.`, mark: [alpha, 0] };
  let seen = "";
  if (Number.isFinite(state.n) && values.alpha_bbp_n !== null) {
    seen = alpha >= values.alpha_bbp_n ? ", seen by most samples of this N" : ", lost by most samples of this N";
  }
  return { text: `α = ${shown(alpha)}: resonance with m² = ${shown(found.overlap2, 3)}${seen}; m² = 0 at N = ∞.`,
           mark: [alpha, found.overlap2] };
}
