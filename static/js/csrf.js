// Sends the CSRF token with every request that htmx makes.
document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.verb === "get") return;
  const form = event.detail.elt.closest("form");
  const field = form?.querySelector("input[name=csrfmiddlewaretoken]");
  const page = document.querySelector("meta[name=csrf-token]");
  event.detail.headers["X-CSRFToken"] = field?.value ?? page?.content ?? "";
});
