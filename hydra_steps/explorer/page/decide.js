// The suspects one by one: look, decide by keyboard, go on. Everything that was decided can be exported as decisions.csv.
// A training sample is its number, a held-out one its split and number, "test 5".
const NEXT = 10; // so many of the next suspects are looked ahead to
const decideView = {
  start() {
    for (const name of ["filter", "pair"]) onChange(`decide-${name}`, () => this.find(true));
    onChange("decide-part", () => this.list());
    const buttons = { yes: "y", no: "n", remove: "x", skip: "s", undo: "u" };
    for (const [name, key] of Object.entries(buttons)) document.getElementById(`decide-${name}`).addEventListener("click", () => this.press(key));
    document.getElementById("decide-label").addEventListener("change", (event) => this.other(event.target.value));
    document.getElementById("decide-who").addEventListener("change", (event) => {
      this.decisions.who = event.target.value.trim();
      this.decisions.keep();
    });
    document.getElementById("decide-all-wrong").addEventListener("click", () => this.bulk("relabel"));
    document.getElementById("decide-all-right").addEventListener("click", () => this.bulk("right"));
    document.getElementById("decide-export").addEventListener("click", () => this.save());
    document.getElementById("decide-files").addEventListener("change", async (event) => {
      const said = [];
      for (const file of event.target.files) said.push(this.decisions.read(await file.text(), file.name));
      event.target.value = "";
      this.find(false);
      document.getElementById("decide-said").textContent = said.join(" ");
    });
    addEventListener("keydown", (event) => {
      if (state.view !== "decide" || event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT)$/.test(event.target.tagName)) return;
      if (this.press(event.key)) event.preventDefault();
    });
  },
  show(run) {
    if (this.run !== run) {
      this.run = run;
      this.decisions = new Decisions(run);
      document.getElementById("decide-parts").hidden = run.held.size === 0;
      document.getElementById("decide-part").value = "train";
      document.getElementById("decide-who").value = this.decisions.who;
      labelOptions(document.getElementById("decide-label"), run);
      document.getElementById("decide-label").options[0].textContent = "other label";
      this.list();
    } else this.find(false);
  },
  // The suspects of the training samples, or of the held-out ones.
  list() {
    const held = document.getElementById("decide-part").value === "held";
    this.suspects = held ? [...this.run.held.keys()] : [...this.run.column("suspect")];
    this.places = new Map(this.suspects.map((sample, place) => [sample, place]));
    this.pairs();
    this.find(true);
  },
  suggested(sample) {
    if (this.run.held.has(sample)) return this.run.held.get(sample).suggested;
    const label = this.run.column("suggested")[this.places.get(sample)];
    return label === NONE ? null : label;
  },
  // The chance that the label is wrong; not known of a held-out sample.
  chance(sample) {
    return this.run.held.has(sample) ? NaN : this.run.column("chance")[this.places.get(sample)];
  },
  pair(sample) {
    const label = this.suggested(sample);
    return `${this.run.labelOf(sample)} ${label ?? ""}`;
  },
  pairs() {
    const counts = new Map();
    for (const sample of this.suspects) counts.set(this.pair(sample), (counts.get(this.pair(sample)) ?? 0) + 1);
    const words = (pair) => pair.split(" ").map((label) => this.run.classes[label] ?? "?").join(" → ");
    const sorted = [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
    options(document.getElementById("decide-pair"), [["", "all labels"], ...sorted.map(([pair, many]) => [pair, `${words(pair)} (${many})`])]);
  },
  // The suspects that are shown, in their order; `first` goes to the first of them, else the present one stays.
  find(first) {
    const filter = document.getElementById("decide-filter").value;
    const pair = document.getElementById("decide-pair").value;
    const { own } = this.decisions;
    const kept = { all: () => true, open: (s) => !own.has(s) || own.get(s).decision === "skip", decided: (s) => own.has(s), disputed: (s) => this.decisions.disputed(s) }[filter];
    const found = this.suspects.filter((sample) => (pair === "" || this.pair(sample) === pair) && (kept(sample) || (!first && sample === this.at)));
    this.found = found;
    if (first || !found.includes(this.at)) this.at = found.find((sample) => !own.has(sample)) ?? found[0];
    this.draw();
  },
  go(step) {
    if (!this.found.length) return;
    const at = Math.max(0, Math.min(this.found.indexOf(this.at) + step, this.found.length - 1));
    this.at = this.found[at];
    this.draw();
  },
  press(key) {
    if (key === "ArrowDown" || key === "ArrowRight") this.go(1);
    else if (key === "ArrowUp" || key === "ArrowLeft") this.go(-1);
    else if (key === "u") {
      const back = this.decisions.undo();
      if (back.length && !this.places.has(back[0])) {
        document.getElementById("decide-part").value = this.run.held.has(back[0]) ? "held" : "train";
        this.list();
      }
      if (back.length) this.at = back[0];
      this.find(false);
    } else if (key === "l") document.getElementById("decide-label").focus();
    else if (this.at === undefined) return false;
    else if (key === "n") this.decide("right");
    else if (key === "x") this.decide("remove");
    else if (key === "s") this.decide("skip");
    else if (key === "y") {
      if (this.suggested(this.at) === null) document.getElementById("decide-said").textContent = "Nothing is suggested here: choose the label (L), or remove the sample (X).";
      else this.decide("relabel", this.suggested(this.at));
    } else return false;
    return true;
  },
  other(value) {
    document.getElementById("decide-label").value = "";
    document.getElementById("decide-label").blur();
    if (value === "" || this.at === undefined) return;
    if (Number(value) === this.run.labelOf(this.at)) this.decide("right");
    else this.decide("relabel", Number(value));
  },
  decide(decision, label = null) {
    const kept = this.decisions.decide([this.at], decision, () => label);
    const before = this.at;
    this.go(1);
    if (this.at === before) this.draw();
    if (!kept) document.getElementById("decide-said").textContent = "This browser keeps nothing: export before you leave the page.";
  },
  bulk(decision) {
    const open = this.found.filter((sample) => !this.decisions.own.has(sample) && (decision === "right" || this.suggested(sample) !== null));
    if (open.length) this.decisions.decide(open, decision, (sample) => (decision === "relabel" ? this.suggested(sample) : null));
    this.draw();
    document.getElementById("decide-said").textContent = `${count(open.length)} samples decided in one step; U takes it back.`;
  },
  words(what) {
    if (what.decision === "relabel") return `wrong, is ${this.run.classes[what.label]}`;
    return { right: "right", remove: "wrong, to be removed", skip: "skipped" }[what.decision];
  },
  draw() {
    const { run, decisions, suspects } = this;
    const decided = suspects.filter((sample) => decisions.own.has(sample));
    const wrong = decided.filter((sample) => ["relabel", "remove"].includes(decisions.own.get(sample).decision));
    const open = suspects.filter((sample) => !decisions.own.has(sample)).slice(0, NEXT);
    const chances = open.map((sample) => this.chance(sample));
    const gain = chances.length && chances.every(Number.isFinite) ? `; of the next ${chances.length}, ${written(chances.reduce((a, b) => a + b, 0), false)} are expected to be wrong` : "";
    const bar = document.getElementById("decide-progress");
    bar.max = suspects.length;
    bar.value = decided.length;
    document.getElementById("decide-count").textContent = `${count(decided.length)} of ${count(suspects.length)} suspects decided, ${count(wrong.length)} of them wrong${gain}.`;
    document.getElementById("decide-said").textContent = this.found.length ? "" : "No suspect is left here.";
    document.getElementById("decide-sample").replaceChildren(...(this.at === undefined || !this.found.length ? [] : this.sample(this.at)));
  },
  sample(at) {
    const { run } = this;
    const place = this.places.get(at);
    const held = run.held.get(at);
    const [chance, likely] = [this.chance(at), held ? NaN : run.column("likely")[place]];
    const suggestion = this.suggested(at);
    const own = this.decisions.own.get(at);
    const who = held ? `${held.split} sample ${count(held.sample)}${held.name ? `, ${held.name}` : ""}` : make("a", { href: here({ view: "sample", sample: at }) }, `training sample ${count(at)}`);
    const title = make("h2", {}, `Suspect ${count(place + 1)}: `, who);
    const facts = make("p", {}, "Label ", make("strong", { id: "decide-given" }, run.classes[run.labelOf(at)]));
    if (Number.isFinite(chance)) facts.append(`, wrong with a chance of ${percent(chance)}`);
    if (suggestion !== null) facts.append("; suggested ", make("strong", { id: "decide-suggested" }, run.classes[suggestion]));
    if (Number.isFinite(likely)) facts.append(` (${percent(likely)} of the other labels)`);
    if (held) facts.append(`, which the model, to which it is new, predicts with ${percent(held.probability)}`);
    const position = held ? held.source : run.column("source")[at];
    const box = make("div", {}, title, facts, make("p", { class: "quiet" }, `Position ${count(position)} in the dataset's part`));
    if (own) box.append(make("p", { id: "decide-own" }, "Decided: ", make("strong", {}, this.words(own))));
    for (const [who, what] of this.decisions.said(at)) if (what !== own) box.append(make("p", { class: "quiet" }, `${who}: ${this.words(what)}`));
    if (this.decisions.disputed(at)) box.append(make("p", { class: "wrong" }, "Not all agree: nothing is done to it until they do."));
    const near = run.column(held ? "doubted_near" : "near");
    const width = near.shape[2];
    const nearest = (side) => [...near.subarray((place * 2 + side) * width, (place * 2 + side + 1) * width)].filter((sample) => sample !== NONE);
    if (place >= near.shape[0]) box.append(make("p", { class: "quiet" }, `Samples to compare with stand beside the first ${count(near.shape[0])} suspects.`));
    const beside = place >= near.shape[0] ? [] : [[0, run.classes[run.labelOf(at)]], [1, suggestion === null ? "" : run.classes[suggestion]]].filter(([, words]) => words !== "").map(([side, words]) =>
      make("section", { class: "near", "aria-label": `nearest samples labelled ${words}` }, make("h3", {}, `Nearest labelled ${words}`), ...nearest(side).map((sample) => ofTraining(run, sample, 72))));
    return [make("div", { class: "facts" }, held ? ofHeld(run, at, 192) : ofTraining(run, at, 192), box), make("div", { class: "beside" }, ...beside)];
  },
  save() {
    const file = new Blob([this.decisions.csv()], { type: "text/csv" });
    const link = make("a", { href: URL.createObjectURL(file), download: "decisions.csv" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  },
};
