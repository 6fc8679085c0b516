// The customer's chat: sends, streams, shows sources, takes thumbs, waits for a colleague.
import { call, clone, events, failure, link, write } from "./api.js";

const WAITING_MS = 2500; // between looks for a colleague's reply, once one is awaited
const IDLE_MS = 15000;
const KEY = "deskloop-chat";
const at = (id) => document.getElementById(id);
const { ticket } = document.body.dataset; // lets this page use an API that needs a key
const [messages, scroll, composer, field, send, status] =
  ["messages", "scroll", "composer", "text", "send", "status"].map(at);

// kept in this tab, so that a reload does not lose the conversation
const fresh = () => ({ conversation: null, turns: [], seen: "", handedOver: false, colleague: "none" });
const COLLEAGUE = {
  joined: "A colleague is in this chat and reads what you write.",
  released: "Our colleague has left the chat. The assistant answers again.",
  closed: "Our colleague has closed this conversation. If you write again, the assistant answers.",
};
let state = restore();
let busy = false;
let timer = 0;

function restore() {
  try {
    return { ...fresh(), ...JSON.parse(sessionStorage.getItem(KEY)) };
  } catch {
    return fresh();
  }
}

function save() {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(state));
  } catch {
    // private windows may refuse; the chat works without
  }
}

function show(item) {
  at("welcome").hidden = true;
  messages.append(item);
  scroll.scrollTop = scroll.scrollHeight;
  return item;
}

function showSaid(role, text) {
  const item = clone(`${role}-message`);
  write(item.querySelector(".bubble"), text);
  return show(item);
}

function finish(item, text, about) {
  write(item.querySelector(".bubble"), text);
  item.removeAttribute("aria-busy");
  if (!about) return;
  item.dataset.kind = about.kind;
  item.querySelector(".handover").hidden = about.kind !== "handoff";
  const offered = about.suggestions ?? [];
  item.querySelector(".offers").hidden = !offered.length;
  item.querySelector(".offers ul").replaceChildren(...offered.map(offer));
  const answered = about.kind === "generate" || about.kind === "retrieve";
  item.querySelector(".after").hidden = !answered;
  if (answered) {
    item.querySelector(".sources").replaceChildren(...about.sources.map(source));
    takeThumbs(item, about);
  }
}

function offer({ question }) {
  const li = document.createElement("li");
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: question });
  button.addEventListener("click", () => busy || ask(question));
  li.append(button);
  return li;
}

function source({ question, url }) {
  const li = document.createElement("li");
  const shown = url && /^https?:\/\//.test(url) ? link(url, "") : document.createElement("span");
  const icon = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  icon.setAttribute("viewBox", "0 0 24 24");
  icon.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", "M7 3.500h7.500L19 8v12.500H7zM14 3.500V8.500h5M10 13h6M10 16.500h6");
  icon.append(path);
  const title = document.createElement("b");
  title.textContent = question;
  shown.append(icon, title);
  li.append(shown);
  return li;
}

function takeThumbs(item, about) {
  const group = item.querySelector(".thumbs");
  group.hidden = !about.message_id;
  const buttons = [...group.querySelectorAll("button")];
  const press = (thumb) => buttons.forEach((b) => b.setAttribute("aria-pressed", String(Number(b.dataset.thumb) === thumb)));
  press(about.thumb ?? 0);
  for (const button of buttons) {
    button.addEventListener("click", async () => {
      const thumb = Number(button.dataset.thumb);
      const note = group.querySelector(".thanks");
      try {
        await call("/v1/feedback", { method: "POST", body: { message_id: about.message_id, thumb }, token: ticket });
        about.thumb = thumb;
        press(thumb);
        note.textContent = "Thank you";
        save();
      } catch (error) {
        note.textContent = error.message;
      }
    });
  }
}

async function ask(text) {
  setBusy(true);
  const said = showSaid("customer", text);
  const item = show(clone("bot-message"));
  try {
    const { answer, about } = await stream(text, item.querySelector(".bubble"));
    state.turns.push({ role: "user", content: text });
    if (about?.kind === "colleague") {
      item.remove();
      tell("joined");
    } else {
      state.turns.push({ role: "assistant", content: answer, about });
      state.handedOver ||= about?.kind === "handoff";
      if (state.colleague !== "joined") tell("none"); // who was told that the colleague left has read it
      finish(item, answer, about);
    }
    save();
  } catch (error) {
    item.remove();
    fail(error, text, said);
  }
  setBusy(false);
  scroll.scrollTop = scroll.scrollHeight;
  listen();
}

