// Averages over chi-square variables: the rule of hpcbbp/theory/limit/quadrature.py, to about 1e-10.
//
// With x = exp(t) the trapezoidal rule in t converges geometrically, however small the loss constant is;
// t = u - exp(u0 - u) shortens the left tail. The page needs fewer digits than the package, hence fewer nodes.

const TAIL = 30; // what adds less than exp(-30) of the largest term is left out
const AGREE = 1e-7; // of two successive rules; the finer one is then right to some 1e-10

/** Nodes x = exp(t + i angle) and weights for x ~ chi2_k/k, as real and imaginary parts. */
function ruleOfStep(k, a, step, angle) {
  const u0 = Math.min(Math.log(a), 0) - 4;
  const cos = Math.cos(angle), sin = Math.sin(angle);
  const found = [];
  let [top0, top1] = [-Infinity, -Infinity];
  for (let i = Math.floor((u0 - 6) / step); i <= Math.ceil(6 / step); i++) {
    const shift = Math.exp(u0 - step * i);
    const t = step * i - shift;
    const size = Math.exp(t);
    // (k/2)(z - expm1(z)) of z = t + i angle, and the Jacobian of u -> t.
    const real = 0.5 * k * (t - (angle ? size * cos - 1 : Math.expm1(t))) + Math.log1p(shift);
    const imaginary = 0.5 * k * (angle - size * sin);
    const scores = [real + 3 * Math.max(t, 0), real - 3 * Math.log(a + size)];
    [top0, top1] = [Math.max(top0, scores[0]), Math.max(top1, scores[1])];
    found.push({ size, real, imaginary, scores });
  }
  const kept = found.filter((at) => at.scores[0] > top0 - TAIL || at.scores[1] > top1 - TAIL);
  const rule = { x: [], xi: [], w: [], wi: [] };
  let [sum, sumi] = [0, 0];
  for (const at of kept) {
    const weight = Math.exp(at.real);
    rule.x.push(at.size * cos);
    rule.xi.push(at.size * sin);
    rule.w.push(weight * Math.cos(at.imaginary));
    rule.wi.push(weight * Math.sin(at.imaginary));
    sum += weight * Math.cos(at.imaginary);
    sumi += weight * Math.sin(at.imaginary);
  }
  const size = sum * sum + sumi * sumi;
  for (let i = 0; i < kept.length; i++) {
    const [w, wi] = [rule.w[i], rule.wi[i]];
    rule.w[i] = (w * sum + wi * sumi) / size;
    rule.wi[i] = (wi * sum - w * sumi) / size;
  }
  return rule;
}

/** Averages of the kind that theory wants: moments, and inverse powers of a + x and a + 3x. */
function probes(a, rule) {
  const sums = new Array(14).fill(0);
  for (let i = 0; i < rule.x.length; i++) {
    const x = rule.x[i], xi = rule.xi[i];
    const add = (at, re, im) => {
      sums[at] += rule.w[i] * re - rule.wi[i] * im;
      sums[at + 1] += rule.w[i] * im + rule.wi[i] * re;
    };
    add(0, x, xi);
    add(2, x * (x * x - 3 * xi * xi), xi * (3 * x * x - xi * xi));
    [1, 3].forEach((c, at) => {
      const re = a + c * x, im = c * xi, size = re * re + im * im;
      const inverse = re / size, inverseI = -im / size;
      add(4 + 4 * at, inverse, inverseI);
      add(6 + 4 * at, inverse * (inverse ** 2 - 3 * inverseI ** 2), inverseI * (3 * inverse ** 2 - inverseI ** 2));
    });
  }
  return sums;
}

function agree(one, other) {
  for (let i = 0; i < one.length; i += 2) {
    const size = Math.hypot(one[i], one[i + 1]);
    if (Math.hypot(one[i] - other[i], one[i + 1] - other[i + 1]) > AGREE * size) return false;
  }
  return true;
}

const rules = new Map();

/** Nodes and weights for x ~ chi2_k/k, x = 1 for k = Infinity; kept, since they are asked for again and again. */
function chi2Rule(k, a, angle = 0) {
  if (k === Infinity) return { x: [1], xi: [0], w: [1], wi: [0] };
  const key = `${k} ${a} ${angle}`;
  if (!rules.has(key)) {
    if (rules.size > 500) rules.clear();
    let step = 0.5 * Math.min(1, Math.sqrt(2 / k));
    let rule, last, sums;
    for (let i = 0; i < 8; i++, step *= 0.7, last = sums) {
      rule = ruleOfStep(k, a, step, angle);
      sums = probes(a, rule);
      if (last && agree(sums, last)) break;
    }
    rules.set(key, rule);
  }
  return rules.get(key);
}

/** A root of f between low and high, where f has two signs, by Brent's method. */
function rootOf(f, low, high, tolerance = 1e-13) {
  let [a, b, fa, fb] = [low, high, f(low), f(high)];
  if (fa * fb > 0) return NaN;
  let [c, fc, d, e] = [a, fa, b - a, b - a];
  for (let i = 0; i < 200 && fb !== 0; i++) {
    if (fb * fc > 0) [c, fc, d, e] = [a, fa, b - a, b - a];
    if (Math.abs(fc) < Math.abs(fb)) [a, b, c, fa, fb, fc] = [b, c, b, fb, fc, fb];
    const least = tolerance * Math.abs(b) + 1e-300, half = 0.5 * (c - b);
    if (Math.abs(half) <= least) break;
    if (Math.abs(e) >= least && Math.abs(fa) > Math.abs(fb)) {
      let s = fb / fa, p, q;
      if (a === c) {
        [p, q] = [2 * half * s, 1 - s];
      } else {
        const r = fb / fc, t = fa / fc;
        p = s * (2 * half * t * (t - r) - (b - a) * (r - 1));
        q = (t - 1) * (r - 1) * (s - 1);
      }
      if (p > 0) q = -q;
      p = Math.abs(p);
      if (2 * p < Math.min(3 * half * q - Math.abs(least * q), Math.abs(e * q))) [e, d] = [d, p / q];
      else [d, e] = [half, half];
    } else [d, e] = [half, half];
    [a, fa] = [b, fb];
    b += Math.abs(d) > least ? d : Math.sign(half) * least;
    fb = f(b);
  }
  return b;
}
