// The board: what /stub/ knows, asked for again while the page is seen. All text goes into the page as text.
import { ask, el, jobLink, short, state, table, timeOf } from "/stub/board/parts.js";
import { faults, journal, nodes, scripts } from "/stub/board/views.js";

const LOOK_EVERY = 1000; // milliseconds
const PAGE = 100;
const STATES = ["Pending", "Queued", "Running", "Completed", "Failed", "Stopped"];
const $ = (id) => document.getElementById(id);

/** Do something that the user asked for, then look again; what goes wrong is shown. */
async function act(path, method, body) {
  document.body.setAttribute("aria-busy", "true");
  try {
    await ask(path, method, body);
    complain("");
  } catch (error) {
    complain(error.message);
  } finally {
    document.body.removeAttribute("aria-busy");
  }
  await look(true);
}

function complain(text) {
  $("trouble").hidden = !text;
  $("trouble").textContent = text;
}

// Views. Each has `load(view)`, which asks, and `draw(data, view)`, which answers elements.

const jobs = {
  load: ({ query }) => {
    const asked = new URLSearchParams({ limit: PAGE, offset: query.get("offset") || 0 });
    for (const key of ["q", "state"]) if (query.get(key)) asked.set(key, query.get(key));
    return ask(`/stub/board/jobs?${asked}`);
  },
  draw: (found, view) => [searchBar(found, view), jobTable(found), pager(found, view)],
};

function searchBar({ counts }, { query }) {
  const all = Object.values(counts).reduce((sum, number) => sum + number, 0);
  const chip = (word, number) =>
    el("button", {
      type: "button", id: `state-${word}`, onclick: () => go(query, { state: word, offset: "" }),
      attributes: { "aria-pressed": String((query.get("state") || "") === word) },
    }, `${word || "All"} ${number}`);
  const search = el("input", {
    type: "search", id: "search", value: query.get("q") || "", placeholder: "id, name, image, label",
    oninput: (event) => go(query, { q: event.target.value, offset: "" }), attributes: { "aria-label": "Search jobs" },
  });
  return el("div", { className: "bar" }, search, chip("", all), STATES.filter((word) => counts[word]).map((word) => chip(word, counts[word])));
}

function jobTable({ jobs: found }) {
  if (!found.length) return el("p", { className: "quiet" }, "No job here yet.");
  const row = (job) => el("tr", {},
    el("td", { className: "short" }, state(job.state)),
    el("td", { className: "short" }, jobLink(job.id)),
    el("td", { className: "wide" }, job.name === job.id ? "" : job.name),
    el("td", {}, `${job.type} / ${job.image || job.engine}`),
    el("td", { className: "short" }, job.namespace),
    el("td", { className: "short" }, timeOf(job.created)),
    el("td", { className: "wide" }, el("div", { className: "message", title: job.message }, job.message || runsOf(job), exitsOf(job))));
  return table(["State", "Job", "Name", "Runs", "Namespace", "Created", "Says"], found.map(row));
}

const runsOf = ({ runs, count }) => (count > 1 ? Object.entries(runs).map(([word, number]) => `${number} ${word}`).join(", ") : "");

const exitsOf = ({ exit_codes: codes }) => (codes.length ? el("span", { className: "bad" }, ` exit code ${codes.join(", ")}`) : "");

function pager({ total, jobs: found }, { query }) {
  const offset = Number(query.get("offset") || 0);
  if (total <= PAGE) return "";
  const turn = (id, text, to, possible) => el("button", { type: "button", id, disabled: !possible, onclick: () => go(query, { offset: to || "" }) }, text);
  return el("div", { className: "bar" }, turn("newer", "Newer", Math.max(0, offset - PAGE), offset > 0),
    turn("older", "Older", offset + PAGE, offset + PAGE < total), el("span", { className: "quiet" }, `${offset + 1} to ${offset + found.length} of ${total}`));
}

const job = {
  load: ({ id }) => ask(`/stub/board/jobs/${encodeURIComponent(id)}`),
  goOn: (seen, view) => {
    const chosen = chosenOf(seen, view);
    if (chosen) readOn(chosen);
  },
  draw: (seen, view) => {
    const chosen = chosenOf(seen, view);
    return [jobHead(seen), executionTable(seen, chosen, view), chosen ? logsOf(chosen) : "", historyOf(seen),
      el("h3", {}, "Task"), el("pre", { id: "spec", tabIndex: 0 }, seen.spec)];
  },
};

const chosenOf = ({ executions }, { query }) => executions.find((each) => each.id === query.get("execution")) || executions.findLast((each) => each.is_live) || executions.at(-1);

