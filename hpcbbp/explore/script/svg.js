// SVG: elements, scales, axes. A chart is drawn at the width it has on the page, so that its text keeps its size.

const SVG_NS = "http://www.w3.org/2000/svg";

/** An SVG element with attributes, appended to a parent. */
function draw(parent, name, attributes = {}) {
  const element = document.createElementNS(SVG_NS, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent.append(element);
  return element;
}

/** Text with subscripts, as "α_{BBP}". */
function label(parent, x, y, text, attributes = {}) {
  const element = draw(parent, "text", { x: round(x), y: round(y), ...attributes });
  let lowered = false;
  for (const part of text.split(/(_\{[^}]*\})/).filter(Boolean)) {
    const sub = part.startsWith("_{");
    const span = draw(element, "tspan", sub ? { dy: 3, "font-size": "80%" } : lowered ? { dy: -3 } : {});
    span.textContent = sub ? part.slice(2, -1) : part;
    lowered = sub;
  }
  return element;
}

const round = (value) => Math.round(value * 100) / 100;

/** A path through points; those that are no numbers break it. */
function pathOf(points) {
  let [path, pen] = ["", "M"];
  for (const [x, y] of points) {
    if (!Number.isFinite(x) || !Number.isFinite(y)) { pen = "M"; continue; }
    path += `${pen}${round(Math.max(-1e4, Math.min(1e4, x)))} ${round(Math.max(-1e4, Math.min(1e4, y)))}`;
    pen = "L";
  }
  return path || "M0 0";
}

/** Round values from low to high, about `count` of them. */
function linearTicks(low, high, count) {
  if (!(high > low)) return [];
  const raw = (high - low) / count, power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= raw * 0.999);
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high * (1 + 1e-12) + 1e-12 * step; i++) {
    ticks.push(Number((i * step).toPrecision(12)));
  }
  return ticks;
}

/** Powers of ten from low to high, thinned out if there are many, with 2 and 5 times them if there are few. */
function logTicks(low, high, count) {
  if (!(low > 0 && high > low)) return [];
  const decades = Math.log10(high / low), ticks = [];
  const every = Math.max(1, Math.ceil(decades / count));
  const factors = decades < count / 3 ? [1, 2, 5] : [1];
  for (let k = Math.floor(Math.log10(low)); k <= Math.log10(high); k++) {
    for (const factor of factors) {
      const tick = Number((factor * 10 ** k).toPrecision(6));
      if (k % every === 0 && tick >= low * 0.999 && tick <= high * 1.001) ticks.push(tick);
    }
  }
  return ticks;
}

/** A scale from values to pixels, with its inverse and its ticks. */
function scaleOf({ domain: [low, high], log = false }, from, to, count) {
  const of = log ? Math.log : (x) => x, back = log ? Math.exp : (x) => x;
  const scale = (value) => from + (to - from) * (of(value) - of(low)) / (of(high) - of(low));
  scale.inverse = (pixel) => back(of(low) + (of(high) - of(low)) * (pixel - from) / (to - from));
  scale.ticks = log ? logTicks(low, high, count) : linearTicks(low, high, count);
  scale.domain = [low, high];
  return scale;
}

/** How ticks are written: powers of ten as such where they are far from 1. */
const tickText = (value, log = false) => {
  const size = Math.abs(value);
  const far = size !== 0 && (size < 1e-3 || size >= 1e5 || (log && size < 1e-2));
  return far ? shown(value, 3) : String(value).replace("-", "−");
};

/** Axes of a chart in a cleared svg: {svg, X, Y, plot, over, box}. `right` is a second vertical axis. */
function axes(svg, { height, x, y, right, legend = [] }) {
  svg.replaceChildren();
  const width = Math.max(260, svg.clientWidth || 600);
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("height", height);
  const box = { left: 58, right: width - (right ? 46 : 14), top: 10, bottom: height - 42 };
  box.top += drawLegend(svg, legend, box);
  const columns = Math.max(3, Math.floor((box.right - box.left) / 75));
  const X = scaleOf(x, box.left, box.right, columns), Y = scaleOf(y, box.bottom, box.top, 6);
  const grid = draw(svg, "g", { class: "grid" }), ticks = draw(svg, "g", { class: "ticks" });
  for (const tick of X.ticks) {
    const at = round(X(tick));
    draw(grid, "line", { x1: at, x2: at, y1: box.top, y2: box.bottom });
    draw(ticks, "line", { x1: at, x2: at, y1: box.bottom, y2: box.bottom + 4 });
    label(ticks, at, box.bottom + 17, tickText(tick), { "text-anchor": "middle" });
  }
  for (const tick of Y.ticks) {
    const at = round(Y(tick));
    draw(grid, "line", { x1: box.left, x2: box.right, y1: at, y2: at });
    draw(ticks, "line", { x1: box.left - 4, x2: box.left, y1: at, y2: at });
    label(ticks, box.left - 7, at + 4, tickText(tick, y.log), { "text-anchor": "end" });
  }
  const R = right ? scaleOf(right, box.bottom, box.top, 5) : null;
  for (const tick of R?.ticks ?? []) {
    draw(ticks, "line", { x1: box.right, x2: box.right + 4, y1: R(tick), y2: R(tick) });
    label(ticks, box.right + 7, R(tick) + 4, tickText(tick));
  }
  label(svg, (box.left + box.right) / 2, height - 7, x.label, { "text-anchor": "middle" });
  const middle = (box.top + box.bottom) / 2;
  label(svg, 13, middle, y.label, { "text-anchor": "middle", transform: `rotate(-90 13 ${middle})` });
  if (right) {
    label(svg, width - 5, middle, right.label, { "text-anchor": "middle", class: right.class ?? "",
                                                 transform: `rotate(-90 ${width - 5} ${middle})` });
  }
  const clip = `clip-${svg.parentElement.id}`;
  const path = draw(draw(svg, "defs"), "clipPath", { id: clip });
  draw(path, "rect", { x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top });
  const plot = draw(svg, "g", { "clip-path": `url(#${clip})` });
  draw(svg, "rect", { class: "frame", x: box.left, y: box.top, width: box.right - box.left,
                      height: box.bottom - box.top });
  return { svg, X, Y, R, box, plot, over: draw(svg, "g"), reading: draw(svg, "g", { class: "reading" }) };
}

/** Lines and their meaning in rows above the plot; returns the height they take. */
function drawLegend(svg, items, box) {
  let [x, y] = [box.left, 12];
  for (const { text, kind } of items) {
    const width = 34 + 6.1 * text.replace(/_\{|\}/g, "").length;
    if (x > box.left && x + width > box.right + 8) [x, y] = [box.left, y + 17];
    draw(svg, "path", { class: kind, d: `M${round(x)} ${y - 4}L${round(x + 22)} ${y - 4}` });
    label(svg, x + 28, y, text, { class: "note" });
    x += width + 12;
  }
  return items.length ? y + 1 : 0;
}
