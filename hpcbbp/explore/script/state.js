// What is chosen: five numbers and a view. Read from fields and from the hash of the address, and checked.

const SETTINGS = JSON.parse(document.getElementById("settings").textContent);

const NAMES = ["p", "p_star", "a", "alpha", "n"];
const SYMBOLS = { p: "p", p_star: "p*", a: "a", alpha: "α", n: "N" };
const WHOLE = ["p", "p_star", "n"], INFINITE = ["p", "n"];
const VIEWS = ["bulk", "edge"];

/** A value as it is typed: {value}, or {error} in words that say what is wanted. */
function parseField(name, text) {
  const value = numberOf(text), [low, high] = SETTINGS.limits[name];
  const whole = WHOLE.includes(name), infinite = INFINITE.includes(name);
  if (value === Infinity && infinite) return { value };
  if (value >= low && value <= high && (!whole || Number.isInteger(value))) return { value };
  const word = String(text).trim().slice(0, 20) || "nothing";
  return { error: `${SYMBOLS[name]} = ${word}: a ${whole ? "whole " : ""}number from ${plain(low)} to ${plain(high)}`
    + `${infinite ? ", or inf," : ""} is wanted` };
}

/** The part of a state that the hash of an address holds, and what was wrong with the rest. */
function fromHash(hash) {
  const patch = {}, errors = {};
  for (const [name, text] of new URLSearchParams(hash.replace(/^#/, "").replace(/\+/g, "%2B"))) {
    if (name === "view" && VIEWS.includes(text)) patch.view = text;
    if (!NAMES.includes(name)) continue;
    const { value, error } = parseField(name, text);
    if (error) errors[name] = error;
    else {
      patch[name] = value;
      delete errors[name];  // the last word counts
    }
  }
  return { patch, errors };
}

/** The hash of a state. */
const toHash = (state) => `#${NAMES.map((name) => `${name}=${plain(state[name])}`).join("&")}&view=${state.view}`;

/** What the page begins with. */
function initialState() {
  const state = { view: "bulk" };
  for (const name of NAMES) state[name] = numberOf(SETTINGS.initial[name]);
  return state;
}

/** The same on the command line. */
function commandOf(state) {
  const words = [`-p ${plain(state.p)}`, `--p-star ${plain(state.p_star)}`, `-a ${plain(state.a)}`,
                 `--alpha ${plain(state.alpha)}`];
  if (Number.isFinite(state.n)) words.push(`-n ${plain(state.n)}`);
  return `hpcbbp theory ${words.join(" ")}`;
}
