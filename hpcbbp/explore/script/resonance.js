// Below a discontinuous transition: hpcbbp/theory/limit/{resonance,beyond}.py.

const FOLLOWED = 1e-6; // of alpha_BBP: the branch is followed no further down
const FIRST_STEP = 0.04, SMALLEST_STEP = 1e-6; // of alpha, in units of alpha_BBP
const NEAR_POLE = 0.15; // of the contour's angle
const THIN = 3e-7; // of Im gamma: below it the golden rule is better than what rounding leaves

/** The pole of one model, followed down from alpha_BBP once; then known at any alpha by Newton's method. */
class Branch {
  constructor(p, pStar, a) {
    this.p = p;
    this.model = averagesOf(p, pStar, a);
    this.beyond = new Continuation(this.model);
    this.top = transitionOf(p, pStar, a).alphaBbp;
    this.points = [{ alpha: this.top, at: this.beyond.at([1, 0]) }]; // downwards in alpha
    this.end = null;
    this.kept = new Map();
    this.thresholds = new Map(); // alpha_BBP(N), by N
    this.follow();
  }

  /** Steps down to where Re m^2 = 0, where the pole is lost, or where nobody asks any more. */
  follow() {
    const lowest = FOLLOWED * this.top;
    let step = FIRST_STEP * this.top;
    while (this.end === null) {
      const last = lastOf(this.points);
      if (last.alpha <= lowest) { this.end = lowest; return; }
      const target = Math.max(last.alpha - step, 0.5 * last.alpha);
      const at = this.newton(target, last);
      if (at === null) {
        step *= 0.5;
        if (step < SMALLEST_STEP * this.top) this.end = last.alpha;
      } else if (complexOverlap2(at, target)[0] > 0) {
        this.points.push({ alpha: target, at });
      } else {
        const weight = (x) => { const here = this.newton(x, last); return here ? complexOverlap2(here, x)[0] : -1; };
        this.end = rootOf(weight, target, last.alpha);
      }
    }
  }

  /** The solution of alpha S(gamma) = 1 that a known one leads to, or null. */
  newton(alpha, { alpha: known, at }) {
    if (alpha === known) return at;
    let gamma = plus(at.gamma, over([1 / alpha - 1 / known, 0], at.slope));
    let last = Infinity;
    for (let i = 0; i < 25; i++) {
      const beyond = [gamma[0] - 1, gamma[1]];
      const inside = sizeOf(beyond) < 1e-9
        || (beyond[0] > 0 && Math.atan2(-beyond[1], beyond[0]) < (1 - NEAR_POLE) * this.beyond.angle);
      if (!inside) return null;
      const here = this.beyond.at(gamma);
      const step = over(minus([1 / alpha, 0], here.signal), here.slope), size = sizeOf(step), scale = sizeOf(gamma);
      if (size < 1e-12 * scale || (size >= last && size < 1e-9 * scale)) return here;
      if (size > 0.5 * last || size > 0.2 * scale) return null;
      [gamma, last] = [plus(gamma, step), size];
    }
    return null;
  }

  /** Averages at the pole of one alpha; null where there is no resonance. */
  at(alpha) {
    if (alpha > this.top || alpha < this.end) return null;
    if (!this.kept.has(alpha)) {
      const above = lastWhere(this.points, (point) => point.alpha >= alpha);
      const at = this.newton(alpha, above);
      this.kept.set(alpha, at && complexOverlap2(at, alpha)[0] > 0 ? at : null);
    }
    return this.kept.get(alpha);
  }

  /** lambda_r, width and m^2 of one alpha, or null. */
  resonance(alpha) {
    const at = this.at(alpha);
    if (!at) return null;
    const z = complexZ(at, alpha), weight = complexOverlap2(at, alpha);
    let width = -z[1];
    if (Math.abs(at.gamma[1]) <= THIN) {
      width = at.gamma[0] > 1 ? goldenRule(this.model, at.gamma[0], alpha, weight[0]) : 0;
    }
    return { alpha, lambda: z[0], width, overlap2: weight[0], imaginary: Math.abs(weight[1]), gamma: at.gamma };
  }

  /** Points [alpha, m^2] from alpha_BBP down to the end, where m^2 = 0 unless the branch breaks off. */
  curve() {
    const curve = [];
    for (let i = 0; i + 1 < this.points.length; i++) {
      const [one, next] = [this.points[i].alpha, this.points[i + 1].alpha];
      for (const alpha of [one, 0.5 * (one + next)]) {
        const at = this.at(alpha);
        if (at) curve.push([alpha, complexOverlap2(at, alpha)[0]]);
      }
    }
    const last = lastOf(this.points);
    curve.push([last.alpha, complexOverlap2(last.at, last.alpha)[0]]);
    const at = this.newton(this.end, last);
    if (at && this.end < last.alpha) curve.push([this.end, Math.max(0, complexOverlap2(at, this.end)[0])]);
    return curve;
  }
}

const branches = new Map();

/** The branch of a model with a discontinuous transition, made once; null for a continuous one. */
function branchOf(p, pStar, a) {
  if (!transitionOf(p, pStar, a).discontinuous) return null;
  const key = `${p} ${pStar} ${a}`;
  if (!branches.has(key)) {
    if (branches.size > 12) branches.clear();
    branches.set(key, new Branch(p, pStar, a));
  }
  return branches.get(key);
}

/** Poles of samples beyond gamma: y_0 - c yhat, y_0 = c yhat + (a + c yhat)/(gamma - 1), and weights of yhat. */
function samplePoles(model, c, gamma) {
  const finest = 4 ** Math.floor(Math.log(Math.min(model.a, gamma - 1)) / Math.log(4));
  const { x, w } = chi2Rule(model.k, finest);
  return x.map((yhat, i) => {
    const above = (model.a + c * yhat) / (gamma - 1);
    return { above, pole: above + c * yhat, weight: w[i] };
  });
}

/** Width of a thin resonance: (12). */
function goldenRule(model, gamma, alpha, overlap2) {
  let total = 0;
  for (const [c, share] of model.kinds) {
    for (const { above, pole, weight } of samplePoles(model, c, gamma)) {
      total += share * weight * chi2Density(model.pStar, pole) * above * (1 - overlap2 + overlap2 * pole);
    }
  }
  return alpha * Math.PI * (2 / model.p) * total / (gamma - 1);
}
