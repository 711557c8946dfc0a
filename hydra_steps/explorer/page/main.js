// The page's state is its address: #/run/view/number. What is chosen can be linked to, and the back button works.
const runs = facts.runs.map((plain) => new Run(plain));
const state = { run: runs[0].name, view: "query", query: firstQuery(runs[0]), sample: 0 };
const views = { query: queryView, sample: sampleView, suspects: suspectsView, decide: decideView };
const isList = (view) => view === "suspects" || view === "decide"; // about all samples, and so without a number
let shownMethods = new Set(runs.flatMap((run) => run.methods.map((method) => method.label)));

function firstQuery(run) {
  const single = run.queries.findIndex((query) => query.single);
  return single < 0 ? 0 : single;
}
function here(change) {
  const { run, view, query, sample } = { ...state, ...change };
  return `#/${run}/${view}${isList(view) ? "" : `/${view === "query" ? query : sample}`}`;
}
const go = (change) => {
  location.hash = here(change);
};
const read = () => {
  const [, name, view, number] = decodeURIComponent(location.hash).split("/");
  const run = runs.find((one) => one.name === name);
  if (!run || !(view in views)) return;
  if (state.run !== run.name) Object.assign(state, { query: firstQuery(run), sample: 0 });
  Object.assign(state, { run: run.name, view });
  const most = view === "query" ? run.queries.length : run.samples;
  if (!isList(view) && /^\d+$/.test(number ?? "") && Number(number) < most) state[view] = Number(number);
};
const show = () => {
  read();
  const run = runs.find((one) => one.name === state.run);
  const methods = run.methods.filter((method) => shownMethods.has(method.label));
  const places = Number(document.getElementById("places").value);
  document.getElementById("run").value = run.name;
  document.getElementById("to-decide").hidden = run.asks !== "class"; // a decision names another class
  for (const name of Object.keys(views)) {
    document.getElementById(`view-${name}`).hidden = name !== state.view;
    const link = document.getElementById(`to-${name}`);
    link.href = here({ view: name });
    if (name === state.view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (isList(state.view)) views[state.view].show(run, methods);
  else views[state.view].show(run, state[state.view], methods, places);
  document.getElementById("held").textContent =
    `${run.name}: ${count(run.samples)} training samples, ${count(run.queries.length)} queries, ${run.methods.length} methods; ` +
    `on this page ${count(run.pictured)} pictures of training samples, and the contributions of ${count(run.detailed)} to all queries.`;
};

options(document.getElementById("run"), runs.map((run) => [run.name, run.name]));
document.getElementById("run-choice").hidden = runs.length < 2;
document.getElementById("run").addEventListener("change", (event) => go({ run: event.target.value, query: 0, sample: 0 }));
const longest = Math.max(...runs.flatMap((run) => run.methods.map((m) => facts.shapes[`${run.name}/${m.label}/sample`][1][2])));
const sizes = [...new Set([5, 10, 20, 50, longest])].filter((size) => size <= longest).sort((a, b) => a - b);
options(document.getElementById("places"), sizes.map((size) => [size, size]));
document.getElementById("places").addEventListener("change", show);
for (const method of new Map(runs.flatMap((run) => run.methods).map((m) => [m.label, m])).values()) {
  const box = make("input", { type: "checkbox", checked: true, value: method.label });
  box.addEventListener("change", () => {
    if (box.checked) shownMethods.add(method.label);
    else shownMethods.delete(method.label);
    show();
  });
  document.getElementById("methods").append(make("label", { class: "tick", style: `--colour:${method.colour}` }, box, ` ${method.words}`));
}
queryView.start(go);
sampleView.start(go);
suspectsView.start();
decideView.start();
addEventListener("hashchange", show);
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT)$/.test(event.target.tagName)) return;
  if (document.getElementById("along").open) return;
  const view = { 1: "query", 2: "sample", 3: "suspects", 4: "decide" }[event.key];
  if (view && !document.getElementById(`to-${view}`).hidden) go({ view });
  if (event.key === "/") {
    event.preventDefault();
    document.getElementById({ query: "query-words", sample: "sample-number", suspects: "suspects-method", decide: "decide-pair" }[state.view]).focus();
  }
});
show();
document.getElementById("waiting").remove();
document.getElementById("main").removeAttribute("aria-busy");
performance.mark("ready");
