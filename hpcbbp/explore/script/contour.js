// Beyond a smooth edge: hpcbbp/theory/limit/contour.py and modes.py. Averages along yhat = |yhat| exp(-i psi) and
// y = |y| exp(i phi), where nothing is singular; complex numbers are pairs [re, im].

const TEACHER_ANGLE = 1.0, STUDENT_ANGLE = 0.7;
const NEGLIGIBLE = 1e-13; // of weights, which sum to 1

const times = ([a, b], [c, d]) => [a * c - b * d, a * d + b * c];
const over = ([a, b], [c, d]) => { const s = c * c + d * d; return [(a * c + b * d) / s, (b * c - a * d) / s]; };
const minus = ([a, b], [c, d]) => [a - c, b - d];
const plus = ([a, b], [c, d]) => [a + c, b + d];
const scaled = (s, [a, b]) => [s * a, s * b];
const sizeOf = ([a, b]) => Math.hypot(a, b);

/** The angle by which chi2_k may be turned: the weights grow like exp(k angle^2/4). */
const angleOf = (k, most) => (k === Infinity ? 0 : Math.min(most, 2.1 * most / Math.sqrt(k)));

/** Pairs of turned nodes, as arrays of real and imaginary parts of yhat, y and weights. */
function turnedNodes(model, teacher, student) {
  const hat = chi2Rule(model.k, model.a, -angleOf(model.k, student));
  const own = chi2Rule(model.pStar, model.a, angleOf(model.pStar, teacher));
  const rows = [];
  for (let i = 0; i < hat.x.length; i++) {
    for (let j = 0; j < own.x.length; j++) {
      const w = times([hat.w[i], hat.wi[i]], [own.w[j], own.wi[j]]);
      if (sizeOf(w) > NEGLIGIBLE) rows.push([hat.x[i], hat.xi[i], own.x[j], own.xi[j], w[0], w[1]]);
    }
  }
  return ["hr", "hi", "yr", "yi", "wr", "wi"].reduce(
    (all, name, at) => ({ ...all, [name]: Float64Array.from(rows, (row) => row[at]) }), {});
}

/** Averages of one model at complex gamma. */
class Continuation {
  constructor(model) {
    this.model = model;
    this.angle = angleOf(model.pStar, TEACHER_ANGLE);
    this.nodes = turnedNodes(model, TEACHER_ANGLE, STUDENT_ANGLE);
  }

  /** All averages at gamma = [re, im] with arg(gamma - 1) > -angle. */
  at(gamma) {
    const { hr, hi, yr, yi, wr, wi } = this.nodes, { a, p, pStar, kinds } = this.model;
    const [c1, share1] = kinds[0], [c2, share2] = kinds[1] ?? [0, 0];
    const sums = new Float64Array(18); // b1 b2 t1 t2 signal slope <E0E0> <E0E1> <E1E1>
    const E = new Float64Array(4);
    for (let k = 0; k < wr.length; k++) {
      const y = yr[k], v = yi[k];
      // a + (1 - gamma) y, to which gamma B is added
      const baseR = a + y - (gamma[0] * y - gamma[1] * v), baseI = v - (gamma[0] * v + gamma[1] * y);
      for (let kind = 0; kind < kinds.length; kind++) {
        const c = kind ? c2 : c1, share = kind ? share2 : share1;
        const br = c * hr[k], bi = c * hi[k];
        const dr = baseR + gamma[0] * br - gamma[1] * bi, di = baseI + gamma[0] * bi + gamma[1] * br;
        const size = 1 / (dr * dr + di * di), ir = dr * size, ii = -di * size;
        const fr = br - y, fi = bi - v;
        const er = (2 / p) * (fr * ir - fi * ii), ei = (2 / p) * (fr * ii + fi * ir);
        E[2 * kind] = er; E[2 * kind + 1] = ei;
        const pr = share * wr[k], pi = share * wi[k];
        const ar = pr * er - pi * ei, ai = pr * ei + pi * er;
        const qr = ar * er - ai * ei, qi = ar * ei + ai * er;
        sums[0] += ar; sums[1] += ai; sums[2] += qr; sums[3] += qi;
        sums[4] += ar * y - ai * v; sums[5] += ar * v + ai * y;
        sums[6] += qr * y - qi * v; sums[7] += qr * v + qi * y;
        // w y (a + B)/den^2, and that times 2 (y - B)/den
        const jr = ir * ir - ii * ii, ji = 2 * ir * ii;
        const mr = y * (a + br) - v * bi, mi = y * bi + v * (a + br);
        const nr = mr * jr - mi * ji, ni = mr * ji + mi * jr;
        const sr = pr * nr - pi * ni, si = pr * ni + pi * nr;
        sums[8] += sr; sums[9] += si;
        const hr2 = -2 * (fr * ir - fi * ii), hi2 = -2 * (fr * ii + fi * ir);
        sums[10] += sr * hr2 - si * hi2; sums[11] += sr * hi2 + si * hr2;
      }
      this.addProducts(sums, E, wr[k], wi[k]);
    }
    const pair = (i) => [sums[2 * i], sums[2 * i + 1]];
    const unit = 2 / pStar;
    return { gamma, g: scaled(-0.5 * p, gamma), bulk: [pair(0), pair(1)], teacher: [pair(2), pair(3)],
             signal: scaled(unit, times(gamma, pair(4))),
             slope: scaled(unit, plus(pair(4), times(gamma, pair(5)))), products: [sums[12], sums[14], sums[16]] };
  }

  /** Real parts of <E_0^2>, <E_0 E_1>, <E_1^2>; E_0 belongs to c = 1, E_1 to c = 3. */
  addProducts(sums, E, w, wi) {
    const both = this.model.kinds.length === 2, three = this.model.kinds[0][0] === 3;
    const zero = both ? 2 : 0; // where E_0 is kept
    if (both || !three) sums[12] += w * (E[zero] ** 2 - E[zero + 1] ** 2) - wi * 2 * E[zero] * E[zero + 1];
    if (three) sums[16] += w * (E[0] ** 2 - E[1] ** 2) - wi * 2 * E[0] * E[1];
    if (both) sums[14] += w * (E[0] * E[2] - E[1] * E[3]) - wi * (E[0] * E[3] + E[1] * E[2]);
  }
}

/** z(g) at a complex g. */
const complexZ = (at, alpha) => plus(over([1, 0], at.g), scaled(alpha, at.bulk[0]));

/** z'/(z' - theta') at a complex g. */
function complexOverlap2(at, alpha) {
  const slope = minus(scaled(alpha, at.bulk[1]), over([1, 0], times(at.g, at.g)));
  return over(slope, minus(slope, scaled(alpha, at.teacher[1])));
}

/** Largest P |J|^-1 P over what one sample's lowest curvature can push along (hpcbbp/theory/finite/threshold.py). */
function softness(p, products, g, alpha) {
  const [both, mixed, last] = products, stiff = 1 / g ** 2;
  if (p === 1 || p === Infinity) {
    const trace = stiff - alpha * (p === 1 ? last : both);
    return trace > 0 ? 1 / trace : null;
  }
  const trace = stiff - alpha * ((p - 1) * both + last) / p;
  const traceless = stiff - alpha * (
    both + 2 * (mixed - both) / p + 2 * (both - 2 * mixed + last) / (p * (p + 2)));
  if (trace <= 0 || traceless <= 0) return null;
  return Math.max(...[1, p - 1].map((rank) => (rank / trace + (p - rank) / traceless) / p));
}
