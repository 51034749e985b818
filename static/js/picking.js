// Picks all rows of a list's page at once, and says how many are picked. The list itself needs none of this.
function boxesOf(form) {
  return [...document.querySelectorAll(`input[type=checkbox][form="${form.id}"]`)];
}

function prepare() {
  const form = document.querySelector("[data-picks]");
  const page = form?.querySelector("[data-pick-page]");
  if (page) page.hidden = boxesOf(form).length === 0;
}

document.addEventListener("change", (event) => {
  const page = event.target.closest("[data-pick-page]");
  const form = event.target.form;
  if (!form?.matches("[data-picks]")) return;
  const boxes = boxesOf(form);
  if (page) for (const box of boxes) box.checked = event.target.checked;
  const whole = form.querySelector("[data-pick-page] input");
  const picked = boxes.filter((box) => box.checked).length;
  whole.checked = picked > 0 && picked === boxes.length;
  whole.indeterminate = picked > 0 && picked < boxes.length;
  const all = form.elements.namedItem("all");
  const words = form.querySelector("[data-picked]");
  if (words) words.textContent = all?.checked ? "" : words.dataset.picked.replace("{count}", picked);
});

document.addEventListener("htmx:afterSettle", prepare);
prepare();
