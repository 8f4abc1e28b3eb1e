// The reading cursor of a chart: under the pointer, or moved by arrow keys; Enter or a click takes its place.

const STEPS = 120; // of arrow keys across a chart
const HINT = "Point here, or focus and use arrow keys, to read values";
const TAKING = "; click or Enter takes them";

/** Connect a panel's svg to what it reads; `panel.chart` is drawn anew whenever the state changes. */
function connectReading(panel, change) {
  const { svg, readout } = panel;
  const inside = (value, low, high) => Math.max(low, Math.min(high, value));
  panel.cursor = null;

  /** Show what is read at a pixel of the chart. */
  panel.show = () => {
    const { chart, cursor } = panel;
    chart.reading.replaceChildren();
    if (!cursor) { write(readout, `${HINT}${chart.take ? TAKING : ""}.`); return; }
    const { box, X, Y } = chart;
    cursor[0] = inside(cursor[0], box.left, box.right);
    cursor[1] = inside(cursor[1], box.top, box.bottom);
    const { text, mark, x } = chart.read(X.inverse(cursor[0]), Y.inverse(cursor[1]));
    const at = x === undefined ? cursor[0] : X(x);
    draw(chart.reading, "line", { x1: at, x2: at, y1: box.top, y2: box.bottom });
    if (chart.vertical) draw(chart.reading, "line", { x1: box.left, x2: box.right, y1: cursor[1], y2: cursor[1] });
    if (mark) {
      const y = Y(mark[1]);
      if (y >= box.top - 1 && y <= box.bottom + 1) draw(chart.reading, "circle", { cx: X(mark[0]), cy: y, r: 4 });
    }
    write(readout, text);
  };

  const take = (source) => {
    const { chart, cursor } = panel;
    if (!chart.take || !cursor) return;
    change(chart.take(chart.X.inverse(cursor[0]), chart.Y.inverse(cursor[1])), source);
  };
  const point = (event) => {
    const bounds = svg.getBoundingClientRect(), [, , width] = svg.getAttribute("viewBox").split(" ").map(Number);
    const scale = width / bounds.width;
    panel.cursor = [(event.clientX - bounds.left) * scale, (event.clientY - bounds.top) * scale];
    panel.show();
  };
  svg.addEventListener("pointermove", (event) => {
    point(event);
    if (panel.chart.drag && event.buttons === 1) take("drag");
  });
  svg.addEventListener("pointerdown", (event) => { point(event); take("drag"); });
  svg.addEventListener("pointerleave", () => {
    if (document.activeElement !== svg) { panel.cursor = null; panel.show(); }
  });
  svg.addEventListener("focus", () => {
    const { X, Y, start } = panel.chart;
    panel.cursor = panel.cursor ?? [X(start[0]), Y(start[1])];
    panel.show();
  });
  svg.addEventListener("blur", () => { panel.cursor = null; panel.show(); });
  svg.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key === "Enter") take("key");
    const move = moves[event.key];
    if (!move || !panel.cursor) return;
    event.preventDefault();
    const { box } = panel.chart, factor = event.shiftKey ? 10 : 1;
    panel.cursor[0] += factor * move[0] * (box.right - box.left) / STEPS;
    panel.cursor[1] += factor * move[1] * (box.bottom - box.top) / STEPS;
    panel.show();
  });
}
