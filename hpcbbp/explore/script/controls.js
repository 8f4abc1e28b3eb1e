// Sliders and number fields. A slider goes through stops, or through a range that fits the model; a field takes any
// value of its limits, and says what is wanted where it is given another.

const STOPS = {
  p: [1, 2, 3, 4, 5, 6, 8, 10, 16, 32, 100, 500, Infinity],
  p_star: [1, 2, 3, 4, 5, 6, 8, 10, 16, 32, 100],
  n: [...sizes(3, 20), Infinity],
};
const A_STEPS = 50; // of the slider of a, per decade

/** 1, 2, 5 times powers of ten. */
function sizes(from, to) {
  const found = [];
  for (let k = from; k < to; k++) found.push(...[1, 2, 5].map((factor) => Number(`${factor}e${k}`)));
  return [...found, Number(`1e${to}`)];
}

/** The step of the slider of alpha: a round number, some hundredths of the range. */
function alphaStep(reach) {
  const power = 10 ** Math.floor(Math.log10(reach / 200));
  return power * lastWhere([1, 2, 5, 10], (factor) => factor * power <= reach / 200);
}

/** Where a slider stands for a value. */
function sliderOf(name, value, reach) {
  if (name === "a") return Math.log10(value) * A_STEPS;
  if (name === "alpha") return value / alphaStep(reach);
  const log = (x) => Math.log(x === Infinity ? 1e40 : x);
  const stops = STOPS[name];
  return stops.reduce((best, stop, i) => (Math.abs(log(stop) - log(value)) < Math.abs(log(stops[best]) - log(value))
    ? i : best), 0);
}

/** The value of a slider's place. */
function valueOf(name, place, reach) {
  if (name === "a") return Number((10 ** (place / A_STEPS)).toPrecision(3));
  if (name === "alpha") return Number((place * alphaStep(reach)).toPrecision(10));
  return STOPS[name][place];
}

/** Ends of a slider. */
function endsOf(name, reach) {
  if (name === "a") return [-2 * A_STEPS, 2 * A_STEPS];
  if (name === "alpha") return [1, Math.floor(reach / alphaStep(reach))];
  return [0, STOPS[name].length - 1];
}

/** Connect sliders and fields; change(patch, source) is told what was chosen. */
function connectControls(change, reach) {
  for (const name of NAMES) {
    const slider = document.getElementById(`${name}-slider`), field = document.getElementById(name);
    slider.step = 1;
    slider.addEventListener("input", () => {
      change({ [name]: valueOf(name, Number(slider.value), reach()) }, "slider");
    });
    const read = () => {
      const { value, error } = parseField(name, field.value);
      if (error) sayError(name, error);
      else change({ [name]: value }, "field");
    };
    field.addEventListener("change", read); // not at every key: 1 is no value of whoever types 1.5 or 1e6
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") { event.preventDefault(); read(); }
    });
  }
  document.getElementById("controls").addEventListener("submit", (event) => event.preventDefault());
}

/** Say beside a field what is wrong with it; an empty text takes that back. */
function sayError(name, text) {
  const field = document.getElementById(name);
  field.setAttribute("aria-invalid", text ? "true" : "false");
  document.getElementById(`${name}-error`).textContent = text;
}

/** Show the state in sliders and fields; what a field says wrongly stays there until it is mended. */
function showControls(state, reach) {
  for (const name of NAMES) {
    const slider = document.getElementById(`${name}-slider`), field = document.getElementById(name);
    [slider.min, slider.max] = endsOf(name, reach);
    slider.value = sliderOf(name, state[name], reach);
    slider.setAttribute("aria-valuetext", shown(state[name], 6));
    if (field.getAttribute("aria-invalid") !== "true") field.value = plain(state[name]);
  }
}
