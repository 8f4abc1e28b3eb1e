// The page: one state, and all that is shown of it.

const element = (id) => document.getElementById(id);

const PANELS = {
  phase: { draw: (svg) => drawPhase(svg, state, values) },
  overlap: { draw: (svg) => drawOverlap(svg, state, values, reach) },
  spectrum: { draw: (svg) => drawSpectrum(svg, state, values) },
};

let state = initialState(), values = null, reach = 0, waiting = 0;

/** Take a change of the state; where it comes from says what must stay as it is while somebody drags. */
function change(patch, source) {
  const before = state;
  state = { ...state, ...patch };
  if (source === "drag" || source === "key") {
    for (const name of ["a", "alpha"]) {
      const [low, high] = SETTINGS.limits[name];
      state[name] = Math.min(high, Math.max(low, Number(state[name].toPrecision(4))));
    }
  }
  for (const name of NAMES) if (name in patch) sayError(name, "");
  const moved = ["p", "p_star", "a"].some((name) => before[name] !== state[name]);
  const held = values && !moved && ["slider", "drag", "key"].includes(source) && state.alpha <= reach;
  refresh(held);
}

/** Compute what is said of the state, say it, and draw the panels one after the other, so that sliders stay quick. */
function refresh(held = false) {
  values = valuesAt(state);
  if (!held) reach = Math.max(2 * values.alpha_bbp, 1.25 * state.alpha);
  showControls(state, reach);
  write(element("sentence"), sentenceOf(state, values));
  fillTable(element("table"), rowsOf(state, values));
  element("command").textContent = commandOf(state);
  element("told").textContent = "";
  for (const button of document.querySelectorAll("[data-view]")) {
    button.setAttribute("aria-pressed", String(button.dataset.view === state.view));
  }
  if (location.hash !== toHash(state)) history.replaceState(null, "", toHash(state));
  drawSoon(Object.keys(PANELS));
}

/** Draw panels, each in its own turn; a newer state takes the place of what still waits. */
function drawSoon(names) {
  clearTimeout(waiting);
  document.querySelector("main").setAttribute("aria-busy", "true");
  const [name, ...rest] = [...names].sort((one, other) => (one === "overlap" ? -1 : other === "overlap" ? 1 : 0));
  waiting = setTimeout(() => {
    drawPanel(name);
    if (rest.length) drawSoon(rest);
    else document.querySelector("main").setAttribute("aria-busy", "false");
  }, 0);
}

function drawPanel(name) {
  const panel = PANELS[name];
  panel.chart = panel.draw(panel.svg);
  panel.show();
}

/** Read the address: what it says well is taken, the rest is told. */
function readHash() {
  const { patch, errors } = fromHash(location.hash);
  state = { ...state, ...patch };
  for (const name of NAMES) sayError(name, "");
  refresh();
  for (const [name, text] of Object.entries(errors)) sayError(name, text);
}

/** Once, when the page is there. */
function start() {
  for (const [name, panel] of Object.entries(PANELS)) {
    panel.svg = element(name).querySelector("svg");
    panel.readout = element(`${name}-readout`);
    panel.chart = { reading: draw(panel.svg, "g"), start: [0, 0] };
    connectReading(panel, change);
  }
  connectControls(change, () => reach);
  for (const button of document.querySelectorAll("[data-view]")) {
    button.addEventListener("click", () => change({ view: button.dataset.view }, "slider"));
  }
  element("table").addEventListener("click", followDefinition);
  element("copy").addEventListener("click", () => copyCommand(element("command"), element("told")));
  element("save").addEventListener("click", () => {
    saveAs("hpcbbp-explore.svg", pictureOf(Object.values(PANELS), state), "image/svg+xml");
  });
  window.addEventListener("hashchange", () => { if (location.hash !== toHash(state)) readHash(); });
  let width = innerWidth;
  window.addEventListener("resize", () => {
    if (innerWidth !== width && values) drawSoon(Object.keys(PANELS));
    width = innerWidth;
  });
  readHash();
}

window.hpcbbp = Object.freeze({
  values: (point) => valuesAt({ ...point, p: numberOf(point.p), n: numberOf(point.n ?? "inf") }),
  picture: () => pictureOf(Object.values(PANELS), state),
});
start();
