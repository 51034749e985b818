// Shows a password on request, and makes one that nobody can guess or misread.
const LENGTH = 16;
const SETS = ["abcdefghijkmnpqrstuvwxyz", "ABCDEFGHJKLMNPQRSTUVWXYZ", "23456789", "-+=@!?"];

// Numbers that would make some results likelier than others are drawn again.
function below(limit) {
  const fair = 2 ** 32 - (2 ** 32 % limit);
  const drawn = new Uint32Array(1);
  do crypto.getRandomValues(drawn);
  while (drawn[0] >= fair);
  return drawn[0] % limit;
}

const anyOf = (characters) => characters[below(characters.length)];

function generate() {
  const all = SETS.join("");
  const characters = SETS.map(anyOf);
  while (characters.length < LENGTH) characters.push(anyOf(all));
  for (let last = characters.length - 1; last > 0; last -= 1) {
    const other = below(last + 1);
    [characters[last], characters[other]] = [characters[other], characters[last]];
  }
  return characters.join("");
}

function setShown(input, button, shown) {
  input.type = shown ? "text" : "password";
  button.setAttribute("aria-pressed", String(shown));
}

function prepare(field) {
  const input = field.querySelector("input");
  const show = field.querySelector("[data-password-show]");
  const make = field.querySelector("[data-password-generate]");
  if (!show || !show.hidden) return;
  show.hidden = false;
  show.addEventListener("click", () => setShown(input, show, input.type === "password"));
  // The browser offers to keep what it sees in a password field only.
  input.form?.addEventListener("submit", () => setShown(input, show, false));
  if (!make) return;
  make.hidden = false;
  make.addEventListener("click", () => {
    input.value = generate();
    setShown(input, show, true);
    input.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

const prepareAll = () => document.querySelectorAll("[data-password]").forEach(prepare);
prepareAll();
document.addEventListener("htmx:afterSettle", prepareAll);
