// Keeps the field of a colour and its picker in step; the Preview button is for those without scripts.
const DIGITS = /^#?([0-9a-f]{3}|[0-9a-f]{6})$/i;

function folded(typed) {
  const digits = DIGITS.exec(typed.trim())?.[1].toLowerCase();
  if (!digits) return "";
  return `#${digits.length === 6 ? digits : [...digits].map((digit) => digit + digit).join("")}`;
}

const field = document.querySelector("[data-colour]");
const picker = document.querySelector("[data-colour-picker]");

if (field && picker) {
  const follow = () => {
    const colour = folded(field.value);
    if (colour) picker.value = colour;
  };
  follow();
  picker.hidden = false;
  document.querySelector("[data-without-scripts]").hidden = true;
  field.addEventListener("input", follow);
  picker.addEventListener("input", (event) => {
    event.stopPropagation();
    field.value = picker.value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
}
