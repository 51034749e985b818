// Copies a text (data-copy) or what stands in a field (data-copy-from) and says so on the button.
const BUTTONS = "[data-copy], [data-copy-from]";
const SAID_FOR = 2000;

async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Without HTTPS there is no clipboard object.
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

function reveal() {
  for (const button of document.querySelectorAll(BUTTONS)) button.hidden = false;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest(BUTTONS);
  if (!button || "before" in button.dataset) return;
  const field = button.dataset.copyFrom && document.querySelector(button.dataset.copyFrom);
  const text = field ? (field.value ?? field.textContent) : button.dataset.copy;
  if (!text) return;
  await copy(text);
  if (!button.dataset.copied) return;
  button.dataset.before = button.textContent;
  button.textContent = button.dataset.copied;
  setTimeout(() => {
    button.textContent = button.dataset.before;
    delete button.dataset.before;
  }, SAID_FOR);
});

reveal();
document.addEventListener("htmx:afterSettle", reveal);
