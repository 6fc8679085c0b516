// The few calls both pages make. Errors carry the API's own words.

export async function call(path, { method = "GET", body, token } = {}) {
  const headers = {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (token) headers.Authorization = `Bearer ${token}`;
  const response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  if (!response.ok) throw await failure(response);
  return response.status === 204 ? null : response.json();
}

export async function failure(response) {
  let message = `The server answered ${response.status}.`;
  try {
    message = (await response.json()).error.message;
  } catch {
    // not our JSON: a proxy's page, for instance
  }
  return Object.assign(new Error(message), { status: response.status, retry: Number(response.headers.get("Retry-After")) });
}

// Server-sent events of a fetch response, one `data` at a time.
export async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    buffer += value;
    const blocks = buffer.split(/\r?\n\r?\n/);
    buffer = blocks.pop();
    for (const block of blocks) {
      const data = block.split(/\r?\n/).filter((line) => line.startsWith("data:")).map((line) => line.slice(5).replace(/^ /, ""));
      if (data.length) yield data.join("\n");
    }
  }
}

// Text with its web addresses as links; never reads HTML.
export function write(element, text) {
  element.replaceChildren();
  for (const part of text.split(/(https?:\/\/[^\s<>"')\]]*[^\s<>"')\].,;:!?])/)) {
    if (/^https?:\/\//.test(part)) element.append(link(part, part));
    else if (part) element.append(part);
  }
}

export function link(url, text) {
  const a = document.createElement("a");
  a.href = url;
  a.target = "_blank";
  a.rel = "noopener noreferrer";
  a.textContent = text;
  return a;
}

export function clone(id) {
  return document.getElementById(id).content.firstElementChild.cloneNode(true);
}
