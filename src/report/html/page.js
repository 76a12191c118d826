// Spells out the mark nearest to the pointer under its figure, and outlines the same thing in every figure.
const names = JSON.parse(document.querySelector(".names")?.textContent ?? "{}");
// Where the dots or bins of a path lie, in units of its chart.
const places = new Map();
const placesOf = (path) => {
  if (!places.has(path)) places.set(path, [...path.getAttribute("d").matchAll(/M(\S+) (\S+)h(\d+)/g)].map((m) => [+m[1] + m[3] / 2, +m[2]]));
  return places.get(path);
};
const clear = () => {
  for (const old of document.querySelectorAll(".on")) old.classList.remove("on");
  for (const old of document.querySelectorAll(".at")) old.remove();
  for (const old of document.querySelectorAll("output:not(:empty)")) old.textContent = "";
};
const show = (mark) => {
  clear();
  const figure = mark.closest("figure"), key = mark.dataset.k;
  const name = mark.closest(".panel") && names.marks?.[key];
  const twin = mark.textContent ? mark : mark.closest(".panel")?.querySelector(`.m[data-k="${key}"]`) ?? mark;
  figure.querySelector("output").textContent = (name ? name + " " : "") + twin.textContent;
  mark.classList.add("on");
  if (key) for (const same of document.querySelectorAll(`[data-k="${key}"]`)) same.classList.add("on");
};
const nearestOf = (path, point) => {
  let best = -1, nearest = path.matches(".bins") ? 8.5 : 9;
  placesOf(path).forEach(([x, y], i) => {
    const far = Math.hypot(x - point.x, y - point.y);
    if (far < nearest) { best = i; nearest = far; }
  });
  return best;
};
const showPlace = (svg, path, i) => {
  clear();
  const [x, y] = placesOf(path)[i], bins = path.matches(".bins"), panel = path.closest(".panel")?.dataset;
  const dot = () => {
    const [name, accuracy] = names.dots[panel.n?.split(" ")[i] ?? i];
    return `${name}: score ${panel.s.split(" ")[i]}, accuracy ${accuracy} %`;
  };
  const text = bins ? `${path.dataset.c.split(" ")[i]} networks` : panel?.s ? dot() : "";
  const ring = document.createElementNS(svg.namespaceURI, bins ? "rect" : "circle");
  const at = bins ? { x: x - 5.5, y: y - 5.5, width: 11, height: 11 } : { cx: x, cy: y, r: 4 };
  for (const [name, value] of Object.entries({ ...at, class: "at" })) ring.setAttribute(name, value);
  svg.append(ring);
  svg.closest("figure").querySelector("output").textContent = text;
};
const pick = (event) => {
  const svg = event.target.closest?.("figure svg[role]");
  if (!svg) return clear();
  let best = null, nearest = 24;
  for (const mark of svg.querySelectorAll(".m")) {
    const box = mark.getBoundingClientRect();
    const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
    const far = inside ? 0 : Math.hypot(box.x + box.width / 2 - event.clientX, box.y + box.height / 2 - event.clientY);
    if (far < nearest) { best = mark; nearest = far; }
  }
  const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
  if (!best || nearest > 5) for (const path of svg.querySelectorAll(".dots, path.bins")) {
    const i = nearestOf(path, point);
    if (i >= 0) return showPlace(svg, path, i);
  }
  if (best) show(best); else clear();
};
document.addEventListener("pointermove", pick);
document.addEventListener("pointerdown", pick);
for (const svg of document.querySelectorAll("figure svg[role]")) {
  const marks = [...svg.querySelectorAll(".m")];
  if (!marks.length) continue;
  // From left to right, rows of a heat map one after the other.
  const order = (mark) => mark.getBBox();
  let sorted = null, at = -1;
  svg.tabIndex = 0;
  svg.addEventListener("blur", clear);
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    sorted ??= marks[0].matches(".h") ? marks : marks.map((m) => [order(m), m]).sort((a, b) => a[0].x - b[0].x).map((m) => m[1]);
    at = (at + step + sorted.length) % sorted.length;
    show(sorted[at]);
  });
}
for (const choice of document.querySelectorAll(".choice")) {
  choice.hidden = false;
  const panels = choice.parentElement.querySelectorAll(".panel");
  const choose = () => panels.forEach((panel) => { panel.hidden = panel.dataset.panel !== choice.querySelector("select").value; });
  choice.addEventListener("change", choose);
  choose();
}
// A network's short name copies how its space writes it.
for (const name of document.querySelectorAll(".net[title]")) name.addEventListener("click", async () => {
  await navigator.clipboard?.writeText(name.title);
  name.classList.add("copied");
  setTimeout(() => name.classList.remove("copied"), 1500);
});