function jobHead(seen) {
  const over = ["Completed", "Failed", "Stopped"].includes(seen.state);
  const stop = () => act(`/api/v1/orchestrator/jobs/${encodeURIComponent(seen.id)}?namespace=${encodeURIComponent(seen.namespace)}&reason=stopped+on+the+board`, "DELETE");
  const pairs = (values) => Object.entries(values).map(([key, value]) => `${key}=${value}`).join("  ");
  const fact = (name, value) => (value === "" || value === null ? [] : [el("dt", {}, name), el("dd", {}, value)]);
  return el("section", {},
    el("div", { className: "bar" }, el("a", { href: "#/jobs", id: "back" }, "Jobs"), el("h2", {}, seen.name), state(seen.state),
      over ? "" : el("button", { type: "button", id: "stop", className: "danger", onclick: stop }, "Stop")),
    seen.message ? el("pre", { id: "message" }, seen.message) : "",
    el("dl", { className: "facts" }, fact("Id", el("code", {}, seen.id)), fact("Namespace", seen.namespace), fact("Type", `${seen.type}, ${seen.image || seen.engine}, count ${seen.count}, version ${seen.version}`),
      fact("Created", timeOf(seen.created)), fact("Changed", timeOf(seen.modified)), fact("Labels", pairs(seen.labels)), fact("Meta", pairs(seen.meta))));
}

function executionTable(seen, chosen, { id }) {
  if (!seen.executions.length) return el("p", { className: "quiet" }, "No execution yet.");
  const row = (each) => el("tr", { className: each === chosen ? "chosen" : "" },
    el("td", { className: "short" }, state(each.state)),
    el("td", { className: "short" }, el("a", { className: "id", href: `#/jobs/${encodeURIComponent(id)}?execution=${each.id}`, title: each.id, id: each.id }, short(each.id))),
    el("td", { className: "short" }, `partition ${each.partition}`),
    el("td", { className: "short" }, el("a", { className: "id", href: `#/nodes?node=${each.node}`, title: each.node }, short(each.node))),
    el("td", { className: "short" }, each.state === "Completed" && each.exit_code !== null ? `exit ${each.exit_code}` : ""),
    el("td", { className: "short" }, timeOf(each.modified)),
    el("td", { className: "wide" }, each.message));
  return el("section", {}, el("h3", {}, `Executions${seen.more_executions ? ` (the newest, ${seen.more_executions} more)` : ""}`),
    table(["State", "Execution", "Partition", "Node", "Exit", "Changed", "Says"], seen.executions.map(row)));
}

function historyOf({ history, more_history: more }) {
  const row = (line) => el("tr", {}, el("td", { className: "short" }, timeOf(line.time)), el("td", { className: "short id" }, short(line.execution)),
    el("td", { className: "short" }, line.topic), el("td", { className: `wide ${line.is_error ? "bad" : ""}` }, [line.message, line.hint].filter(Boolean).join(" ")));
  return el("section", {}, el("h3", {}, `History${more ? ` (the newest, ${more} more)` : ""}`), table(["Time", "Execution", "Topic", "Event"], history.map(row)));
}

// Logs: kept as they come, for one execution at a time.

