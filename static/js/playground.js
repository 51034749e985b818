// The API playground: sends what is typed with the token that is typed, and shows the schema as the API tells it.
const page = document.querySelector("[data-playground]");
const form = page.querySelector("form");
const { token, query, variables } = form.elements;
const result = page.querySelector("[data-result]");
const status = page.querySelector("[data-status]");
const docs = page.querySelector("[data-docs]");

const TYPE = "kind name ofType { kind name ofType { kind name ofType { kind name } } }";
const SCHEMA = `{ __schema { queryType { name } mutationType { name } types {
  kind name description enumValues { name }
  fields { name description type { ${TYPE} } args { name type { ${TYPE} } } }
  inputFields { name description type { ${TYPE} } } } } }`;

async function ask(text, values) {
  const response = await fetch(page.dataset.playground, {
    method: "POST",
    credentials: "omit",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${token.value.trim()}` },
    body: JSON.stringify({ query: text, variables: values }),
  });
  return [response, await response.json()];
}

function show(response, answer) {
  status.hidden = false;
  status.textContent = `${response.status} ${response.statusText}`.trim();
  status.className = response.ok ? "badge ok" : "badge bad";
  result.textContent = JSON.stringify(answer, null, 2);
}

function say(sentence) {
  status.hidden = true;
  result.textContent = sentence;
}

function typed() {
  try {
    const values = JSON.parse(variables.value.trim() || "{}");
    return values && typeof values === "object" && !Array.isArray(values) ? values : null;
  } catch {
    return null;
  }
}

async function send() {
  const values = typed();
  variables.setCustomValidity(values ? "" : variables.dataset.malformed);
  if (!form.reportValidity()) return;
  try {
    show(...(await ask(query.value, values)));
  } catch {
    say(result.dataset.unreachable);
  }
}

function spelled(type) {
  if (type.kind === "NON_NULL") return `${spelled(type.ofType)}!`;
  return type.kind === "LIST" ? `[${spelled(type.ofType)}]` : type.name;
}

function named(type) {
  return type.ofType ? named(type.ofType) : type.name;
}

function selection(types, name, depth = 0) {
  const fields = types.get(name)?.fields;
  if (!fields || depth > 2) return "";
  const chosen = fields.map((field) => `${field.name}${selection(types, named(field.type), depth + 1)}`);
  return ` { ${chosen.join(" ")} }`;
}

function sample(types, type) {
  if (type.kind === "NON_NULL") return sample(types, type.ofType);
  if (type.kind === "INPUT_OBJECT") {
    const fields = types.get(type.name).inputFields;
    return Object.fromEntries(fields.map((field) => [field.name, sample(types, field.type)]));
  }
  if (type.kind === "ENUM") return types.get(type.name).enumValues[0].name;
  return type.name === "Int" ? 1 : "";
}

function fill(types, kind, field) {
  const declared = field.args.map((arg) => `$${arg.name}: ${spelled(arg.type)}`).join(", ");
  const passed = field.args.map((arg) => `${arg.name}: $${arg.name}`).join(", ");
  const call = `${field.name}${passed && `(${passed})`}${selection(types, named(field.type))}`;
  query.value = `${kind} ${field.name}${declared && `(${declared})`} {\n  ${call}\n}`;
  const required = field.args.filter((arg) => arg.type.kind === "NON_NULL");
  variables.value = JSON.stringify(Object.fromEntries(required.map((arg) => [arg.name, sample(types, arg.type)])), null, 2);
  query.focus();
}

function made(tag, text, ...children) {
  const element = document.createElement(tag);
  element.append(...(text ? [text] : []), ...children);
  return element;
}

function item(heading, text, use) {
  const code = made("code", heading);
  code.dir = "ltr";
  const details = made("details", "", made("summary", "", code), made("p", text));
  if (use) {
    const button = made("button", docs.dataset.use);
    button.type = "button";
    button.className = "btn";
    button.addEventListener("click", use);
    details.append(button);
  }
  return made("li", "", details);
}

function group(heading, lines) {
  return made("section", "", made("h3", heading), made("ul", "", ...lines));
}

function operations(types, kind, name) {
  const lines = types.get(name).fields.map((field) => {
    const args = field.args.map((arg) => `${arg.name}: ${spelled(arg.type)}`).join(", ");
    const heading = `${field.name}${args && `(${args})`}: ${spelled(field.type)}`;
    return item(heading, field.description, () => fill(types, kind, field));
  });
  return group(docs.dataset[kind], lines);
}

function described(type) {
  const parts = (type.fields ?? type.inputFields ?? []).map(
    (field) => `${field.name}: ${spelled(field.type)}${field.description ? ` \u2014 ${field.description}` : ""}`,
  );
  const values = (type.enumValues ?? []).map((value) => value.name);
  return item(type.name, [type.description, ...parts, ...values].filter(Boolean).join("\n"));
}

async function loadDocs() {
  if (!token.reportValidity()) return;
  try {
    const [response, answer] = await ask(SCHEMA, {});
    if (!response.ok) return show(response, answer);
    const { types, queryType, mutationType } = answer.data.__schema;
    const byName = new Map(types.map((type) => [type.name, type]));
    const roots = [queryType.name, mutationType.name];
    const known = [...roots, "ID", "String", "Int", "Boolean"];
    const others = types.filter((type) => !known.includes(type.name) && !type.name.startsWith("__"));
    docs.replaceChildren(
      operations(byName, "query", queryType.name),
      operations(byName, "mutation", mutationType.name),
      group(docs.dataset.type, others.map(described)),
    );
  } catch {
    say(result.dataset.unreachable);
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
form.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  send();
});
variables.addEventListener("input", () => variables.setCustomValidity(""));
page.querySelector("[data-load-docs]").addEventListener("click", loadDocs);
page.hidden = false;
