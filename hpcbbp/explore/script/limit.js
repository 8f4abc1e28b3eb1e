// N = infinity on the real axis: hpcbbp/theory/limit/{bulk,outlier,transition,boundary}.py in small.
// gamma = -2 g/p runs over (0, 1]; numbers of equations are those of docs/theory.md.

const GAMMA_MIN = 1e-9;

/** Averages of the model with p (also Infinity), p* and a. */
class Averages {
  constructor(p, pStar, a) {
    this.infinite = p === Infinity;
    Object.assign(this, { p: this.infinite ? 1 : p, pStar, a });
    this.k = p; // degrees of freedom of yhat
    this.yhat = chi2Rule(p, a);
    this.y = chi2Rule(pStar, a);
    // c and its share of the trace: d = (2/p)(c yhat - y)/(a + y)
    this.kinds = this.infinite ? [] : [[3, 1 / p]];
    if (p > 1) this.kinds.push([1, this.infinite ? 1 : 1 - 1 / p]);
  }

  /** <t[E^j]>, <y t[E^j]> for j = 1, 2, 3, and S of (7). */
  moments(gamma) {
    const { x: xs, w: ws } = this.yhat, { x: ys, w: vs } = this.y;
    let [b1, b2, b3, t1, t2, t3, signal] = [0, 0, 0, 0, 0, 0, 0];
    for (const [c, share] of this.kinds) {
      for (let i = 0; i < xs.length; i++) {
        const B = c * xs[i], base = this.a + gamma * B;
        for (let j = 0; j < ys.length; j++) {
          const y = ys[j], inverse = 1 / (base + (1 - gamma) * y);
          const E = (2 / this.p) * (B - y) * inverse;
          const w1 = share * ws[i] * vs[j] * E, w2 = w1 * E, w3 = w2 * E;
          b1 += w1; b2 += w2; b3 += w3;
          t1 += w1 * y; t2 += w2 * y; t3 += w3 * y;
          signal += share * ws[i] * vs[j] * y * (this.a + B) * inverse * inverse;
        }
      }
    }
    return { gamma, g: -0.5 * this.p * gamma, bulk: [b1, b2, b3], teacher: [t1, t2, t3],
             signal: signal * gamma * 2 / this.pStar };
  }

  /** The alpha whose sharp edge, z' = 0, sits at this gamma. */
  alphaEdge(gamma) {
    const at = this.moments(gamma);
    return 1 / (at.g ** 2 * at.bulk[1]);
  }
}

const modelsKept = new Map();

/** The averages of a model, made once. */
function averagesOf(p, pStar, a) {
  const key = `${p} ${pStar} ${a}`;
  if (!modelsKept.has(key)) {
    if (modelsKept.size > 300) modelsKept.clear();
    modelsKept.set(key, new Averages(p, pStar, a));
  }
  return modelsKept.get(key);
}

/** z(g): (1). */
const zOf = (at, alpha) => 1 / at.g + alpha * at.bulk[0];

/** m^2 at the outlier's g: (4). */
function overlap2Of(at, alpha) {
  const slope = -1 / at.g ** 2 + alpha * at.bulk[1];
  return slope / (slope - alpha * at.teacher[1]);
}

/** d m^2/d alpha along the outlier. */
function overlap2Slope(at, alpha) {
  const { g, bulk, teacher } = at;
  const n = 1 / g ** 2 - alpha * bulk[1], q = alpha * teacher[1];
  const dg = at.signal / g / (-n - q);
  const dn = -bulk[1] + (-2 / g ** 3 - 2 * alpha * bulk[2]) * dg;
  const dq = teacher[1] + 2 * alpha * teacher[2] * dg;
  return (dn * q - n * dq) / (n + q) ** 2;
}

/** A root in gamma, sought in its logarithm: edges and outliers of large alpha lie at small gamma. */
const gammaOf = (f, high = 1) => Math.exp(rootOf((log) => f(Math.exp(log)), Math.log(GAMMA_MIN), Math.log(high)));

/** Thresholds of a model: (6), (8), (9) and alpha_0. */
function transitionOf(p, pStar, a) {
  const model = averagesOf(p, pStar, a);
  if (model.transition) return model.transition;
  const at = model.moments(1);
  const smooth = 1 / at.signal, alphaC = 1 / (at.g ** 2 * at.bulk[1]);
  if (smooth > alphaC) {
    const gamma = gammaOf((x) => { const m = model.moments(x); return (m.g ** 2 * m.bulk[1] - m.signal) / x; });
    model.transition = { alphaC, alphaBbp: 1 / model.moments(gamma).signal, discontinuous: false, jump: 0,
                         alpha0: null, gamma };
  } else {
    const jump = overlap2Of(at, smooth);
    model.transition = { alphaC, alphaBbp: smooth, discontinuous: true, jump,
                         alpha0: smooth - jump / overlap2Slope(at, smooth), gamma: 1 };
  }
  return model.transition;
}

/** Left edge, outlier and m^2 at one alpha: (1)-(4). */
function spectrumOf(p, pStar, a, alpha) {
  const model = averagesOf(p, pStar, a), at = transitionOf(p, pStar, a);
  const smooth = alpha <= at.alphaC;
  const edge = smooth ? 1 : gammaOf((x) => 1 / model.alphaEdge(x) - 1 / alpha);
  const found = { smooth, edgeGamma: edge, lambdaMinus: zOf(model.moments(edge), alpha),
                  lambdaStar: null, overlap2: 0, thinness: null };
  const below = (gamma) => 1 - alpha * model.moments(gamma).signal;
  if (alpha > at.alphaBbp && below(edge) < 0) {
    const outlier = model.moments(gammaOf(below, edge));
    found.lambdaStar = zOf(outlier, alpha);
    found.overlap2 = overlap2Of(outlier, alpha);
  }
  if (smooth) { // (16)
    const one = model.moments(1), slope = -1 / one.g ** 2 + alpha * one.bulk[1];
    found.thinness = (a + (model.infinite ? 1 : 0)) * model.p * pStar / 4 * Math.abs(slope);
  }
  return found;
}

/** m^2 of the outlier from alpha_BBP to some alpha, as points [alpha, m^2]: alpha = 1/S(gamma), so none is sought. */
function outlierCurve(p, pStar, a, upTo, points = 90) {
  const model = averagesOf(p, pStar, a), at = transitionOf(p, pStar, a);
  const last = gammaOf((x) => 1 - upTo * model.moments(x).signal, at.gamma);
  const curve = [[at.alphaBbp, at.jump]];
  for (let i = 1; i <= points; i++) {
    const one = model.moments(at.gamma + (last - at.gamma) * i / points);
    curve.push([1 / one.signal, overlap2Of(one, 1 / one.signal)]);
  }
  return curve;
}

const boundaries = new Map();

/** a_c: the transition is discontinuous from there on; 0 at p = Infinity, null where it lies beyond 10^6. */
function aCOf(p, pStar) {
  if (p === Infinity) return 0;
  const key = `${p} ${pStar}`;
  if (!boundaries.has(key)) {
    const excess = (log) => {
      const at = new Averages(p, pStar, Math.exp(log)).moments(1);
      return Math.log(at.signal / (at.g ** 2 * at.bulk[1]));
    };
    const found = Math.exp(rootOf(excess, Math.log(1e-6), Math.log(1e6), 1e-10));
    boundaries.set(key, Number.isNaN(found) ? null : found);
  }
  return boundaries.get(key);
}
