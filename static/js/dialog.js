// Opens the <dialog> that an act's link brought into #dialog-slot, and closes it without losing what was typed.
const slot = document.getElementById("dialog-slot");
let opener = null;

// An item of a menu is gone once the menu has closed: the menu's button takes its place.
function lasting(element) {
  const menu = element.closest("[popover]");
  return menu ? (document.querySelector(`[popovertarget="${menu.id}"]`) ?? element) : element;
}

function open(dialog) {
  dialog.showModal();
  const first = dialog.querySelector("[data-autofocus]") ?? dialog.querySelector(".body :is(input:not([type=hidden]), select, textarea)");
  first?.focus();
}

function giveFocusBack() {
  if (opener?.isConnected) opener.focus();
  opener = null;
}

function hint(dialog) {
  const words = dialog.querySelector("[data-dirty-hint]");
  if (words) words.hidden = false;
}

function closeUnlessDirty(dialog) {
  if ("dirty" in dialog.dataset) hint(dialog);
  else dialog.close();
}

if (slot) {
  document.addEventListener("htmx:beforeRequest", (event) => {
    const from = event.detail.elt;
    if (event.detail.target === slot && !slot.contains(from)) opener = lasting(from);
  });

  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target === slot) slot.toggleAttribute("data-again", Boolean(slot.querySelector("dialog[open]")));
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target !== slot) return;
    const dialog = slot.querySelector("dialog");
    if (!dialog) giveFocusBack();
    else if (!dialog.open) open(dialog);
    // An answer with nothing left to send may be closed like any other page.
    if (dialog?.querySelector("[type=submit]") && slot.hasAttribute("data-again")) dialog.dataset.dirty = "";
  });

  slot.addEventListener("input", (event) => {
    event.target.closest("dialog").dataset.dirty = "";
  });

  slot.addEventListener("click", (event) => {
    const dialog = event.target.closest("dialog");
    if (event.target.closest("[data-close]")) dialog.close();
  });

  // The backdrop belongs to the dialog; a press that began inside, on a text being marked, does not count.
  slot.addEventListener("pointerdown", (event) => {
    if (event.target.tagName !== "DIALOG") return;
    const box = event.target.getBoundingClientRect();
    const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
    if (!inside) closeUnlessDirty(event.target);
  });

  slot.addEventListener("keydown", (event) => {
    const dialog = event.target.closest("dialog");
    if (event.key !== "Escape" || !dialog || !("dirty" in dialog.dataset)) return;
    event.preventDefault();
    hint(dialog);
  });

  slot.addEventListener(
    "cancel",
    (event) => {
      if (!("dirty" in event.target.dataset)) return;
      event.preventDefault();
      hint(event.target);
    },
    true,
  );

  slot.addEventListener(
    "close",
    () => {
      slot.replaceChildren();
      giveFocusBack();
    },
    true,
  );
}
