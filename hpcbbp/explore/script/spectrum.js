// Panel 3: the density of the bulk, its left edge, and the outlier or the resonance with its m^2.

const FAINTEST = { smooth: 1e-8, sharp: 1e-4 }; // of the density's maximum, where it is shown in powers of ten

/** What is shown of the spectrum: from left of the edge or the outlier to where the density has faded. */
function windowOf(curve, values, view, spread) {
  const edge = values.lambda_minus, outlier = values.lambda_star ?? values.resonance?.lambda ?? edge;
  const tallest = heightOf(curve, spread);
  const right = lastWhere(curve, ({ rho }) => rho > 0.012 * tallest).x;
  // Of a smooth edge the density can be seen from there on, which may be far from it.
  const first = curve.find(({ rho }) => rho > 1e-6 * tallest).x;
  if (view === "edge") {
    const seen = first - edge;
    const thin = values.thinness === null ? 0 : Math.max(0.6 * seen, Math.min(values.thinness / 14, 2 * seen));
    const far = Math.max(2 * Math.abs(outlier - edge), thin, 0.003 * (right - edge));
    return [Math.min(edge, outlier) - 0.35 * far, edge + 2 * far];
  }
  const left = outlier === edge ? Math.max(edge, first - 0.5 * (right - first)) : Math.min(edge, outlier);
  return [left - 0.06 * (right - left), right];
}

/** Draw the panel; returns its chart. */
function drawSpectrum(svg, state, values) {
  const { p, p_star: pStar, a, alpha } = state, log = state.view === "edge";
  const curve = densityCurve(p, pStar, a, alpha), spread = spreadOf(averagesOf(p, pStar, a), alpha);
  const domain = windowOf(curve, values, state.view, spread);
  const inside = curve.filter(({ x }) => x >= domain[0] && x <= domain[1]);
  const tallest = heightOf(inside.length > 1 ? inside : curve, spread);
  const spike = values.lambda_star !== null
    ? { at: values.lambda_star, m2: values.overlap2, name: "λ*" }
    : values.resonance && { at: values.resonance.lambda, m2: values.resonance.overlap2, name: "λ_{r}", thin: true };
  const range = log ? [FAINTEST[values.edge] * tallest, 3 * tallest] : [0, 1.15 * tallest];
  const units = p === Infinity ? " of p H" : "";
  const chart = axes(svg, {
    height: 320,
    x: { domain, label: `λ, eigenvalues${units}` },
    y: { domain: range, log, label: "ρ(λ), density" },
    right: { domain: [0, 1], label: "m²", class: "outlier" },
    legend: [
      { text: `bulk, ${values.edge} edge`, kind: "curve bulk" },
      ...(spike ? [{ text: spike.thin ? "resonance, its width and m²" : "outlier and its m²",
                     kind: `rule outlier${spike.thin ? " dashed" : ""}` }] : []),
    ],
  });
  const { X, Y, R, box, plot, over } = chart;
  const floor = log ? range[0] : 0;
  const points = curve.map(({ x, rho }) => [X(x), Y(Math.max(rho, floor))]);
  const line = [[X(values.lambda_minus), box.bottom], ...points];
  draw(plot, "path", { class: "area", d: `${pathOf([...line, [lastOf(line)[0], box.bottom]])}Z` });
  draw(plot, "path", { class: "curve bulk main", d: pathOf(line) });
  const edge = X(values.lambda_minus);
  draw(plot, "path", { class: "rule", d: `M${edge} ${box.top}V${box.bottom}` });
  if (alpha < 1 && domain[0] < 0 && domain[1] > 0) {
    draw(plot, "path", { class: "rule cursor", d: `M${X(0)} ${box.bottom}V${box.top + 20}` });
    label(over, X(0) + 5, box.top + 30, `weight 1 − α = ${shown(1 - alpha, 3)} at 0`, { class: "note halo" });
  }
  if (spike) drawSpike(chart, spike, values);
  const left = spike && spike.at > values.lambda_minus && edge - box.left > 30;
  if (edge >= box.left) label(over, edge + (left ? -5 : 5), box.top + 14, "λ_{−}",
        { class: "halo", "text-anchor": left ? "end" : "start" });
  svg.setAttribute("aria-label", `Spectrum at alpha = ${plain(alpha)}: ${values.edge} left edge at `
    + `${plain(Number(values.lambda_minus.toPrecision(4)))}, ${spike ? `${spike.thin ? "resonance" : "outlier"} at `
    + plain(Number(spike.at.toPrecision(4))) : "no outlier"}.`);
  return { ...chart, R, start: [values.lambda_minus + 0.3 * (domain[1] - values.lambda_minus), 0], curve,
           read: (x) => readSpectrum(state, values, curve, spike, x, X, Y) };
}

/** The outlier as a spike of height m^2 on the right axis; of a resonance also its width. */
function drawSpike({ X, R, box, plot, over }, spike, values) {
  const x = X(spike.at), y = R(spike.m2), width = values.lambda_star === null ? values.resonance.width : 0;
  const half = X(spike.at + width) - x;
  if (half > 0.5) {
    draw(plot, "rect", { class: "width", x: x - half, y: box.top, width: 2 * half, height: box.bottom - box.top });
  }
  draw(plot, "path", { class: `rule outlier spike${spike.thin ? " dashed" : ""}`, d: `M${x} ${box.bottom}V${y}` });
  draw(over, "circle", { class: "dot outlier", cx: x, cy: y, r: 5 });
  const end = x > 0.6 * box.right, text = `${spike.name} = ${shown(spike.at)}, m² = ${shown(spike.m2, 3)}`;
  label(over, x + (end ? -9 : 9), Math.min(y - 8, box.bottom - 14), text,
        { class: "outlier halo", "text-anchor": end ? "end" : "start" });
}

/** What the panel says at one lambda: the outlier if it is near, else the density, computed there. */
function readSpectrum(state, values, curve, spike, x, X, Y) {
  if (spike && Math.abs(X(spike.at) - X(x)) < 7) {
    const width = spike.thin ? `, width ${shown(values.resonance.width, 2)}` : "";
    return { text: `${spike.thin ? "Resonance" : "Outlier"} ${spike.name} = ${shown(spike.at, 5)}${width}, `
      + `m² = ${shown(spike.m2, 3)}.`, mark: null, x: spike.at };
  }
  if (x <= values.lambda_minus) {
    const edge = `${values.edge} edge λ_{−} = ${shown(values.lambda_minus, 5)}`;
    return { text: `λ = ${shown(x, 5)}: ρ = 0, left of the ${edge}.`, mark: null };
  }
  const nearest = curve.reduce((best, one) => (Math.abs(one.x - x) < Math.abs(best.x - x) ? one : best));
  const { rho } = bulkOf(state.p, state.p_star, state.a).at(x, state.alpha, nearest);
  const shownRho = Number.isFinite(rho) ? shown(rho, 3) : "not found here";
  return { text: `λ = ${shown(x, 5)}: ρ = ${shownRho}.`, mark: Number.isFinite(rho) ? [x, rho] : null, rho };
}
