// Where a fragment was asked for and a whole page came, as once the session has ended, loads the page anew.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (!event.detail.shouldSwap || !/^\s*<!doctype/i.test(event.detail.serverResponse)) return;
  event.detail.shouldSwap = false;
  location.reload();
});
