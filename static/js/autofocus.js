// Puts the focus on the summary of what is wrong with a form, once the page is there.
document.querySelector("main [data-autofocus]")?.focus();
