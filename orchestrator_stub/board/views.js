// Nodes, journal, faults, scripts: each is `load(view)`, which asks, and `draw(data, view)`, which answers elements.
import { ask, el, jobLink, short, state, table, timeOf } from "/stub/board/parts.js";

const LINES = 200;
const listOf = (data, name) => (Array.isArray(data) ? data : data[name]);

export const nodes = {
  load: async ({ query }) => {
    const found = listOf(await ask("/stub/nodes"), "nodes");
    const chosen = query.get("node");
    return { nodes: found, chosen, runs: chosen ? (await ask(`/stub/board/nodes/${encodeURIComponent(chosen)}`)).executions : [] };
  },
  draw: ({ nodes: found, chosen, runs }, view) => {
    const card = (node) => el("article", { className: "card" },
      el("div", { className: "bar" }, el("h2", {}, el("a", { href: `#/nodes?node=${node.id}`, id: node.id, title: node.id }, node.name === node.id ? short(node.id) : node.name)), state(node.state)),
      ["cpu", "memory", "disk", "gpu"].map((what) => gauge(node, what)),
      el("p", { className: "quiet" }, `${node.running} running, ${node.enqueued} waiting`, node.connection === "DISCONNECTED" ? el("span", { className: "bad" }, ", out of touch") : "", node.membership === "APPROVED" ? "" : `, ${node.membership || "deleted"}`),
      node.id === chosen ? el("ul", {}, runs.map((run) => el("li", {}, jobLink(run.job, run.name), ` ${run.state}, partition ${run.partition}`))) : "",
      el("div", { className: "bar" }, (ORDERS[node.state] || []).map(([word, text]) => el("button", { type: "button", id: `${word}-${node.id}`, onclick: () => view.act(`/stub/nodes/${encodeURIComponent(node.id)}`, "POST", { do: word }) }, text))));
    return [el("div", { className: "cards" }, found.map(card))];
  },
};

const ORDERS = { alive: [["drop", "Drop"], ["freeze", "Freeze"]], dropped: [["rejoin", "Rejoin"]], frozen: [["thaw", "Thaw"]] };

function gauge({ capacity, free }, what) {
  if (!capacity[what]) return "";
  const used = capacity[what] - free[what];
  const text = `${what} ${amount(what, used)} of ${amount(what, capacity[what])}`;
  return el("div", {}, el("span", { className: "quiet" }, text), el("meter", { max: capacity[what], value: used, attributes: { "aria-label": text } }));
}

const amount = (what, number) => (what === "cpu" || what === "gpu" ? String(Math.round(number * 100) / 100) : `${Math.round(number / 1e7) / 100} GB`);

export const journal = {
  load: async ({ query }) => {
    const asked = new URLSearchParams({ newest: LINES });
    if (query.get("job")) asked.set("job", query.get("job"));
    return listOf(await ask(`/stub/journal?${asked}`), "entries").slice(-LINES).reverse();
  },
  draw: (entries, view) => {
    const row = (entry) => el("tr", {},
      el("td", { className: "short" }, String(entry.seq)),
      el("td", { className: "short" }, timeOf(entry.time)),
      el("td", { className: "short" }, el("code", {}, entry.method)),
      el("td", { className: "wide" }, el("code", {}, entry.path + (entry.query ? `?${entry.query}` : ""))),
      el("td", { className: `short ${entry.status >= 400 || !entry.status ? "bad" : ""}` }, String(entry.status || "none")),
      el("td", { className: "short" }, entry.jobs.map((id) => jobLink(id))),
      el("td", { className: "short bad" }, entry.fault),
      el("td", { className: "wide quiet" }, entry.client));
    return [
      el("div", { className: "bar" }, el("button", { type: "button", id: "clear", onclick: () => view.act("/stub/journal", "DELETE") }, "Clear"),
        el("span", { className: "quiet" }, entries.length ? `the newest ${entries.length} requests` : "no request yet")),
      table(["Number", "Time", "Method", "Path", "Status", "Jobs", "Fault", "Client"], entries.map(row)),
    ];
  },
};

const KINDS = {
  drop_reply: "", drop_request: "", hang: "", reset: "", delay: "seconds", stale: "seconds", status: "status", truncate: "bytes", garbage: "bytes", close_frame: "code",
};

export const faults = {
  load: async () => listOf(await ask("/stub/faults"), "faults"),
  draw: (found, view) => {
    const words = (values) => Object.entries(values).map(([key, value]) => `${key}=${typeof value === "object" ? JSON.stringify(value) : value}`).join(" ");
    const row = (fault) => el("tr", {},
      el("td", { className: "short" }, fault.id),
      el("td", { className: "wide" }, el("code", {}, words(fault.match) || "any request")),
      el("td", { className: "wide" }, el("code", {}, words(fault.do))),
      el("td", { className: "short" }, `${fault.hits} hits`),
      el("td", {}, el("button", { type: "button", id: `remove-${fault.id}`, onclick: () => view.act(`/stub/faults/${fault.id}`, "DELETE") }, "Remove")));
    return [newFault(view), found.length ? table(["Id", "Requests", "Fault", "Hits", ""], found.map(row)) : el("p", { className: "quiet" }, "No fault is set.")];
  },
};

function newFault(view) {
  const field = (label, input) => el("label", {}, label, input);
  const usual = { seconds: "5", status: "503", bytes: "100", code: "1011" };
  const number = el("input", { name: "value", type: "number", value: "5", min: "0", step: "any" });
  const kind = el("select", { name: "kind", onchange: () => { number.value = usual[KINDS[kind.value]] || number.value; } }, Object.keys(KINDS).map((word) => el("option", { value: word }, word)));
  const send = (event) => {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(event.target));
    const match = { times: Number(given.times) };
    if (given.method) match.method = given.method;
    if (given.path) match.path = given.path;
    const parameter = KINDS[given.kind];
    document.activeElement.blur();
    view.act("/stub/faults", "POST", { match, do: { kind: given.kind, ...(parameter && { [parameter]: Number(given.value) }), ...(given.kind === "close_frame" && { after: 0 }) } });
  };
  return el("form", { className: "new", onsubmit: send },
    field("Fault", kind),
    field("Number (seconds, status, bytes)", number),
    field("Method", el("input", { name: "method", placeholder: "any", size: 6 })),
    field("Path", el("input", { name: "path", placeholder: "*/jobs", size: 24 })),
    field("Times (0 = all)", el("input", { name: "times", type: "number", value: "1", min: "0" })),
    el("button", { type: "submit" }, "Set"));
}

export const scripts = {
  load: async () => listOf(await ask("/stub/scripts"), "scripts"),
  draw: (found) => {
    const row = (script) => el("tr", {},
      el("td", { className: "wide" }, el("code", {}, JSON.stringify(script.match))),
      el("td", { className: "wide" }, script.stages.map((stage) => el("div", {}, el("code", {}, JSON.stringify(stage))))),
      el("td", { className: "short" }, `${script.hits} hits`));
    if (!found.length) return [el("p", { className: "quiet" }, "No script is set: PUT a list of them to /stub/scripts, or start with --scripts FILE.")];
    return [table(["Jobs", "Stages", "Hits"], found.map(row))];
  },
};