async function stream(text, bubble) {
  const turns = [...state.turns.filter((t) => t.role !== "agent"), { role: "user", content: text }];
  const headers = { "Content-Type": "application/json" };
  if (ticket) headers.Authorization = `Bearer ${ticket}`;
  if (state.conversation) headers["X-Conversation-Id"] = state.conversation;
  const body = { model: "deskloop", stream: true, messages: turns.slice(-20).map(({ role, content }) => ({ role, content })) };
  const response = await fetch("/v1/chat/completions", { method: "POST", headers, body: JSON.stringify(body) });
  if (!response.ok) throw await failure(response);
  state.conversation = response.headers.get("X-Conversation-Id");
  let answer = "";
  let about = null;
  for await (const data of events(response)) {
    if (data === "[DONE]") return { answer: answer.trim(), about };
    const chunk = JSON.parse(data);
    if (chunk.error) throw new Error(chunk.error.message);
    about = chunk.deskloop ?? about;
    answer += chunk.choices[0].delta.content ?? "";
    if (answer) {
      bubble.textContent = answer;
      scroll.scrollTop = scroll.scrollHeight;
    }
  }
  throw new Error("The connection was lost before the answer was complete.");
}

function fail(error, text, said) {
  const item = clone("failure");
  item.querySelector(".bubble").textContent = trouble(error);
  item.querySelector(".again").addEventListener("click", () => {
    if (busy) return;
    item.remove();
    said.remove();
    ask(text);
  });
  show(item);
  look();
}

function trouble(error) {
  if (error instanceof TypeError) return "We cannot be reached at the moment.";
  if (error.status === 503) return "We cannot answer right now. Please try again in a little while.";
  if (error.status === 401) return "This page has been open for too long. Please reload it.";
  return error.message;
}

// Colleagues' replies: often while one is awaited, seldom otherwise, never in a hidden tab.
async function listen() {
  clearTimeout(timer);
  if (!state.conversation) return;
  if (!document.hidden && !busy) await collect().catch(() => {});
  clearTimeout(timer);
  timer = setTimeout(listen, state.handedOver ? WAITING_MS : IDLE_MS);
}

function tell(colleague) {
  state.colleague = colleague;
  at("colleague").hidden = !(colleague in COLLEAGUE);
  at("colleague").textContent = COLLEAGUE[colleague] ?? "";
}

async function collect() {
  const conversation = state.conversation;
  const { data, colleague } = await call(`/v1/conversations/${conversation}/replies?after=${encodeURIComponent(state.seen)}`, { token: ticket });
  if (conversation !== state.conversation) return;
  for (const reply of data) {
    if (state.turns.some((t) => t.id === reply.id)) continue;
    state.seen = reply.id;
    state.turns.push({ role: "agent", content: reply.text, id: reply.id });
    showSaid("agent", reply.text);
  }
  // that a colleague has left is said to who knew of them
  if (colleague === "joined" || state.colleague === "joined") tell(colleague);
  state.handedOver = colleague === "joined" || (state.handedOver && colleague === "none");
  save();
}

async function look() {
  const [mode, words] = await fetch("/readyz")
    .then((r) => r.json())
    .then((r) => (r.status === "ready" ? ["ready", `Online · version ${r.version}`] : ["down", "Not answering yet: no version has been deployed"]))
    .catch(() => ["down", "Offline"]);
  status.className = `status ${mode}`;
  at("absent").hidden = !words.startsWith("Not");
  const said = status.querySelector(".words");
  if (said.textContent !== words) said.textContent = words;
}

function setBusy(value) {
  busy = value;
  send.disabled = busy || !field.value.trim();
}

function fit() {
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
  send.disabled = busy || !field.value.trim();
}

composer.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = field.value.trim();
  if (!text || busy) return;
  field.value = "";
  fit();
  ask(text);
});
field.addEventListener("input", fit);
field.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    composer.requestSubmit();
  }
});
at("restart").addEventListener("click", () => {
  if (busy) return;
  state = fresh();
  tell("none");
  save();
  messages.replaceChildren();
  at("welcome").hidden = false;
  field.focus();
});
document.addEventListener("visibilitychange", () => !document.hidden && (listen(), look()));

for (const turn of state.turns) {
  if (turn.role === "user") showSaid("customer", turn.content);
  else if (turn.role === "agent") showSaid("agent", turn.content);
  else finish(show(clone("bot-message")), turn.content, turn.about);
}
tell(state.colleague);
look();
setInterval(() => !document.hidden && look(), IDLE_MS);
listen();
fit();
if (matchMedia("(hover: hover)").matches) field.focus();