const COLOURS = /\u001b\[[0-9;]*[A-Za-z]/g; // what terminals make of them is no text
const logs = { of: "", stdout: null, stderr: null };

function logsOf(execution) {
  if (logs.of !== execution.id) Object.assign(logs, { of: execution.id, stdout: freshLog("stdout"), stderr: freshLog("stderr") });
  readOn(execution);
  const column = (name) => el("div", {}, el("p", { className: "quiet" }, name), logs[name].pre);
  return el("section", {}, el("h3", {}, `Output of ${short(execution.id)}`), el("div", { className: "logs" }, column("stdout"), column("stderr")));
}

function readOn(execution) {
  for (const name of ["stdout", "stderr"]) if (!logs[name].over) read(execution, name, logs[name]);
}

const freshLog = (name) => ({ next: 0, over: false, busy: false, pre: el("pre", { id: `log-${name}`, tabIndex: 0, attributes: { "aria-label": name } }) });

async function read(execution, name, log) {
  if (log.busy) return;
  log.busy = true;
  try {
    let piece;
    do {
      piece = await ask(`/stub/board/logs/${execution.id}/${name}?since=${log.next}`);
      const moved = piece.next > log.next;
      const atEnd = log.pre.scrollTop + log.pre.clientHeight >= log.pre.scrollHeight - 4;
      log.pre.append(piece.text.replace(COLOURS, ""));
      if (atEnd) log.pre.scrollTop = log.pre.scrollHeight;
      log.next = piece.next;
      log.over = piece.is_last;
      if (!moved) break;
    } while (!piece.is_last);
    if (!piece.kept && !execution.is_live) {
      log.over = true; // nothing is kept of it but the head that its node reported
      if (!log.next) log.pre.textContent = execution[name];
    }
  } catch (error) {
    complain(error.message);
  } finally {
    log.busy = false;
  }
}

// The page: which view, what it shows, and when to look again.

const VIEWS = { jobs, nodes, journal, faults, scripts };
let view = null;
let shown = "";
let looks = 0;

function parse(hash) {
  const given = hash.replace(/^#\/?/, "");
  if (given.startsWith("token=")) {
    sessionStorage.setItem("token", decodeURIComponent(given.slice(6)));
    history.replaceState(null, "", "#/jobs");
    return parse("#/jobs");
  }
  const [path, query = ""] = given.split("?");
  const [name, ...rest] = path.split("/");
  const id = decodeURIComponent(rest.join("/"));
  const chosen = name in VIEWS ? name : "jobs";
  return { name: chosen, id, act, query: new URLSearchParams(query), of: chosen === "jobs" && id ? job : VIEWS[chosen] };
}

function go(query, changes) {
  const next = new URLSearchParams(query);
  for (const [key, value] of Object.entries(changes)) value === "" ? next.delete(key) : next.set(key, value);
  const text = String(next);
  history.replaceState(null, "", `#/${view.name}${view.id ? `/${encodeURIComponent(view.id)}` : ""}${text ? `?${text}` : ""}`);
  view = parse(location.hash);
  look(true);
}

async function look(now = false) {
  const mine = ++looks;
  try {
    const [data, clock] = await Promise.all([view.of.load(view), ask("/stub/clock")]);
    if (mine !== looks) return;
    showClock(clock);
    const text = JSON.stringify(data) + location.hash;
    if (text !== shown || (view.of === job && now)) draw(data);
    else view.of.goOn?.(data, view);
    shown = text;
    if ($("trouble").dataset.lost) complain("");
    delete $("trouble").dataset.lost;
  } catch (error) {
    if (mine !== looks) return;
    $("trouble").dataset.lost = "yes";
    complain(error instanceof TypeError ? "The stub does not answer." : error.message);
    if (!shown) $("main").replaceChildren(el("p", { className: "quiet" }, "There is nothing to show."));
  }
}

function draw(data) {
  const focused = document.activeElement?.id;
  const caret = document.activeElement?.selectionStart;
  const open = document.querySelector("form.new")?.contains(document.activeElement);
  if (open) return; // somebody is filling it in
  $("main").replaceChildren(...view.of.draw(data, view).flat().filter(Boolean));
  const again = focused && $(focused);
  if (again && again !== document.activeElement) {
    again.focus({ preventScroll: true });
    if (caret !== undefined && caret !== null) again.setSelectionRange?.(caret, caret);
  }
}

function showClock({ now, mode }) {
  $("mode").textContent = `clock: ${mode}`;
  $("now").textContent = now.slice(0, 19).replace("T", " ");
  $("now").title = now;
  $("moves").hidden = mode === "real";
}

function turn() {
  view = parse(location.hash);
  shown = "";
  complain("");
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#/${view.name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${view.id ? short(view.id) : view.name} - bacalhau stub`;
  look(true);
}

function key(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
  if (event.key === "Escape") {
    if (typing) event.target.blur();
    else if (view.id) location.hash = "#/jobs";
    return;
  }
  if (typing) return;
  const names = Object.keys(VIEWS);
  if (event.key === "/" && $("search")) $("search").focus();
  else if (event.key === "a" && !$("moves").hidden) $("clock").requestSubmit();
  else if (event.key === "j" || event.key === "k") move(event.key === "j" ? 1 : -1);
  else if (event.key >= "1" && event.key <= String(names.length)) location.hash = `#/${names[event.key - 1]}`;
  else return;
  event.preventDefault();
}

function move(by) {
  const links = [...document.querySelectorAll("main tbody a.id")].filter((link, at, all) => all.findIndex((each) => each.closest("tr") === link.closest("tr")) === at);
  const at = links.findIndex((link) => link.closest("tr").contains(document.activeElement));
  links[Math.min(links.length - 1, Math.max(0, at + by))]?.focus();
}

$("clock").addEventListener("submit", (event) => {
  event.preventDefault();
  act("/stub/clock", "POST", { advance: Number($("step").value) });
});
$("until-idle").addEventListener("click", () => act("/stub/clock", "POST", { run_until_idle: true }));
addEventListener("hashchange", turn);
addEventListener("keydown", key);
document.addEventListener("visibilitychange", () => document.hidden || look());
setInterval(() => document.hidden || look(), LOOK_EVERY);
ask("/stub/info").then((info) => {
  $("release").textContent = info.release;
  $("facts").textContent = [info.url, info.s3.endpoint ? `S3 ${info.s3.endpoint}` : "no S3", `docker: ${info.docker}`].join(" \u00b7 ");
}, (error) => complain(error.message));
turn();
