// Shows toasts: messages of a full page load, the HX-Trigger event "toast", and requests that failed.
const LIFETIME = 8000;
const box = document.querySelector("[data-toasts]");

// In the top layer, and inside an open dialog, since everything outside of that is inert.
function raise() {
  (document.querySelector("dialog:modal") ?? document.body).append(box);
  box.popover = "manual";
  if (box.matches(":popover-open")) box.hidePopover();
  box.showPopover();
}

// Before the dialog that the toasts stand in goes away.
function rescue(doomed) {
  if (!box.isConnected || !doomed.contains(box)) return;
  document.body.append(box);
  box.showPopover();
}

function dismissButton(toast) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = box.dataset.dismiss;
  button.addEventListener("click", () => toast.remove());
  return button;
}

// Errors stay until they are dismissed; the others go away, but not from under a pointer or the focus.
function settle(toast) {
  if (toast.dataset.level === "error") {
    toast.append(dismissButton(toast));
    return;
  }
  const leave = () => {
    if (toast.matches(":hover, :focus-within")) setTimeout(leave, LIFETIME / 4);
    else toast.remove();
  };
  setTimeout(leave, LIFETIME);
}

function show(text, level = "info") {
  const toast = document.createElement("div");
  const words = document.createElement("span");
  toast.className = "toast";
  toast.dataset.level = level;
  words.textContent = text;
  toast.append(words);
  raise();
  box.append(toast);
  settle(toast);
}

// What the page for this error says happened.
function sentenceOf(errorPage) {
  const page = new DOMParser().parseFromString(errorPage, "text/html");
  return page.querySelector("[data-message]")?.textContent.trim();
}

if (box) {
  const waiting = box.querySelectorAll(".toast");
  waiting.forEach(settle);
  if (waiting.length) raise();

  // The event comes before the swap that may close the dialog which it came from.
  document.addEventListener("toast", (event) => {
    setTimeout(() => show(event.detail.text ?? event.detail.value, event.detail.level));
  });
  document.addEventListener("close", (event) => rescue(event.target), true);
  document.addEventListener("htmx:beforeSwap", (event) => rescue(event.detail.target));
  document.addEventListener("htmx:responseError", (event) => {
    const { status, responseText } = event.detail.xhr;
    const fallback = status >= 500 ? box.dataset.failed : box.dataset.refused;
    show(sentenceOf(responseText) || fallback, "error");
  });
  document.addEventListener("htmx:sendError", () => show(box.dataset.offline, "error"));
}
