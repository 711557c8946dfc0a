// One query: the training samples that helped and harmed it most, method by method.
const queryView = {
  chooser: null,
  start(go) {
    this.chooser = new Chooser(document.getElementById("query-list"), (at) => this.row(at), (at) => go({ query: at }));
    for (const name of ["words", "label", "loss", "order", "wrong"])
      onChange(`query-${name}`, () => this.find());
  },
  row(at) {
    const query = this.run.queries[at];
    const words = [make("strong", {}, query.words)];
    if (query.single) {
      const said = `${given(this.run)} ${this.run.classes[query.label]}, ${answer(this.run)} ${this.run.classes[query.predicted]}`;
      words.push(make("span", isMissed(this.run, query.label, query.predicted) ? { class: "missed" } : {}, said));
    }
    if (query.loss !== undefined) words.push(make("span", { class: "quiet" }, `loss ${written(query.loss, false)}`));
    return [ofQuery(this.run, query, 36), make("span", { class: "words" }, ...words)];
  },
  find() {
    const value = (name) => document.getElementById(`query-${name}`).value;
    const words = value("words").toLowerCase().split(/\s+/).filter(Boolean);
    const wrong = document.getElementById("query-wrong").checked;
    const [label, loss, order] = [value("label"), value("loss"), value("order")];
    const { queries } = this.run;
    const found = [...queries.keys()].filter((at) => {
      const query = queries[at];
      const text = query.words.toLowerCase().split(" ");
      return (
        words.every((word) => text.some((part) => (/^\d+$/.test(word) ? part === word : part.includes(word)))) &&
        (label === "" || (query.single && query.label === Number(label))) &&
        (loss === "" || (query.single && query.loss >= Number(loss))) &&
        (!wrong || (query.single && isMissed(this.run, query.label, query.predicted)))
      );
    });
    const by = { high: (q) => -q.loss, low: (q) => q.loss, label: (q) => (q.single ? q.label : -1) }[order];
    if (by) found.sort((a, b) => by(queries[a]) - by(queries[b]));
    document.getElementById("query-count").textContent = `${found.length} of ${queries.length} queries`;
    this.chooser.fill(found, this.at);
  },
  show(run, at, methods, places) {
    const other = this.run !== run;
    this.run = run;
    this.at = at;
    if (other) {
      labelOptions(document.getElementById("query-label"), run);
      const wrong = document.getElementById("query-wrong");
      wrong.parentElement.hidden = !canMiss(run);
      wrong.checked &&= canMiss(run);
      document.querySelector('#query-order [value="label"]').hidden = run.asks !== "class";
      this.find();
    } else {
      this.chooser.at = this.chooser.items.indexOf(at);
      this.chooser.mark();
    }
    const query = run.queries[at];
    document.getElementById("query-facts").replaceChildren(ofQuery(run, query, 96), this.about(run, query));
    const columns = methods.map((method) => this.column(run, at, method, places));
    document.getElementById("query-columns").replaceChildren(...columns);
  },
  about(run, query) {
    const words = query.words[0].toUpperCase() + query.words.slice(1);
    const box = make("div", {}, make("h2", {}, words));
    if (!query.single) {
      if (query.size) box.append(make("p", {}, `${count(query.size)} samples${query.accuracy === undefined ? "" : `, ${percent(query.accuracy)} predicted correctly`}; mean loss ${written(query.loss, false)}`));
      return box;
    }
    const right = !isMissed(run, query.label, query.predicted);
    box.append(
      make("p", {}, `${capital(given(run))} `, make("strong", {}, run.classes[query.label]), `, ${answer(run)} `, make("strong", right ? {} : { class: "missed" }, run.classes[query.predicted]),
        `${query.probability === undefined ? "" : ` (probability ${percent(query.probability)})`}${right ? "" : ": wrong"}`),
      make("p", { class: "quiet" }, `${query.sample ? `${query.sample}. ` : ""}Loss ${written(query.loss, false)}; position ${count(query.source)} in the dataset's part`),
    );
    return box;
  },
  column(run, at, method, places) {
    const head = make("h3", { style: `--colour:${method.colour}` }, method.words);
    const column = make("section", { class: "column", "data-method": method.label, "aria-label": method.words }, head);
    column.append(make("p", { class: "quiet" }, unitWords(run.queries[at], method)));
    for (const [side, words] of [0, 1].map((side) => [side, sideWords(run.queries[at], method, side)])) {
      const rows = run.listed(method, at, side).slice(0, places);
      column.append(make("h4", { class: side ? "harms" : "helps" }, words));
      const most = rows.length ? Math.abs(rows[0].value) : 1;
      const list = make("ol", {}, ...rows.map((row) => this.place(run, at, row, most)));
      column.append(rows.length ? list : make("p", { class: "quiet" }, method.status !== "scored" ? method.status : "no sample"));
    }
    return column;
  },
  place(run, at, row, most) {
    const open = make("a", { href: here({ view: "sample", sample: row.sample }), class: "who" },
      ofTraining(run, row.sample, 36),
      make("span", { class: "words" }, labelWords(run, row.sample), make("span", { class: "quiet" }, whoWords(run, row.sample))));
    const share = Math.min(1, Math.abs(row.value) / (most || 1));
    const value = make("span", { class: "value" }, written(row.value), make("span", { class: row.value < 0 ? "bar harms" : "bar helps", style: `--share:${share}` }));
    const item = make("li", {}, open, value);
    if (row.epochs) {
      const words = `Along training: ${epochWords(row.epochs)}`;
      const button = make("button", { type: "button", class: "when", title: words, "aria-label": `${words}; show`, onclick: () => showAlong(run, at, row.sample) });
      button.append(bars([...row.epochs], 56, 26));
      item.append(button);
    }
    return item;
  },
};

