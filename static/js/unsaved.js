// Warns before a page with unsaved changes is left: by the browser itself, and by a dialog for links of the panel.
const form = document.querySelector("form[data-warn-unsaved]");
const leaving = document.getElementById("leave-dialog");
let dirty = false;

function markDirty() {
  dirty = true;
  const hint = form.querySelector("[data-unsaved-hint]");
  if (hint) hint.hidden = false;
}

function isPlainLink(link, event) {
  const elsewhere = link.target || link.hasAttribute("download") || link.origin !== location.origin;
  const samePage = link.pathname === location.pathname && link.search === location.search && link.hash;
  const opensTab = event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
  return !elsewhere && !samePage && !opensTab && !link.hasAttribute("hx-get");
}

if (form) {
  // Sent once and refused: what stands in the fields is still not saved.
  if (form.querySelector(".errors")) markDirty();

  form.addEventListener("input", markDirty);
  form.addEventListener("submit", () => {
    dirty = false;
  });

  addEventListener("beforeunload", (event) => {
    if (dirty) event.preventDefault();
  });

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    if (!dirty || !leaving || !link || !isPlainLink(link, event)) return;
    event.preventDefault();
    leaving.returnValue = "";
    leaving.showModal();
    leaving.onclose = () => {
      if (leaving.returnValue !== "leave") return;
      dirty = false;
      location.assign(link.href);
    };
  });
}
