// One training sample: whom it helped and harmed most, method by method.
const sampleView = {
  chooser: null,
  start(go) {
    this.chooser = new Chooser(document.getElementById("sample-list"), (at) => this.row(at), (at) => go({ sample: at }));
    for (const name of ["label", "order", "noisy"])
      onChange(`sample-${name}`, () => this.find());
    document.getElementById("sample-number").addEventListener("change", (event) => {
      const number = Number(event.target.value);
      if (event.target.value !== "" && Number.isInteger(number) && number >= 0 && number < this.run.samples) go({ sample: number });
      else document.getElementById("sample-count").textContent = `There is no sample ${event.target.value}: 0 to ${count(this.run.samples - 1)}`;
    });
  },
  row(at) {
    const said = make("span", { class: "quiet" }, `loss ${written(this.run.column("loss")[at], false)}`);
    return [ofTraining(this.run, at, 36), make("span", { class: "words" }, make("strong", {}, whoWords(this.run, at)), labelWords(this.run, at), said)];
  },
  find() {
    const run = this.run;
    const value = (name) => document.getElementById(`sample-${name}`).value;
    const [label, order] = [value("label"), value("order")];
    const noisy = document.getElementById("sample-noisy").checked;
    const labels = run.column("label");
    const found = [];
    for (let at = 0; at < run.samples; at++)
      if ((label === "" || labels[at] === Number(label)) && (!noisy || isWrong(run, at))) found.push(at);
    const [what, way] = order.split("|");
    if (what !== "number") {
      const numbers = run.column(what);
      const down = way === "high" ? -1 : 1;
      found.sort((a, b) => last(down * numbers[a], down * numbers[b]));
    }
    document.getElementById("sample-count").textContent = `${count(found.length)} of ${count(run.samples)} training samples`;
    this.chooser.fill(found, this.at);
  },
  show(run, at, methods, places) {
    const other = this.run !== run;
    this.run = run;
    this.at = at;
    if (other) {
      labelOptions(document.getElementById("sample-label"), run);
      const noisy = document.getElementById("sample-noisy");
      noisy.parentElement.hidden = !isKnown(run);
      noisy.checked &&= isKnown(run);
      const main = run.queries[run.main].words;
      options(document.getElementById("sample-order"), [
        ["number", "by number"],
        ["loss|high", "highest own loss first"],
        ...run.methods.flatMap((m) => [[`${m.label}/main|low`, `most harmful to the ${main}, ${m.words}`], [`${m.label}/main|high`, `most helpful, ${m.words}`]]),
      ]);
      this.find();
    } else {
      this.chooser.at = this.chooser.items.indexOf(at);
      this.chooser.mark();
    }
    document.getElementById("sample-facts").replaceChildren(ofTraining(run, at, 96), this.about(run, at));
    document.getElementById("sample-columns").replaceChildren(...methods.map((method) => this.column(run, at, method, places)));
  },
  about(run, at) {
    const predicted = run.column("predicted")[at];
    const right = !isMissed(run, run.column("label")[at], predicted);
    const words = make("p", {}, `${capital(given(run))} `, labelWords(run, at), `, ${answer(run)} after training `, make("strong", right ? {} : { class: "missed" }, run.classes[predicted]));
    const quiet = `Own loss ${written(run.column("loss")[at], false)}; position ${count(run.column("source")[at])} in the dataset's part`;
    const box = make("div", {}, make("h2", {}, `Training sample ${count(at)}${run.named ? `, ${run.nameOf(at)}` : ""}`), words, make("p", { class: "quiet" }, quiet));
    if (!run.places.has(at))
      box.append(make("p", { class: "quiet" }, `This page has its contributions to single queries only where it stands in a list; all of them are in the scores of ${run.name}.`));
    return box;
  },
  column(run, at, method, places) {
    const head = make("h3", { style: `--colour:${method.colour}` }, method.words);
    const main = run.queries[run.main];
    const column = make("section", { class: "column", "data-method": method.label, "aria-label": method.words }, head);
    column.append(make("p", { class: "quiet" }, unitWords(main, method)));
    column.append(make("p", { class: "total" }, `To the ${main.words}: `, make("strong", {}, written(run.toMain(method, at)))));
    const values = run.ofSample(method, at) ?? this.fromLists(run, at, method);
    // Losses alone can be set beside each other: other numbers have other units, and no help or harm in them.
    const singles = [...run.queries.keys()].filter((q) => run.queries[q].single && run.queries[q].quantity === main.quantity && Number.isFinite(values[q]));
    for (const [side, words] of [[1, "Helped most"], [-1, "Harmed most"]]) {
      const rows = singles.filter((q) => side * values[q] > 0).sort((a, b) => side * (values[b] - values[a])).slice(0, places);
      column.append(make("h4", { class: side > 0 ? "helps" : "harms" }, words));
      const most = rows.length ? Math.abs(values[rows[0]]) : 1;
      const list = make("ol", {}, ...rows.map((q) => this.place(run, at, q, values[q], most, method)));
      column.append(rows.length ? list : make("p", { class: "quiet" }, "nobody"));
    }
    return column;
  },
  fromLists(run, at, method) {
    return run.queries.map((_, q) => run.along(method, q, at)?.value ?? NaN);
  },
  place(run, at, q, value, most, method) {
    const query = run.queries[q];
    const open = make("a", { href: here({ view: "query", query: q }), class: "who" }, ofQuery(run, query, 36),
      make("span", { class: "words" }, make("span", { class: "label" }, run.classes[query.label]),
        isMissed(run, query.label, query.predicted) ? make("span", { class: "missed" }, ` predicted ${run.classes[query.predicted]}`) : null,
        make("span", { class: "quiet" }, `${query.split} no.\u00a0${count(query.position)}${query.sample ? ` · ${query.sample}` : ""}`)));
    const share = Math.min(1, Math.abs(value) / (most || 1));
    const item = make("li", {}, open, make("span", { class: "value" }, written(value), make("span", { class: value < 0 ? "bar harms" : "bar helps", style: `--share:${share}` })));
    const row = method.epochs ? run.along(method, q, at) : null;
    if (row) {
      const words = `Along training: ${epochWords(row.epochs)}`;
      const button = make("button", { type: "button", class: "when", title: words, "aria-label": `${words}; show`, onclick: () => showAlong(run, q, at) });
      button.append(bars([...row.epochs], 56, 26));
      item.append(button);
    }
    return item;
  },
};

// Not-a-numbers last, whichever way is up.
const last = (a, b) => (Number.isNaN(a) ? 1 : 0) - (Number.isNaN(b) ? 1 : 0) || a - b;
