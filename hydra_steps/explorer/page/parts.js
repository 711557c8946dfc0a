// Small parts of the page: numbers in words, pictures, bars over epochs.
const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
};
const SVG = "http://www.w3.org/2000/svg";
const draw = (tag, attributes = {}, ...children) => {
  const element = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
};
const count = (number) => number.toLocaleString("en");
const percent = (share) => `${(100 * share).toPrecision(share >= 0.9995 ? 4 : 3).replace(/\.?0+$/, "")} %`;

// Three digits; powers of ten where a number is small. `signed` puts a plus before what helps.
const written = (value, signed = true) => {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  const sign = value < 0 ? "−" : signed && value > 0 ? "+" : "";
  if (size === 0) return "0";
  if (size >= 0.001 && size < 1e5) return sign + (size >= 1000 ? count(Math.round(size)) : size.toPrecision(3));
  const [digits, power] = size.toExponential(2).split("e");
  const raised = [...String(Number(power))].map((c) => ({ "-": "⁻" })[c] ?? "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]).join("");
  return `${sign}${digits}·10${raised}`;
};

const sheets = new Map();
const sheet = (name) => {
  if (!sheets.has(name)) {
    const image = new Image();
    image.src = `data:image/png;base64,${document.getElementById(name).textContent}`;
    sheets.set(name, image.decode().then(() => image));
  }
  return sheets.get(name);
};

// A picture of a sample, or a dashed frame where the page has none; drawn once its sheet is read.
const picture = (run, folder, tile, words, size) => {
  if (tile === undefined) return make("span", { class: "nothing", style: `--size:${size}px`, title: "no picture on this page" });
  const { width, height, columns, rows } = run.tile;
  const canvas = make("canvas", { width, height, role: "img", "aria-label": words, style: `--size:${size}px` });
  const within = tile % (columns * rows);
  sheet(`${run.name}/${folder}/${Math.floor(tile / (columns * rows))}`).then((image) => {
    const x = (within % columns) * width;
    const y = Math.floor(within / columns) * height;
    canvas.getContext("2d").drawImage(image, x, y, width, height, 0, 0, width, height);
    canvas.dataset.drawn = "yes";
  });
  return canvas;
};
// A row or a text in the place of a picture: its beginning, or all of it where there is room.
const SHORT = 70;
const textual = (text, size) => {
  if (size > 40) return make("p", { class: "sample-text" }, text);
  return make("span", { class: "snippet", title: text }, text.length > SHORT ? `${text.slice(0, SHORT)}…` : text);
};
const isText = (run) => run.tile.width === 0;
const whoWords = (run, sample) => {
  const name = run.nameOf(sample);
  return `no.\u00a0${count(sample)}${name === null ? "" : ` · ${name}`}`;
};
const ofTraining = (run, sample, size) =>
  isText(run) ? textual(run.textOf(sample) ?? "", size) :
  picture(run, "picture", run.tiles.get(sample), `training sample ${sample}, ${given(run)} ${run.classes[run.column("label")[sample]]}`, size);
const ofHeld = (run, key, size) => {
  const one = run.held.get(key);
  return isText(run) ? textual(one.text, size) : picture(run, "doubted", one.pictured ? one.place : undefined, `${key}, ${given(run)} ${run.classes[one.label]}`, size);
};
const ofQuery = (run, query, size) =>
  query.single ? isText(run) ? textual(query.text ?? "", size) : picture(run, "asked", query.tile, query.words, size) : make("span", { class: "mean", style: `--size:${size}px`, "aria-hidden": "true" }, "x̄");

// What a run calls what is asked of a sample, and what it calls the answer. A class or labels are right or wrong.
const SAID = { class: ["label", "predicted"], labels: ["labels", "predicted"], numbers: ["target", "predicted"], tokens: ["text", "perplexity"] };
const given = (run) => SAID[run.asks][0];
const answer = (run) => SAID[run.asks][1];
const canMiss = (run) => run.asks === "class" || run.asks === "labels";
const isMissed = (run, label, predicted) => canMiss(run) && label !== predicted;
const capital = (word) => word[0].toUpperCase() + word.slice(1);

// Whether it is known which labels are wrong.
const isKnown = (run) => has(`${run.name}/clean`);
const isWrong = (run, sample) => isKnown(run) && run.column("label")[sample] !== run.column("clean")[sample];
const labelWords = (run, sample) => {
  const words = make("span", { class: "label" }, run.classes[run.column("label")[sample]]);
  if (!isWrong(run, sample)) return words;
  const truth = run.classes[run.column("clean")[sample]];
  return make("span", {}, words, make("span", { class: "wrong", title: `the ${given(run)} was made wrong in this study` }, ` wrong, is ${truth}`));
};

// Bars over epochs, up for help and down for harm; the height of the largest is the whole height.
const bars = (epochs, width, height) => {
  const most = Math.max(...epochs.map(Math.abs)) || 1;
  const step = width / epochs.length;
  const picture = draw("svg", { viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true", class: "bars" });
  picture.append(draw("line", { x1: 0, x2: width, y1: height / 2, y2: height / 2, class: "zero" }));
  epochs.forEach((value, e) => {
    const size = (Math.abs(value) / most) * (height / 2 - 0.5);
    const box = { x: e * step + 0.12 * step, width: 0.76 * step, y: value > 0 ? height / 2 - size : height / 2, height: size };
    picture.append(draw("rect", { ...box, class: value > 0 ? "up" : "down" }));
  });
  return picture;
};
const epochWords = (epochs) => {
  const peak = epochs.reduce((best, value, e) => (Math.abs(value) > Math.abs(epochs[best]) ? e : best), 0);
  return `most in epoch ${peak + 1} of ${epochs.length}`;
};
