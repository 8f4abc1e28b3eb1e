// Numbers and symbols in words, and the ends of lists.
// "α_{BBP}" is written so, and becomes a subscript wherever it is shown.

const SUPERSCRIPT = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

/** 10^k with a superscript. */
const powerOfTen = (k) => `10${[...String(k)].map((one) => SUPERSCRIPT[one]).join("")}`;

/** A number with so many significant digits, as people write it: 0.076, 1.6 × 10⁻⁵, ∞. */
function shown(value, digits = 4) {
  if (value === Infinity) return "∞";
  if (value === 0) return "0";
  const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
  const power = Number(exponent);
  if (power >= 6 || power < -3) {
    const number = String(Number(mantissa));
    return `${number === "1" ? "" : `${number}\u00a0×\u00a0`}${powerOfTen(power)}`.replace("-", "−");
  }
  return String(Number(value.toPrecision(digits))).replace("-", "−");
}

/** Two numbers with as many digits as it takes to tell them apart. */
function apart(one, other, digits = 4) {
  while (digits < 17 && one !== other && shown(one, digits) === shown(other, digits)) digits += 1;
  return [shown(one, digits), shown(other, digits)];
}

/** The same in plain characters, for fields, the hash and the command: 1e6, 1.5, inf. */
function plain(value) {
  if (value === Infinity) return "inf";
  const short = Number.isSafeInteger(value) ? value : Number(value.toPrecision(12));
  return (short >= 1e6 ? short.toExponential() : String(short)).replace("e+", "e");
}

/** A real number in plain characters, NaN for anything else; "inf" and "∞" are infinite. */
function numberOf(text) {
  const word = String(text).trim().replace("−", "-").replace(",", ".");
  if (/^(inf|infinity|∞)$/i.test(word)) return Infinity;
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(word) ? Number(word) : NaN;
}

/** Text with subscripts as the children of an HTML element. */
function write(element, text) {
  element.replaceChildren(...text.split(/(_\{[^}]*\})/).filter(Boolean).map((part) => {
    if (!part.startsWith("_{")) return part;
    const sub = document.createElement("sub");
    sub.textContent = part.slice(2, -1);
    return sub;
  }));
}

const lastOf = (list) => list[list.length - 1];

/** The last element of a list for which something is true. */
const lastWhere = (list, isTrue) => lastOf(list.filter(isTrue));
