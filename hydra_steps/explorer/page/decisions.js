// What people decided about the labels of a run: kept in this browser, taken back step by step, written and read as CSV.
const COLUMNS = ["split", "sample", "given", "decision", "label", "who", "data"];

// A CSV text as rows of cells; quotes may hold commas, quotes (doubled) and line ends.
const csvRows = (text) => {
  const rows = [[""]];
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const row = rows[rows.length - 1];
    if (quoted) {
      if (text[i] !== '"') row[row.length - 1] += text[i];
      else if (text[i + 1] === '"') row[row.length - 1] += text[i++];
      else quoted = false;
    } else if (text[i] === '"') quoted = true;
    else if (text[i] === ",") row.push("");
    else if (text[i] === "\n") rows.push([""]);
    else if (text[i] !== "\r") row[row.length - 1] += text[i];
  }
  return rows.filter((row) => row.length > 1 || row[0] !== "");
};
const csvCell = (value) => (/[",\r\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value));

// What is kept in the browser: a label's number, or one below 0 for another decision, so that 60,000 of them fit.
const WORDLESS = ["right", "remove", "skip"];
const packed = (said) => [...said].map(([sample, { decision, label, given }]) => [sample, decision === "relabel" ? label : -1 - WORDLESS.indexOf(decision), ...(given === undefined ? [] : [given])]);
const unpacked = (rows) => new Map(rows.map(([sample, code, given]) => [sample, { decision: code < 0 ? WORDLESS[-1 - code] : "relabel", label: code < 0 ? null : code, ...(given === undefined ? {} : { given }) }]));

class Decisions {
  constructor(run) {
    this.run = run;
    this.key = `decided/${facts.study}/${run.name}/${run.version}`;
    this.own = new Map(); // sample -> {decision, label}; of held-out samples "test 5" -> {decision, label, given}
    this.others = new Map(); // who -> the same of theirs
    this.past = []; // steps, each a list of [sample, what it was before]
    this.who = "";
    this.load();
  }
  // A browser may refuse to keep anything; the decisions then last as long as the page.
  load() {
    try {
      const kept = JSON.parse(localStorage.getItem(this.key) ?? "{}");
      this.own = unpacked(kept.own ?? []);
      this.others = new Map((kept.others ?? []).map(([who, said]) => [who, unpacked(said)]));
      this.who = kept.who ?? localStorage.getItem("decisions/who") ?? "";
    } catch {
      this.own = new Map();
    }
  }
  keep() {
    try {
      const others = [...this.others].map(([who, said]) => [who, packed(said)]);
      localStorage.setItem(this.key, JSON.stringify({ own: packed(this.own), others, who: this.who }));
      localStorage.setItem("decisions/who", this.who);
      return true;
    } catch {
      return false;
    }
  }
  // One step: the same decision about one sample or many; `of` says which label each gets.
  decide(samples, decision, of = () => null) {
    this.past.push(samples.map((sample) => [sample, this.own.get(sample)]));
    for (const sample of samples) {
      const held = typeof sample === "number" ? {} : { given: this.run.classes[this.run.labelOf(sample)] };
      this.own.set(sample, { decision, label: of(sample), ...held });
    }
    return this.keep();
  }
  // The samples of the last step, which is taken back.
  undo() {
    const step = this.past.pop() ?? [];
    for (const [sample, before] of step) {
      if (before) this.own.set(sample, before);
      else this.own.delete(sample);
    }
    this.keep();
    return step.map(([sample]) => sample);
  }
  // Everybody who said something of a sample: [who, what].
  said(sample) {
    const all = [...this.others].map(([who, said]) => [who, said.get(sample)]);
    if (this.own.has(sample)) all.unshift([this.who || "you", this.own.get(sample)]);
    return all.filter(([, what]) => what && what.decision !== "skip");
  }
  disputed(sample) {
    return new Set(this.said(sample).map(([, what]) => `${what.decision} ${what.label ?? ""}`)).size > 1;
  }
  csv() {
    const rows = [[this.who || "me", this.own], ...this.others].flatMap(([who, said]) =>
      [...said].sort(([a], [b]) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true }))).map(([sample, { decision, label, given }]) => {
        const [split, at] = typeof sample === "number" ? ["train", sample] : sample.split(" ");
        return [split, at, given ?? this.run.classes[this.run.column("label")[sample]], decision, decision === "relabel" ? this.run.classes[label] : "", who, this.run.version];
      }));
    return [COLUMNS, ...rows].map((row) => row.map(csvCell).join(",")).join("\n") + "\n";
  }
  // Take over what a file says; returns a sentence, and takes nothing from a file that is not about these data.
  read(text, name) {
    const [head = [], ...rows] = csvRows(text);
    const at = Object.fromEntries(COLUMNS.map((column) => [column, head.indexOf(column)]));
    const missing = COLUMNS.filter((column) => at[column] < 0);
    if (missing.length) return `${name} has no column ${missing.join(", ")}: nothing is taken from it.`;
    const found = new Map();
    for (const [line, row] of rows.entries()) {
      const cell = (column) => row[at[column]] ?? "";
      const [train, position] = [cell("split") === "train", Number(cell("sample"))];
      const label = cell("decision") === "relabel" ? this.run.classes.indexOf(cell("label")) : null;
      const where = `${name}, line ${line + 2}`;
      if (cell("data") !== this.run.version) return `${where} is about another version of the data: nothing is taken from the file.`;
      if (!/^\d+$/.test(cell("sample")) || (train && position >= this.run.samples)) return `${where} names a sample that is not there: nothing is taken from the file.`;
      if (label === -1) return `${where} names a label that is not there, ${cell("label")}: nothing is taken from the file.`;
      if (!["right", "relabel", "remove", "skip"].includes(cell("decision"))) return `${where} has the unknown decision ${cell("decision")}: nothing is taken from the file.`;
      if (!["train", "validation", "test"].includes(cell("split"))) return `${where} has the unknown split ${cell("split")}: nothing is taken from the file.`;
      const who = cell("who") === (this.who || "me") ? `${cell("who")} (${name})` : cell("who") || name;
      if (!found.has(who)) found.set(who, new Map());
      found.get(who).set(train ? position : `${cell("split")} ${position}`, { decision: cell("decision"), label, ...(train ? {} : { given: cell("given") }) });
    }
    for (const [who, said] of found) this.others.set(who, said);
    this.keep();
    const disputes = [...new Set([...found.values()].flatMap((said) => [...said.keys()]))].filter((sample) => this.disputed(sample));
    return `${name}: ${count(rows.length)} decisions of ${[...found.keys()].join(", ")}; ${count(disputes.length)} samples that not all agree on.`;
  }
}
