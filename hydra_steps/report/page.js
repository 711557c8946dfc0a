"use strict";
// Every heading of a sortable table becomes a button: ascending, then descending. Empty cells stay last.
const key = (row, column) => {
  const cell = row.cells[column];
  const text = (cell.dataset.sort ?? cell.textContent).trim();
  const value = Number(text);
  return { text, value, number: text !== "" && !Number.isNaN(value), empty: text === "" || text === "–" };
};
const compare = (a, b) => {
  if (a.number && b.number) return a.value - b.value;
  return a.text.localeCompare(b.text, "en", { numeric: true });
};
for (const table of document.querySelectorAll("table.sortable")) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") === "ascending";
      for (const other of headings) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      const body = table.tBodies[0];
      const rows = [...body.rows].map((row) => [key(row, column), row]);
      rows.sort(([a], [b]) => (a.empty || b.empty ? a.empty - b.empty : down ? compare(b, a) : compare(a, b)));
      body.append(...rows.map(([, row]) => row));
    });
  });
}
// The field keeps rows that hold every word; the box adds the rows of single runs to the means over seeds.
for (const block of document.querySelectorAll("details.data")) {
  const field = block.querySelector("input[type=search]");
  const box = block.querySelector("input.runs");
  const count = block.querySelector("output.count");
  const rows = [...block.querySelectorAll("tbody tr")];
  const texts = rows.map((row) => [...row.cells].map((cell) => cell.textContent).join(" ").toLowerCase());
  const runs = rows.filter((row) => row.classList.contains("run")).length;
  if (runs === 0) box.parentElement.hidden = true;
  const update = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, number) => {
      const hidden =
        (!box.checked && row.classList.contains("run")) || !words.every((word) => texts[number].includes(word));
      row.hidden = hidden;
      if (!hidden) shown += 1;
    });
    count.textContent = `${shown} of ${rows.length} rows`;
  };
  field.addEventListener("input", update);
  box.addEventListener("change", update);
  update();
}
