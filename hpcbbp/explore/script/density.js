// The bulk's density: hpcbbp/theory/limit/density.py. rho(x) = -Im g(x + i0)/pi, z(g) = x, along turned contours.

const DENSITY_ANGLE = 0.7;

/** z(g) and g(x) of one model for Im g <= 0. */
class Bulk {
  constructor(p, pStar, a) {
    const model = averagesOf(p, pStar, a);
    const { hr, hi, yr, yi, wr, wi } = turnedNodes(model, DENSITY_ANGLE, DENSITY_ANGLE);
    const count = wr.length * model.kinds.length;
    Object.assign(this, { dr: new Float64Array(count), di: new Float64Array(count),
                          wr: new Float64Array(count), wi: new Float64Array(count), model });
    let at = 0;
    for (const [c, share] of model.kinds) {
      for (let k = 0; k < wr.length; k++, at++) {
        const d = over([c * hr[k] - yr[k], c * hi[k] - yi[k]], [a + yr[k], yi[k]]);
        this.dr[at] = 2 / model.p * d[0];
        this.di[at] = 2 / model.p * d[1];
        this.wr[at] = share * wr[k];
        this.wi[at] = share * wi[k];
      }
    }
  }

  /** z and dz/dg. */
  z(g, alpha) {
    const { dr, di, wr, wi } = this, [gr, gi] = g;
    let [ar, ai, br, bi] = [0, 0, 0, 0];
    for (let k = 0; k < wr.length; k++) {
      const lr = 1 - (gr * dr[k] - gi * di[k]), li = -(gr * di[k] + gi * dr[k]);
      const size = 1 / (lr * lr + li * li);
      const er = (dr[k] * lr + di[k] * li) * size, ei = (di[k] * lr - dr[k] * li) * size;
      const vr = wr[k] * er - wi[k] * ei, vi = wr[k] * ei + wi[k] * er;
      ar += vr; ai += vi;
      br += vr * er - vi * ei; bi += vr * ei + vi * er;
    }
    const inverse = over([1, 0], g), square = times(inverse, inverse);
    return [[inverse[0] + alpha * ar, inverse[1] + alpha * ai], [alpha * br - square[0], alpha * bi - square[1]]];
  }

  /** {g, slope} with z(g) = x + i height, by Newton's method; null unless it settles below the real line. */
  newton(x, height, guess, alpha, most) {
    let g = guess, slope = [1, 0];
    for (let i = 0; i < most; i++) {
      let value;
      [value, slope] = this.z(g, alpha);
      const step = over([value[0] - x, value[1] - height], slope);
      const size = sizeOf(step), down = -g[1], rise = -step[1];
      let part = Math.min(1, 0.5 * sizeOf(g) / Math.max(size, 1e-300));
      if (height > 0 && rise > 0.75 * down) part = Math.min(part, 0.75 * down / rise);
      g = minus(g, scaled(part, step));
      if (part === 1 && size < 1e-8 * sizeOf(g)) return g[1] <= 1e-8 * sizeOf(g) ? { g, slope } : null;
    }
    return height > 0 ? { g, slope } : null;
  }

  /** The same at x + i0, continued from far above the real line. */
  descend(x, alpha) {
    let height = 10 * (1 + Math.abs(x) + alpha), found = { g: over([1, 0], [x, height]) };
    while (height > 0 && found) {
      height = height > 1e-3 ? 0.3 * height : 0;
      found = this.newton(x, height, found.g, alpha, height > 0 ? 4 : 60);
    }
    return found;
  }

  /** rho at one x, {x, rho, g, slope}: along the tangent from a point nearby, or from above if that fails. */
  at(x, alpha, near = null) {
    let found = null;
    if (near?.g) {
      const ahead = plus(near.g, over([x - near.x, 0], near.slope));
      found = this.newton(x, 0, ahead[1] < 0 ? ahead : near.g, alpha, 8);
    }
    found = found ?? this.descend(x, alpha);
    return { x, ...(found ?? { g: null }), rho: found ? Math.max(0, -found.g[1] / Math.PI) : NaN };
  }
}

