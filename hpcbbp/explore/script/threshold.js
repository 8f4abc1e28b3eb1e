// alpha_BBP(N) and N(alpha): hpcbbp/theory/finite/threshold.py, docs/theory.md (13), with the sums of beyond.py.

const MONOTONE = 2, SHIFT_TRUSTED = 1, WIDTH_TRUSTED = 0.3, FEW_WEIGHTS = 0.01;
const SOLVED = 1e-5; // of the logarithm of the number of samples expected
const LARGEST_N = 1e290;

/** log Gamma(x) for x = 1/2, 1, 3/2, ... */
function logGammaHalf(x) {
  let [sum, at] = [x % 1 ? 0.5 * Math.log(Math.PI) : 0, x % 1 ? 0.5 : 1];
  for (; at < x; at++) sum += Math.log(at);
  return sum;
}

/** Density of y ~ chi2_k/k. */
function chi2Density(k, y) {
  const half = 0.5 * k;
  return Math.exp(Math.log(half) + (half - 1) * Math.log(half * y) - half * y - logGammaHalf(half));
}

/** erfc(x), x >= 0, to full relative accuracy: a series below 2, a continued fraction above. */
function erfc(x) {
  if (x < 2) {
    let [term, sum] = [x, x];
    for (let n = 1; n < 80; n++) { term *= -x * x / n; sum += term / (2 * n + 1); }
    return 1 - 2 / Math.sqrt(Math.PI) * sum;
  }
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = 0.5 * n / (x + fraction);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction);
}

/** P(y > at) for y ~ chi2_k/k: Gamma(k/2, k at/2)/Gamma(k/2), all terms positive. */
function chi2Above(k, at) {
  const x = 0.5 * k * at;
  let s = k % 2 ? 0.5 : 1;
  let sum = k % 2 ? erfc(Math.sqrt(x)) : Math.exp(-x);
  for (; s < 0.5 * k; s++) sum += Math.exp(s * Math.log(x) - x - logGammaHalf(s + 1));
  return sum;
}

/** Samples with a curvature below 1/g: their fraction, its slope in gamma, and the mean label at the pole. */
function steepOf(model, gamma) {
  const c = Math.min(...model.kinds.map(([kind]) => kind));
  let [fraction, total, labels, least] = [0, 0, 0, Infinity];
  for (const { above, pole, weight } of samplePoles(model, c, gamma)) {
    const density = weight * chi2Density(model.pStar, pole) * above;
    fraction += weight * chi2Above(model.pStar, pole);
    total += density;
    labels += density * pole;
    least = Math.min(least, pole);
  }
  return { fraction, slope: total / (gamma - 1), label: total > 0 ? labels / total : least };
}

/** The resonance of one alpha as samples of finite N see it. */
class Pole {
  constructor(branch, alpha, at) {
    this.model = branch.model;
    this.alpha = alpha;
    this.gamma = at.gamma[0];
    this.width = Math.abs(at.gamma[1]);
    this.soft = softness(branch.p, at.products, -0.5 * this.model.p * this.gamma, alpha);
    const overlap2 = complexOverlap2(at, alpha)[0];
    this.known = this.gamma > 1 ? 2 + overlap2 * Math.max(0, steepOf(this.model, this.gamma).label - 1) : 2;
  }

  /** How much before gamma a sample may have its pole and still halve m^2. */
  shift(n) {
    return this.gamma <= 1 ? 0 : (4 / this.model.p) * Math.sqrt(this.soft / (this.known * n));
  }

  /** Samples expected with a pole too near, and the shift over the distance in which they grow e-fold. */
  expected(n) {
    const shift = this.shift(n), gamma = this.gamma + shift;
    if (gamma <= 1) return [0, Infinity];
    const at = steepOf(this.model, gamma);
    const within = at.fraction > 0 && shift < this.gamma - 1;
    return [this.alpha * n * at.fraction, within ? shift * at.slope / at.fraction : Infinity];
  }

  /** Whether shift and width are short enough for the first order. */
  trusted(n) {
    const ratio = this.expected(n)[1];
    return ratio <= SHIFT_TRUSTED && this.width * ratio < WIDTH_TRUSTED * this.shift(n);
  }
}

/** The pole of one alpha, or null without a resonance or where it is too soft. */
function poleOf(branch, alpha) {
  const at = branch.at(alpha);
  const pole = at ? new Pole(branch, alpha, at) : null;
  return pole && pole.soft !== null ? pole : null;
}

/** Whether N is large beside the number of weights. */
const largeEnough = (n, branch) =>
  branch.model.pStar + (branch.p === Infinity ? 0 : branch.p) <= FEW_WEIGHTS * n;

/** alpha_BBP(N): {alpha, trusted}, alpha null where (13) does not hold. */
function effectiveThreshold(branch, n) {
  if (n === Infinity) return { alpha: branch.top, trusted: true };
  const none = { alpha: null, trusted: false };
  const excess = (alpha) => {
    const pole = poleOf(branch, alpha);
    if (!pole) return 1e3;
    const expected = pole.expected(n)[0];
    return expected > 0 ? Math.log(expected / Math.LN2) : -1e3;
  };
  const low = branch.end * (1 + 1e-9);
  if (low >= branch.top || excess(low) < 0) return none;
  const alpha = rootOf(excess, low, branch.top, 1e-11);
  const pole = poleOf(branch, alpha);
  if (!pole || pole.expected(n)[1] > MONOTONE || Math.abs(excess(alpha)) > SOLVED) return none;
  return { alpha, trusted: pole.trusted(n) && largeEnough(n, branch) };
}

/** N(alpha) up to which half of the resonances are seen; null where there is none, Infinity beyond 1e290. */
function effectiveSize(branch, alpha) {
  const pole = poleOf(branch, alpha);
  if (!pole) return null;
  let log = Math.log(LARGEST_N), [expected, ratio] = pole.expected(LARGEST_N);
  if (expected < Math.LN2) return Infinity;
  while (expected > Math.LN2 && ratio <= MONOTONE && log > 0) [expected, ratio] = pole.expected(Math.exp(--log));
  if (expected > Math.LN2) {
    const least = rootOf((x) => Math.min(pole.expected(Math.exp(x))[1], 1e3) - MONOTONE, log, log + 1);
    if (!(pole.expected(Math.exp(least))[0] <= Math.LN2)) return null;
    log = least;
  }
  const excess = (x) => Math.log(Math.max(pole.expected(Math.exp(x))[0], 1e-300) / Math.LN2);
  return Math.exp(rootOf(excess, log, log + 1, 1e-12));
}
