// What theory says at one point, as plain numbers: what the page shows, and window.hpcbbp.values returns.

/** Everything at (p, p*, a, alpha, N); x: where the density is wanted, too. */
function valuesAt({ p, p_star: pStar, a, alpha, n = Infinity, x = [] }) {
  const at = transitionOf(p, pStar, a), spectrum = spectrumOf(p, pStar, a, alpha);
  const branch = branchOf(p, pStar, a);
  const effective = branch ? thresholdAt(branch, n) : { alpha: null, trusted: false };
  const below = branch && alpha <= at.alphaBbp;
  const resonance = below ? branch.resonance(alpha) : null;
  const pole = resonance && Number.isFinite(n) ? poleOf(branch, alpha) : null;
  const [expected, ratio] = pole ? pole.expected(n) : [NaN, NaN];
  const bulk = x.length ? bulkOf(p, pStar, a) : null;
  return {
    alpha_c: at.alphaC, alpha_bbp: at.alphaBbp, discontinuous: at.discontinuous, jump_overlap2: at.jump,
    alpha_0: at.alpha0, a_c: aCOf(p, pStar),
    lambda_minus: spectrum.lambdaMinus, edge: spectrum.smooth ? "smooth" : "sharp", thinness: spectrum.thinness,
    lambda_star: spectrum.lambdaStar, overlap2: spectrum.overlap2,
    resonance, resonance_end: branch ? branch.end : null,
    alpha_bbp_n: effective.alpha, trusted: effective.trusted,
    fraction_seen: pole && !(expected > 1e-3 && ratio > MONOTONE) ? Math.exp(-expected) : null,
    n_seen: below && alpha < at.alphaBbp && resonance ? effectiveSize(branch, alpha) : null,
    rho: x.map((one) => (one <= spectrum.lambdaMinus ? 0 : bulk.at(one, alpha).rho)),
  };
}

/** alpha_BBP(N), kept by the branch: it is asked for whenever alpha moves. */
function thresholdAt(branch, n) {
  if (!branch.thresholds.has(n)) branch.thresholds.set(n, effectiveThreshold(branch, n));
  return branch.thresholds.get(n);
}
