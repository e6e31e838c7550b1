// What every view is made of.

/** An element: properties, attributes in `attributes`, listeners by `on...`, children as nodes or text. */
export function el(name, properties = {}, ...children) {
  const made = document.createElement(name);
  const { attributes = {}, ...plain } = properties;
  Object.assign(made, plain);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

export const state = (word) => el("span", { className: `state ${word}` }, word);
export const short = (id) => id.slice(0, 10);
export const jobLink = (id, text) => el("a", { href: `#/jobs/${encodeURIComponent(id)}`, className: "id", title: id }, text || short(id));
export const timeOf = (text) => (text ? el("time", { dateTime: text, title: text }, text.slice(0, 19).replace("T", " ")) : "");
export const table = (heads, rows, className = "stack") =>
  el("div", { className: "scroll" }, el("table", { className }, el("thead", {}, el("tr", {}, heads.map((head) => el("th", { scope: "col" }, head)))), el("tbody", {}, rows)));

/** Ask the stub; throws an Error whose text is the stub's own sentence. */
export async function ask(path, method = "GET", body) {
  const token = sessionStorage.getItem("token");
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  const plain = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(plain.error || `${method} ${path}: status ${answer.status}`);
  return plain;
}

