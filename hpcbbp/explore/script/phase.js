// Panel 1: alpha_BBP against a for the chosen p*, and where the chosen (a, alpha) lies.

const WIDTHS = [1, 2, 3, 5, 10, 100, Infinity];
const PHASE_POINTS = 56;
const phaseCurves = new Map();

/** alpha_BBP(a) of one width in two parts, both up to a_c: where it is continuous and where it jumps. */
function phaseCurve(p, pStar, [low, high]) {
  const key = `${p} ${pStar} ${low} ${high}`;
  if (!phaseCurves.has(key)) {
    const turn = aCOf(p, pStar) ?? Infinity, parts = { continuous: [], discontinuous: [], turn: null };
    const point = (a) => [a, new Averages(p, pStar, a).moments(1)];
    for (let i = 0; i <= PHASE_POINTS; i++) {
      const a = low * (high / low) ** (i / PHASE_POINTS);
      if (a < turn) parts.continuous.push([a, transitionOf(p, pStar, a).alphaBbp]);
      else parts.discontinuous.push([a, transitionOf(p, pStar, a).alphaBbp]);
    }
    if (turn > low && turn < high) {
      parts.turn = [turn, 1 / point(turn)[1].signal];
      parts.continuous.push(parts.turn);
      parts.discontinuous.unshift(parts.turn);
    }
    phaseCurves.set(key, parts);
  }
  return phaseCurves.get(key);
}

/** Draw the panel; returns its chart. */
function drawPhase(svg, state, values) {
  const domain = [Math.min(0.01, state.a / 1.5), Math.max(100, state.a * 1.5)];
  const others = WIDTHS.filter((p) => p !== state.p);
  const curves = [...others, state.p].map((p) => [p, phaseCurve(p, state.p_star, domain)]);
  const every = curves.flatMap(([, { continuous, discontinuous }]) => [...continuous, ...discontinuous]);
  const heights = every.map(([, alpha]) => alpha);
  const chart = axes(svg, {
    height: 350,
    x: { domain, log: true, label: "a, constant of the loss" },
    y: { domain: [0.6 * Math.min(...heights), 1.5 * Math.max(...heights)], log: true, label: "α = M/N" },
    legend: [{ text: "α_{BBP} continuous", kind: "curve chosen" },
             { text: "discontinuous", kind: "curve chosen dashed" }, { text: "other p", kind: "curve" }],
  });
  const { X, Y, box, plot, over } = chart;
  const taken = [];
  for (const [p, { continuous, discontinuous, turn }] of [...curves].reverse()) {
    const chosen = p === state.p ? " chosen" : "";
    const pixels = (points) => pathOf(points.map(([a, alpha]) => [X(a), Y(alpha)]));
    const group = chosen ? over : plot;
    draw(group, "path", { class: `curve${chosen && " chosen main"}`, d: pixels(continuous) });
    draw(group, "path", { class: `curve${chosen} dashed`, d: pixels(discontinuous) });
    if (turn) draw(group, "circle", { class: `dot${chosen}`, cx: X(turn[0]), cy: Y(turn[1]), r: chosen ? 4 : 2.4 });
    const at = Y((continuous[0] ?? discontinuous[0])[1]);
    if (taken.every((other) => Math.abs(other - at) > 13)) {
      taken.push(at);
      const text = chosen ? `p = ${shown(p)}` : shown(p);
      label(over, box.left + 6, at - 4, text, { class: `note halo${chosen}` });
    }
  }
  if (values.alpha_bbp_n !== null && Number.isFinite(state.n)) {
    const y = Y(values.alpha_bbp_n);
    draw(over, "rect", { class: "dot finite", x: X(state.a) - 4, y: y - 4, width: 8, height: 8,
                         transform: `rotate(45 ${X(state.a)} ${y})` });
    label(over, X(state.a) + 9, y + 4, "α_{BBP}(N)", { class: "note finite halo" });
  }
  const inside = Math.max(box.top, Math.min(box.bottom, Y(state.alpha)));
  const cross = `M${X(state.a)} ${box.top}V${box.bottom}M${box.left} ${inside}H${box.right}`;
  draw(over, "path", { class: "rule cursor", d: cross });
  draw(over, "circle", { class: "dot outlier", cx: X(state.a), cy: inside, r: 5.5 });
  svg.setAttribute("aria-label", `Phase diagram, p* = ${state.p_star}: alpha_BBP against a, with the point `
    + `a = ${plain(state.a)}, alpha = ${plain(state.alpha)}.`);
  return { ...chart, start: [state.a, state.alpha], vertical: true,
           read: (a, alpha) => readPhase(state, a, alpha), take: (a, alpha) => ({ a, alpha }) };
}

/** What the panel says at one a and alpha: words, and where a mark belongs. */
function readPhase(state, a, alpha) {
  const at = transitionOf(state.p, state.p_star, a);
  const kind = at.discontinuous ? `m² jumps to ${shown(at.jump, 3)}` : "continuous";
  const side = alpha > at.alphaBbp ? "above, with an outlier" : "below, without an outlier at N = ∞";
  return { text: `a = ${shown(a)}, α = ${shown(alpha)}. p = ${shown(state.p)}: α_{BBP} = ${shown(at.alphaBbp)}, `
    + `${kind}; this α lies ${side}.`, mark: [a, at.alphaBbp] };
}
