// Spells out the mark nearest to the pointer under its figure, and outlines the same thing in every figure.
const pick = (event) => {
  for (const old of document.querySelectorAll(".on")) old.classList.remove("on");
  for (const old of document.querySelectorAll("output:not(:empty)")) old.textContent = "";
  const figure = event.target.closest("figure");
  let best = null, nearest = 24;
  for (const mark of figure ? figure.querySelectorAll(".m") : []) {
    const box = mark.getBoundingClientRect();
    const far = Math.hypot(box.x + box.width / 2 - event.clientX, box.y + box.height / 2 - event.clientY);
    if (far < nearest) { best = mark; nearest = far; }
  }
  if (!best) return;
  figure.querySelector("output").textContent = best.textContent;
  for (const same of document.querySelectorAll(`[data-k="${CSS.escape(best.dataset.k)}"]`)) same.classList.add("on");
};
document.addEventListener("pointermove", pick);
document.addEventListener("pointerdown", pick);