const bulks = new Map();

/** The bulk of a model, made once. */
function bulkOf(p, pStar, a) {
  const key = `${p} ${pStar} ${a}`;
  if (!bulks.has(key)) {
    if (bulks.size > 12) bulks.clear();
    bulks.set(key, new Bulk(p, pStar, a));
  }
  return bulks.get(key);
}

/** The size of eigenvalues of the bulk: the root of their mean square, or of that of D for few samples. */
const spreadOf = (model, alpha) => Math.sqrt(Math.max(1, alpha) * model.moments(0).bulk[1]);

/** Distances from the left edge at which the density is worth drawing: near the edge, over the bulk, around 0. */
function densityGrid(bulk, spectrum, alpha) {
  const lambda = spectrum.lambdaMinus, middle = alpha * bulk.model.moments(0).bulk[0];
  const spread = spreadOf(bulk.model, alpha), end = middle - lambda + 5 * spread;
  const grid = [];
  for (let i = 0; i <= 40; i++) grid.push(middle - lambda + spread * (0.2 * i - 4)); // a bulk far from its smooth edge
  for (let i = 1; i <= 80; i++) grid.push(end * (i / 80) ** 1.7);
  for (let i = 0; i < 24; i++) grid.push(end * 10 ** (-5 + 3.4 * i / 24));
  if (spectrum.thinness !== null) {
    for (let i = 0; i < 24; i++) grid.push(spectrum.thinness / (45 - 43 * i / 23));
  }
  if (alpha < 3) { // a sharp maximum at 0 around alpha = 1
    for (let i = 0; i <= 16; i++) {
      const beside = end * 10 ** (-5 + 3.5 * i / 16);
      grid.push(beside - lambda, -beside - lambda);
    }
  }
  return grid.filter((x) => x > 0 && x <= end && Math.abs(x + lambda) > 1e-9).sort((x, y) => x - y);
}

/** The density as points {x, rho, g} in ascending x, from the right, where it is easily found, to the left. */
function densityCurve(p, pStar, a, alpha) {
  const bulk = bulkOf(p, pStar, a), spectrum = spectrumOf(p, pStar, a, alpha);
  const curve = [];
  let near = null;
  for (const distance of densityGrid(bulk, spectrum, alpha).reverse()) {
    const x = spectrum.lambdaMinus + distance;
    if (alpha <= 1 && curve.length && lastOf(curve).x > 0 && x < 0) near = null; // past the pole at 0
    const point = bulk.at(x, alpha, near);
    if (Number.isFinite(point.rho)) curve.push(point);
    near = point;
  }
  curve.reverse();
  for (let i = 0; i < 3; i++) refine(curve, bulk, alpha);
  return curve;
}

/** The largest density away from a sharp maximum at 0: as high as it is worth drawing. */
function heightOf(curve, spread) {
  const whole = Math.max(...curve.map(({ rho }) => rho));
  const away = Math.max(...curve.filter(({ x }) => Math.abs(x) > 0.15 * spread).map(({ rho }) => rho));
  return Number.isFinite(away) ? Math.min(whole, 2.5 * away) : whole;
}

/** Insert points where the density is steep, also in its logarithm, as at a smooth edge. */
function refine(curve, bulk, alpha) {
  const high = heightOf(curve, spreadOf(bulk.model, alpha)), cut = (point) => Math.min(point.rho, high);
  for (let i = curve.length - 1; i > 0; i--) {
    const [left, right] = [curve[i - 1], curve[i]];
    const rising = left.rho > 1e-10 * high && right.rho > 1.6 * left.rho;
    if (rising || Math.abs(cut(left) - cut(right)) > 0.025 * high) {
      const point = bulk.at(0.5 * (left.x + right.x), alpha, right);
      if (Number.isFinite(point.rho)) curve.splice(i, 0, point);
    }
  }
}
