// Elements are made one by one and text is only ever text: nothing here parses markup.
const SVG = "http://www.w3.org/2000/svg";

function put(parent, tag, attributes = {}, text = null) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== null) made.textContent = text;
  parent.append(made);
  return made;
}

function add(parent, tag, attributes = {}, text = null) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== null) made.textContent = text;
  parent.append(made);
  return made;
}

const byId = (id) => document.getElementById(id);
const round = (number) => Math.round(number * 10) / 10;

function signed(seconds, digits) {
  const shown = seconds.toFixed(digits);
  return Number(shown) > 0 ? `+${shown}` : Number(shown) === 0 ? Math.abs(seconds).toFixed(digits) : shown;
}

function many(number, one, more) {
  return `${number.toLocaleString("en").replaceAll(",", "\u202f")} ${number === 1 ? one : more}`;
}

function time(seconds) {
  if (seconds < 0.001) return `${Math.round(seconds * 1e6)} us`;
  if (seconds < 1) return `${(seconds * 1000).toPrecision(3)} ms`;
  return `${seconds.toFixed(2)} s`;
}

// A round time, without the digits that say nothing.
function plainTime(seconds) {
  if (seconds < 0.001) return `${Math.round(seconds * 1e6)} us`;
  return seconds < 1 ? `${Number((seconds * 1000).toFixed(3))} ms` : `${Number(seconds.toFixed(3))} s`;
}
