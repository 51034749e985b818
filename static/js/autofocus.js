// Puts the focus on the summary of what is wrong with a form, once the page is there.
document.querySelector("main [data-autofocus]")?.focus();

// A link of the error summary leads into its field, not only to it.
document.addEventListener("click", (event) => {
  const link = event.target.closest('.errors a[href^="#"]');
  if (!link) return;
  const field = document.getElementById(link.hash.slice(1));
  if (!field) return;
  event.preventDefault();
  field.focus();
});
