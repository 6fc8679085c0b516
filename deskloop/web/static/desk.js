// The desk: reads conversations, replies, labels, and shows what was released and measured.
import { call, clone, link, write } from "./api.js";

const KEY = "deskloop-desk-token";
const LOOK_MS = 5000;
const at = (id) => document.getElementById(id);
const WHO = { customer: "Customer", bot: "Bot", agent: "Colleague" };
let token = sessionStorage.getItem(KEY);
let view = "inbox";
let filter = "true";
let open = null;
let shown = "";
let asked = null; // the customer's message that was shown last
let joined = new Set(); // conversations that a colleague is in

const ask = (path, options = {}) => call(path, { ...options, token });
const when = (iso) => new Date(iso).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });

function stamp(element, iso) {
  element.dateTime = iso;
  element.textContent = when(iso);
}

// Whatever fails is said once, at the foot of the page; a refused token leads back to the gate.
async function attempt(work) {
  try {
    await work();
    at("problem").hidden = true;
  } catch (error) {
    if (error.status === 401) return leave(error.message);
    at("problem").textContent = error.message;
    at("problem").hidden = false;
  }
}

function leave(message = "") {
  token = null;
  open = null;
  sessionStorage.removeItem(KEY);
  for (const id of ["tabs", "leave", "inbox", "releases", "drift"]) at(id).hidden = true;
  at("gate").hidden = false;
  at("gate-error").hidden = !message;
  at("gate-error").textContent = message;
  at("token").focus();
}

async function enter() {
  const { data } = await ask("/v1/intents");
  at("intents").replaceChildren(...data.map((name) => Object.assign(document.createElement("option"), { value: name })));
  sessionStorage.setItem(KEY, token);
  at("gate").hidden = true;
  at("tabs").hidden = at("leave").hidden = false;
  await turnTo("inbox");
}

async function turnTo(name) {
  view = name;
  for (const button of document.querySelectorAll("[data-view]")) {
    button.toggleAttribute("aria-current", button.dataset.view === name);
    at(button.dataset.view).hidden = button.dataset.view !== name;
  }
  await refresh();
}

const refresh = () => ({ inbox: showInbox, releases: showReleases, drift: showDrift })[view]();

async function showInbox() {
  const { data } = await ask(`/v1/conversations?limit=100${filter ? "&handed_over=true" : ""}`);
  joined = new Set(data.filter((row) => row.joined).map((row) => row.id));
  showPresence();
  const list = at("conversations");
  const focused = list.contains(document.activeElement) ? document.activeElement.dataset.id : null;
  list.replaceChildren(...data.map(conversationRow));
  if (!data.length) list.append(Object.assign(document.createElement("li"), { className: "empty", textContent: "Nobody is waiting." }));
  if (focused) list.querySelector(`[data-id="${focused}"]`)?.focus();
  if (open) await showThread();
}

function showPresence() {
  const here = joined.has(open);
  at("join").hidden = here;
  at("release").hidden = at("close").hidden = !here;
  at("presence").textContent = here ? "A colleague is in this chat; the bot is silent." : "The bot answers in this chat.";
}

async function take(part, body) {
  const id = open;
  await ask(`/v1/conversations/${id}/${part}`, { method: "POST", body });
  await showInbox();
}

function conversationRow(row) {
  const item = clone("conversation-row");
  const button = item.querySelector("button");
  button.dataset.id = row.id;
  button.toggleAttribute("aria-current", row.id === open);
  item.querySelector(".latest").textContent = row.text ?? "";
  const tag = item.querySelector(".waiting");
  tag.hidden = !row.waiting;
  if (row.urgent) Object.assign(tag, { className: "tag urgent", textContent: "urgent" });
  item.querySelector(".rest").textContent = `${when(row.last_at)} · ${row.messages} messages${row.handed_over && !filter ? " · handed over" : ""}`;
  button.addEventListener("click", () => attempt(() => choose(row.id)));
  return item;
}

async function choose(id) {
  open = id;
  shown = "";
  at("inbox").classList.toggle("reading", Boolean(id));
  at("thread-empty").hidden = Boolean(id);
  at("thread-open").hidden = !id;
  at("reply-text").value = at("reply-note").textContent = at("reply").dataset.page = "";
  for (const b of at("conversations").querySelectorAll("button")) b.toggleAttribute("aria-current", b.dataset.id === id);
  showPresence();
  if (id) await showThread();
}

async function showThread() {
  const id = open;
  const { data } = await ask(`/v1/conversations/${id}`);
  const ids = data.map((m) => m.id).join();
  if (id !== open || ids === shown) return; // nothing new: what is being typed stays
  const known = new Set(shown.split(","));
  if (!shown) at("said").replaceChildren();
  at("said").append(...data.filter((m) => !known.has(m.id)).map(saidRow));
  shown = ids;
  at("said").scrollTop = at("said").scrollHeight;
}

function saidRow(message) {
  const item = clone("said-row");
  item.classList.add(message.role);
  item.querySelector(".who").textContent = WHO[message.role];
  stamp(item.querySelector("time"), message.at);
  write(item.querySelector(".text"), message.text);
  item.querySelector(".facts").textContent = facts(message);
  showPages(item.querySelector(".pages"), message.sources ?? []);
  if (message.role === "customer") asked = message.id;
  if (message.role === "customer") labelling(item, message);
  else for (const part of item.querySelectorAll(".label, .open-label")) part.remove();
  return item;
}

