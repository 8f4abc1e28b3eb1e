// The picture as one SVG file, and the command for the clipboard.

const GAP = 14;

/** Styles of the charts with the colours that are in use now. */
function chartStyle() {
  const colours = getComputedStyle(document.documentElement);
  return document.getElementById("chart-style").textContent.replace(
    /var\((--[\w-]+)\)/g, (_, name) => colours.getPropertyValue(name).trim());
}

/** All panels in one SVG: two beside each other if the page is wide, the spectrum below. */
function pictureOf(panels, state) {
  const root = document.createElementNS(SVG_NS, "svg");
  draw(root, "style").textContent = chartStyle();
  const paper = draw(root, "rect", { fill: getComputedStyle(document.documentElement).getPropertyValue("--panel") });
  const sizes = panels.map(({ svg }) => svg.getAttribute("viewBox").split(" ").slice(2).map(Number));
  const beside = sizes[2][0] > 1.5 * sizes[0][0];
  let [x, y, width] = [0, 0, 0];
  panels.forEach(({ svg }, i) => {
    const copy = svg.cloneNode(true), [w, h] = sizes[i];
    copy.querySelector(".reading")?.remove();
    for (const name of ["tabindex", "role", "class", "aria-describedby", "aria-roledescription"]) {
      copy.removeAttribute(name);
    }
    for (const [name, value] of Object.entries({ x, y, width: w, height: h })) copy.setAttribute(name, value);
    root.append(copy);
    width = Math.max(width, x + w);
    if (beside && i === 0) x = w + GAP;
    else [x, y] = [0, y + h + GAP];
  });
  const words = NAMES.map((name) => `${SYMBOLS[name]} = ${shown(state[name], 6)}`).join(", ");
  label(root, 14, y + 8, `${words}; hpcbbp ${SETTINGS.version}`, { class: "note" });
  const height = y + 22;
  for (const [name, value] of Object.entries({ xmlns: SVG_NS, width, height, viewBox: `0 0 ${width} ${height}` })) {
    root.setAttribute(name, value);
  }
  paper.setAttribute("width", width);
  paper.setAttribute("height", height);
  return new XMLSerializer().serializeToString(root);
}

/** Hand a text to the reader as a file. */
function saveAs(name, text, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** Put the command on the clipboard; where a browser refuses, it is selected, to be copied by hand. */
async function copyCommand(code, told) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    told.textContent = "Copied.";
  } catch {
    getSelection().selectAllChildren(code);
    told.textContent = document.execCommand("copy") ? "Copied." : "Selected: copy it by hand.";
  }
}
