// What is seen, in a sentence and in a table.

/** The sentence above the charts. */
function sentenceOf(state, v) {
  const [alpha, bbp] = apart(state.alpha, v.alpha_bbp);
  const here = `α = ${alpha}`, threshold = `α_{BBP} = ${bbp}`;
  const kind = v.discontinuous ? "discontinuous" : "continuous";
  if (v.lambda_star !== null) {
    const [star, minus] = apart(v.lambda_star, v.lambda_minus);
    return `${here} lies above ${threshold}, a ${kind} transition: an outlier stands at `
      + `λ* = ${star}, left of the ${v.edge} edge λ_{−} = ${minus}, `
      + `and its vector has m² = ${shown(v.overlap2, 3)} with the teacher.`;
  }
  if (state.alpha === v.alpha_bbp) {
    return `${here} is α_{BBP} itself, of a ${kind} transition: the outlier begins here.`;
  }
  if (!v.discontinuous) {
    const finite = v.edge === "sharp"
      ? "teacher, and corrections at finite N fall as powers of N."
      : "teacher; the edge is smooth here, and finite N reaches it only as 1/log N.";
    return `${here} lies below ${threshold}, a continuous transition: no eigenvector at the left edge knows the `
      + finite;
  }
  if (!v.resonance) {
    const [lower, end] = apart(state.alpha, v.resonance_end);
    return `α = ${lower} lies below ${threshold}, and below ${end}, where the resonance ends: no `
      + "eigenvector at the left edge knows the teacher, nor is there a resonance that finite samples could show.";
  }
  return belowWords(state, v, here, threshold);
}

/** The sentence where there is a resonance. */
function belowWords(state, v, here, threshold) {
  const below = `${here} lies below ${threshold}`;
  const m2 = `m² = ${shown(v.resonance.overlap2, 3)}`;
  if (!Number.isFinite(state.n)) {
    const seen = v.n_seen === null ? "" : `, of which half are still seen in samples up to N = ${shown(v.n_seen, 2)}`;
    return `${below}: at N = ∞ there is no outlier, but a resonance of ${m2}${seen}.`;
  }
  const size = shown(state.n, 3);
  if (v.alpha_bbp_n === null) {
    return `${below}; N = ${size} is too small for α_{BBP}(N), and what its samples show is not known here: `
      + `the resonance has ${m2}.`;
  }
  const [alpha, edge] = apart(state.alpha, v.alpha_bbp_n);
  const finite = `α_{BBP}(N = ${size}) = ${edge}${v.trusted ? "" : " (not trusted)"}`;
  const start = alpha.length > shown(state.alpha).length ? `α = ${alpha} lies below ${threshold}` : below;
  return state.alpha >= v.alpha_bbp_n
    ? `${start}, but above ${finite}: samples of this N show ${m2}, a resonance.`
    : `${start} and below ${finite}: the resonance of ${m2} is lost in the edge of most samples of this N.`;
}

/** Rows of the table: name of the definition, term, value, note. */
function rowsOf(state, v) {
  const r = v.resonance, finite = Number.isFinite(state.n);
  const none = "none";
  const rows = [
    ["alpha_bbp", "α_{BBP}", shown(v.alpha_bbp, 6)],
    ["kind", "transition", v.discontinuous ? "discontinuous" : "continuous",
     v.discontinuous ? `m² jumps to ${shown(v.jump_overlap2)}` : ""],
    ["a_c", "a_{c}", v.a_c === null ? "beyond 10⁶" : shown(v.a_c, 5)],
    ["alpha_c", "α_{c}", shown(v.alpha_c, 6)],
    ["edge", "left edge λ_{−}", shown(v.lambda_minus, 6),
     v.thinness === null ? "sharp" : `smooth, A = ${shown(v.thinness)}`],
    ["lambda_star", "outlier λ*", v.lambda_star === null ? none : shown(v.lambda_star, 6)],
    ["overlap2", "m²", shown(v.overlap2)],
  ];
  if (!v.discontinuous) return rows;
  if (v.lambda_star === null) {
    rows.push(["resonance", "resonance λ_{r}", r ? shown(r.lambda, 6) : none,
               r ? `m² = ${shown(r.overlap2)}, width ${shown(r.width, 3)}` : ""]);
  }
  rows.push(["resonance_end", "it ends at α", shown(v.resonance_end, 5)]);
  if (finite) {
    const trust = v.trusted ? "trusted" : "not trusted";
    rows.push(["alpha_bbp_n", "α_{BBP}(N)", v.alpha_bbp_n === null ? none : shown(v.alpha_bbp_n, 5),
               v.alpha_bbp_n === null ? "N is too small" : trust]);
  }
  if (v.lambda_star === null) {
    const seen = v.fraction_seen === null ? none : shown(v.fraction_seen, 3);
    if (finite) rows.push(["fraction_seen", "fraction seen", seen]);
    rows.push(["n_seen", "N(α)", v.n_seen === null ? none : shown(v.n_seen, 3)]);
  }
  rows.push(["alpha_0", "α_{0}", shown(v.alpha_0, 5)]);
  return rows;
}

/** Fill the table; a term leads to its definition without touching the hash, which holds the state. */
function fillTable(body, rows) {
  body.replaceChildren(...rows.map(([name, term, value, note]) => {
    const [row, head, cell] = ["tr", "th", "td"].map((tag) => document.createElement(tag));
    head.scope = "row";
    const link = document.createElement("a");
    link.href = `#def-${name}`;
    write(link, term);
    head.append(link);
    write(cell, value);
    if (note) {
      const small = document.createElement("small");
      write(small, note);
      cell.append(small);
    }
    row.append(head, cell);
    return row;
  }));
}

/** Open the definitions at the one that a link of the table leads to. */
function followDefinition(event) {
  const name = event.target.closest("a")?.getAttribute("href") ?? "";
  if (!name.startsWith("#def-")) return;
  event.preventDefault();
  document.getElementById("words").open = true;
  document.querySelectorAll("dt.found").forEach((one) => one.classList.remove("found"));
  const term = document.getElementById(name.slice(1));
  term.classList.add("found");
  term.tabIndex = -1;
  term.focus({ preventScroll: true });
  term.scrollIntoView({ block: "center" });
}