// What an answer rests on, or what a hand-over offered: the colleague's first guess too.
function showPages(list, sources) {
  const told = sources.filter(({ question }) => question);
  list.hidden = !told.length;
  list.replaceChildren(...told.map(({ question, url, answer }) => {
    const li = document.createElement("li");
    const page = /^https?:\/\//.test(url ?? "") ? url : "";
    li.append(page ? link(page, question) : question, ...(answer ? [use(question, answer, page)] : []));
    return li;
  }));
}

// Puts a page's words into the reply. Sent, they also tell the next training which page was the right one.
function use(question, answer, page) {
  const button = Object.assign(document.createElement("button"), { type: "button", className: "quiet", textContent: "Use" });
  const about = asked;
  button.setAttribute("aria-label", `Use the answer to “${question}”`);
  button.addEventListener("click", () => {
    at("reply-text").value = answer;
    Object.assign(at("reply").dataset, { page, about });
    at("reply-text").focus();
  });
  return button;
}

function facts(m) {
  if (m.role === "customer") return m.intent ? `understood as ${m.intent}` : "";
  if (m.role !== "bot") return "";
  const did = { handoff: "handed over", clarify: "asked back" }[m.kind] ?? m.kind;
  const offered = did !== m.kind && m.sources?.length && "these offered";
  const ofAnswer = ["generate", "retrieve"].includes(m.kind) || m.reason === "not sure enough";
  const sure = ofAnswer && `${Math.round(100 * m.confidence)} % sure of an answer`;
  return [did, m.reason, offered, sure, `version ${m.model_version}`].filter(Boolean).join(" · ");
}

function labelling(item, message) {
  const form = item.querySelector(".label");
  const opener = item.querySelector(".open-label");
  const note = form.querySelector(".note");
  opener.hidden = false;
  form.elements.intent.value = message.intent ?? "";
  opener.addEventListener("click", () => {
    opener.hidden = true;
    form.hidden = false;
    form.elements.intent.focus();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const { intent, reply, knowledge_url, approve } = Object.fromEntries(new FormData(form));
    const body = { message_id: message.id, intent: intent || null, reply, knowledge_url: knowledge_url || null, approve: Boolean(approve) };
    note.textContent = "";
    attempt(async () => {
      await ask("/v1/reviews", { method: "POST", body });
      note.textContent = "Saved. The next training learns from it.";
    });
  });
}

async function showReleases() {
  const { champion, versions, history } = await ask("/v1/releases");
  at("versions").replaceChildren(...versions.map((v) => versionRow(v, champion)));
  at("history").replaceChildren(...history.map((h) => logRow(h.action, moved(h), h.at)));
}

const moved = (h) => [h.from_version ? `${h.from_version} → ${h.to_version ?? "none"}` : `version ${h.to_version}`, h.reason].filter(Boolean).join(" · ");

function versionRow(v, champion) {
  const row = document.createElement("tr");
  const cells = [String(v.version), when(v.created_at), v.reason, v.summary].map((text) => Object.assign(document.createElement("td"), { textContent: text }));
  if (v.version === champion) cells[0].append(" ", Object.assign(document.createElement("span"), { className: "tag live", textContent: "live" }));
  row.append(...cells);
  return row;
}

async function showDrift() {
  const { data } = await ask("/v1/drift");
  at("checks").replaceChildren(...data.map((d) => logRow(d.verdict, `${d.detail.summary ?? ""}${d.model_version ? ` · version ${d.model_version}` : ""}`, d.at)));
  if (!data.length) at("checks").append(Object.assign(document.createElement("li"), { textContent: "No check has run yet." }));
}

function logRow(kind, text, iso) {
  const item = clone("log-row");
  Object.assign(item.querySelector(".tag"), { textContent: kind === "none" ? "no drift" : kind }).classList.add(kind);
  item.querySelector(".what").textContent = text;
  stamp(item.querySelector("time"), iso);
  return item;
}

at("gate").addEventListener("submit", (event) => {
  event.preventDefault();
  token = at("token").value.trim();
  at("token").value = "";
  attempt(enter);
});
at("leave").addEventListener("click", () => leave());
at("back").addEventListener("click", () => attempt(() => choose(null)));
at("join").addEventListener("click", () => attempt(() => take("join")));
at("release").addEventListener("click", () => attempt(() => take("leave", { closed: false })));
at("close").addEventListener("click", () => attempt(() => take("leave", { closed: true })));
at("tabs").addEventListener("click", ({ target }) => target.dataset.view && attempt(() => turnTo(target.dataset.view)));
document.querySelector(".filter").addEventListener("click", ({ target }) => {
  if (target.dataset.filter === undefined) return;
  filter = target.dataset.filter;
  for (const b of document.querySelectorAll("[data-filter]")) b.setAttribute("aria-pressed", String(b === target));
  attempt(showInbox);
});
at("reply-text").addEventListener("input", ({ target }) => target.value.trim() || (at("reply").dataset.page = ""));
at("reply").addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(async () => {
    const text = at("reply-text").value;
    const { page, about } = at("reply").dataset;
    await ask(`/v1/conversations/${open}/reply`, { method: "POST", body: { text } });
    at("reply-text").value = at("reply").dataset.page = "";
    at("reply-note").textContent = page ? "Sent. The next training learns from it." : "Sent.";
    if (page) await ask("/v1/reviews", { method: "POST", body: { message_id: about, intent: null, reply: text, knowledge_url: page } });
    await showInbox();
  });
});
setInterval(() => token && view === "inbox" && !document.hidden && at("gate").hidden && attempt(refresh), LOOK_MS);
if (token) attempt(enter);
else leave();
