// Draws a thin line on top while an answer takes longer than a moment, and reads a new list's size out loud.
const PATIENCE = 300;
const announcer = document.querySelector("[data-announcer]");
let running = 0;
let timer;
let bar;

document.addEventListener("htmx:beforeRequest", () => {
  running += 1;
  if (running > 1) return;
  timer = setTimeout(() => {
    bar = document.createElement("div");
    bar.className = "loading";
    document.body.append(bar);
  }, PATIENCE);
});

document.addEventListener("htmx:afterRequest", () => {
  running = Math.max(0, running - 1);
  if (running) return;
  clearTimeout(timer);
  bar?.remove();
});

document.addEventListener("htmx:afterSettle", () => {
  const words = document.querySelector("#results [data-announce]")?.textContent;
  if (announcer && words) announcer.textContent = words.replace(/\s+/g, " ").trim();
});
