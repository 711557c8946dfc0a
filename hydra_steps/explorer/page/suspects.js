// The training samples whose labels look wrong: the lowest contributions first, to be taken along as CSV.
const suspectsView = {
  sorted: null, // a column to sort by instead of the chosen method, and its way
  start() {
    for (const name of ["method", "label", "many"])
      onChange(`suspects-${name}`, () => {
        this.sorted = null;
        this.fill();
      });
    document.getElementById("suspects-more").addEventListener("click", () => this.grow());
    document.getElementById("suspects-export").addEventListener("click", () => this.save());
  },
  show(run, methods) {
    const other = this.run !== run;
    this.run = run;
    this.methods = methods;
    if (other) {
      options(document.getElementById("suspects-method"), run.methods.map((m) => [m.label, m.words]));
      labelOptions(document.getElementById("suspects-label"), run);
      const many = document.getElementById("suspects-many");
      many.max = run.samples;
      many.value = Math.max(1, Math.round(run.samples / 10));
    }
    this.fill();
  },
  columns() {
    const run = this.run;
    const cells = (name, words, number, of) => ({ name, words, number, of });
    return [
      cells("rank", "rank", true, (at) => this.ranks.get(at)),
      cells("sample", "no.", true, (at) => at),
      ...(run.named ? [cells("name", "name", false, (at) => run.nameOf(at))] : []),
      cells("position", "in dataset", true, (at) => run.column("source")[at]),
      cells("label", given(run), false, (at) => run.classes[run.column("label")[at]]),
      cells("predicted", answer(run), false, (at) => run.classes[run.column("predicted")[at]]),
      cells("loss", "own loss", true, (at) => run.column("loss")[at]),
      ...(isKnown(run) ? [cells("clean_label", `true ${given(run)}`, false, (at) => run.classes[run.column("clean")[at]])] : []),
      ...this.methods.map((m) => cells(m.label, m.words, true, (at) => run.toMain(m, at))),
    ];
  },
  fill() {
    const run = this.run;
    const method = run.methods.find((m) => m.label === document.getElementById("suspects-method").value);
    const label = document.getElementById("suspects-label").value;
    const many = Math.max(1, Math.floor(Number(document.getElementById("suspects-many").value)) || 1);
    const scores = run.column(`${method.label}/main`);
    const labels = run.column("label");
    const all = [];
    for (let at = 0; at < run.samples; at++)
      if ((label === "" || labels[at] === Number(label)) && Number.isFinite(scores[at])) all.push(at);
    all.sort((a, b) => scores[a] - scores[b] || a - b);
    this.found = all.slice(0, many);
    this.ranks = new Map(this.found.map((at, place) => [at, place + 1]));
    const wrong = this.found.filter((at) => isWrong(run, at)).length;
    const known = all.filter((at) => isWrong(run, at)).length;
    const truth = known ? ` ${count(wrong)} of them (${percent(wrong / (this.found.length || 1))}) are known to be wrong, of ${count(known)} in all.` : isKnown(run) ? ` No ${canMiss(run) ? "label" : "target"} is known to be wrong.` : ` Which ${canMiss(run) ? "labels" : "targets"} are wrong is not known.`;
    document.getElementById("suspects-said").textContent =
      `The ${count(this.found.length)} training samples with the lowest contribution to the ${run.queries[run.main].words} by ${method.words}.${truth}`;
    this.order();
  },
  order() {
    const columns = this.columns();
    if (this.sorted) {
      const column = columns.find(({ name }) => name === this.sorted.name);
      if (column) {
        const down = this.sorted.down ? -1 : 1;
        const compare = column.number ? (a, b) => last(down * a, down * b) : (a, b) => down * a.localeCompare(b, "en", { numeric: true });
        this.found.sort((a, b) => compare(column.of(a), column.of(b)));
      }
    }
    const head = columns.map(({ name, words, number }) => {
      const mark = this.sorted?.name === name ? (this.sorted.down ? "descending" : "ascending") : null;
      const button = make("button", { type: "button", onclick: () => this.sortBy(name) }, words);
      return make("th", { scope: "col", class: number ? "number" : "", "aria-sort": mark, "data-column": name }, button);
    });
    const table = document.getElementById("suspects-table");
    table.tHead.replaceChildren(make("tr", {}, make("th", { scope: "col" }, isText(this.run) ? "values" : "picture"), ...head));
    table.tBodies[0].replaceChildren();
    this.grow();
  },
  sortBy(name) {
    this.sorted = { name, down: this.sorted?.name === name && !this.sorted.down };
    this.order();
    document.querySelector(`#suspects-table th[data-column="${name}"] button`).focus();
  },
  grow() {
    const body = document.getElementById("suspects-table").tBodies[0];
    const columns = this.columns();
    const run = this.run;
    for (const at of this.found.slice(body.rows.length, body.rows.length + 100)) {
      const cells = columns.map(({ name, number, of }) => {
        if (name === "sample") return make("td", { class: "number" }, make("a", { href: here({ view: "sample", sample: at }) }, String(at)));
        if (name === "clean_label" && !isWrong(run, at)) return make("td", { class: "quiet" }, "the same");
        if (name === "clean_label") return make("td", { class: "wrong" }, of(at));
        const value = of(at);
        return make("td", { class: number ? "number" : "" }, number && !Number.isInteger(value) ? written(value, name !== "loss") : String(value));
      });
      body.append(make("tr", {}, make("td", {}, ofTraining(run, at, 32)), ...cells));
    }
    document.getElementById("suspects-more").hidden = body.rows.length >= this.found.length;
  },
  // Every row of the list in its present order, all methods that are shown, numbers in full.
  csv() {
    const columns = this.columns();
    const quoted = (value) => (/[",\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value));
    const known = isKnown(this.run);
    const lines = this.found.map((at) => [...columns.map(({ of }) => of(at)), ...(known ? [isWrong(this.run, at) ? 1 : 0] : [])]);
    return [[...columns.map(({ name }) => name), ...(known ? ["is_noisy"] : [])], ...lines].map((line) => line.map(quoted).join(",")).join("\n") + "\n";
  },
  save() {
    const file = new Blob([this.csv()], { type: "text/csv" });
    const link = make("a", { href: URL.createObjectURL(file), download: `${facts.study}-${this.run.name}-suspects.csv` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  },
};