// A loss that would rise without a sample was helped by it; another number was only lowered.
const sideWords = (query, method, side) => {
  if (!method.unit) return side ? "Ranked most harmful" : "Ranked most helpful";
  if (query.quantity === "loss") return side ? "Harmed most" : "Helped most";
  return side ? "Raised it most" : "Lowered it most";
};
const unitWords = (query, method) => {
  if (!method.unit) return "ranks only: the size has no unit";
  const unit = `change of the ${query.quantity}`;
  return method.tracked === null ? `${unit} without the sample` : `${unit}; ${count(method.tracked)} samples tracked`;
};

// Where along training a sample's contribution to a query arose, by every method that knows it.
const showAlong = (run, at, sample) => {
  const query = run.queries[at];
  const found = run.methods.map((method) => [method, run.along(method, at, sample)]).filter(([, row]) => row && row.epochs);
  document.getElementById("along-title").textContent = `Training sample ${count(sample)}, ${query.words}: where along training`;
  document.getElementById("along-charts").replaceChildren(...found.map(([method, row]) => chart(method, row)));
  const head = make("tr", {}, make("th", { scope: "col" }, "epoch"), ...found.map(([method]) => make("th", { scope: "col", class: "number" }, method.words)));
  const body = [...Array(Math.max(...found.map(([method]) => method.epochs))).keys()].map((e) =>
    make("tr", {}, make("th", { scope: "row" }, String(e + 1)), ...found.map(([, row]) => make("td", { class: "number" }, written(row.epochs[e])))));
  const sum = make("tr", { class: "sum" }, make("th", { scope: "row" }, "all"), ...found.map(([, row]) => make("td", { class: "number" }, written(row.value))));
  document.getElementById("along-table").replaceChildren(make("thead", {}, head), make("tbody", {}, ...body, sum));
  document.getElementById("along").showModal();
};
const chart = (method, row) => {
  const [width, height, left, low] = [330, 150, 62, 22];
  const epochs = [...row.epochs];
  const most = Math.max(...epochs.map(Math.abs)) || 1;
  const zero = (height - low) / 2;
  const y = (value) => zero - (value / most) * (zero - 8);
  const step = (width - left) / epochs.length;
  const plot = draw("svg", { viewBox: `0 0 ${width} ${height + 14}`, width, height: height + 14, role: "img", "aria-label": `${method.words}: ${epochs.map((v, e) => `epoch ${e + 1} ${written(v)}`).join(", ")}` });
  for (const value of [most, 0, -most]) {
    plot.append(draw("line", { x1: left, x2: width, y1: y(value), y2: y(value), class: value ? "grid" : "zero" }));
    plot.append(draw("text", { x: left - 5, y: y(value) + 4, "text-anchor": "end" }, written(value)));
  }
  epochs.forEach((value, e) => {
    const top = Math.min(y(value), y(0));
    plot.append(draw("rect", { x: left + (e + 0.12) * step, width: 0.76 * step, y: top, height: Math.abs(y(value) - y(0)), class: value > 0 ? "up" : "down" }));
    const every = Math.ceil(epochs.length / 10);
    if (e === 0 || (e + 1) % every === 0) plot.append(draw("text", { x: left + (e + 0.5) * step, y: height - 6, "text-anchor": "middle" }, String(e + 1)));
  });
  plot.append(draw("text", { x: left + (width - left) / 2, y: height + 9, "text-anchor": "middle" }, "epoch"));
  return make("figure", {}, make("figcaption", { style: `--colour:${method.colour}` }, `${method.words}, contribution of each epoch`), plot);
};
