// A list to choose from with the mouse or the arrow keys. Long lists grow as one goes down them.
class Chooser {
  constructor(element, rowOf, chosen) {
    this.element = element;
    this.rowOf = rowOf;
    this.chosen = chosen;
    this.items = [];
    this.at = -1;
    element.addEventListener("keydown", (event) => this.key(event));
    element.addEventListener("scroll", () => {
      if (element.scrollTop + element.clientHeight > element.scrollHeight - 200) this.grow();
    });
    element.addEventListener("click", (event) => {
      const row = event.target.closest("[role=option]");
      if (row) this.choose(Number(row.dataset.at));
    });
  }
  // Show `items`, and mark `current` where it is among them.
  fill(items, current) {
    this.items = items;
    this.at = items.indexOf(current);
    this.element.replaceChildren();
    this.element.scrollTop = 0;
    this.grow();
    this.mark();
  }
  grow(until = this.element.children.length + 60) {
    for (let at = this.element.children.length; at < Math.min(until, this.items.length); at++) {
      const row = make("div", { role: "option", id: `${this.element.id}-${at}`, "data-at": at, "aria-selected": "false" });
      row.append(...this.rowOf(this.items[at]));
      this.element.append(row);
    }
  }
  mark() {
    for (const row of this.element.querySelectorAll("[aria-selected=true]")) row.setAttribute("aria-selected", "false");
    this.element.removeAttribute("aria-activedescendant");
    if (this.at < 0) return;
    if (this.at >= this.element.children.length) {
      if (this.at > 2000) return; // far down a long list: shown beside it, without the list in between
      this.grow(this.at + 30);
    }
    const row = this.element.children[this.at];
    row.setAttribute("aria-selected", "true");
    this.element.setAttribute("aria-activedescendant", row.id);
    this.reveal(row);
  }
  // Scroll the list alone. After scrollIntoView a browser would have the Tab key go on from here, past the page's start.
  reveal(row) {
    const list = this.element.getBoundingClientRect(), own = row.getBoundingClientRect();
    if (own.top < list.top) this.element.scrollTop -= list.top - own.top;
    else if (own.bottom > list.bottom) this.element.scrollTop += own.bottom - list.bottom;
  }
  choose(at) {
    if (!this.items.length) return;
    this.at = Math.max(0, Math.min(at, this.items.length - 1));
    this.mark();
    this.chosen(this.items[this.at]);
  }
  key(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Math.min(this.items.length, 2000) };
    if (!(event.key in steps)) return;
    event.preventDefault();
    this.choose(this.at + steps[event.key]);
  }
}

// Call `act` when what is entered in a field, a box or a drop-down list has changed.
const onChange = (id, act) => {
  const field = document.getElementById(id);
  field.addEventListener(field.tagName === "SELECT" ? "change" : "input", act);
};
// The choices of a drop-down list: [value, words] each.
const options = (select, pairs) => {
  const before = select.value;
  select.replaceChildren(...pairs.map(([value, words]) => make("option", { value }, words)));
  if (pairs.some(([value]) => String(value) === before)) select.value = before;
};
// Only classes are few enough to choose from.
const labelOptions = (select, run) => {
  options(select, [["", "any"], ...(run.asks === "class" ? run.classes.map((words, label) => [label, words]) : [])]);
  select.parentElement.hidden = run.asks !== "class";
};
