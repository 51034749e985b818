// Lets the arrow keys walk through an open menu, and puts the focus on its first item.
const items = (menu) => [...menu.querySelectorAll(".menu-item")];

document.addEventListener(
  "toggle",
  (event) => {
    if (event.target.matches(".menu") && event.newState === "open") items(event.target)[0]?.focus({ preventScroll: true });
  },
  true,
);

document.addEventListener("keydown", (event) => {
  const menu = event.target.closest(".menu");
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!menu || !step) return;
  const all = items(menu);
  const here = all.indexOf(document.activeElement);
  all[(here + step + all.length) % all.length]?.focus();
  event.preventDefault();
});
