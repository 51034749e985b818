// Says under a credit limit how far down the balance may go; a minus sign typed by habit changes nothing.
function sentence(hint, typed) {
  const amount = Math.abs(Number(typed.trim().replace("\u2212", "-")));
  if (!typed.trim() || !Number.isFinite(amount) || amount === 0) return "";
  const decimals = Number(hint.dataset.decimals);
  const shown = amount.toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  return hint.dataset.creditHint.replace("{amount}", `\u2212${shown}`);
}

function update(hint) {
  hint.textContent = sentence(hint, document.getElementById(hint.htmlFor.value)?.value ?? "");
}

for (const hint of document.querySelectorAll("[data-credit-hint]")) update(hint);
// A level fills the credit limit in anew.
document.addEventListener("htmx:oobAfterSwap", () => document.querySelectorAll("[data-credit-hint]").forEach(update));
document.addEventListener("input", (event) => {
  if (event.target.id) document.querySelectorAll(`[data-credit-hint][for="${event.target.id}"]`).forEach(update);
});
