// The chat in the corner of any website: <script src="https://CHAT/static/embed.js" defer></script>
// `data-label` on that tag names the button. The site must stand in `serve.embed_on`. No cookies, no other request.
(() => {
  const tag = document.currentScript;
  const label = tag.dataset.label ?? "Chat with us";
  const OPEN = "deskloop-chat-open"; // a visitor who goes to the next page finds the chat as it was
  const STYLE = `
    :host { all: initial; }
    button { position: fixed; z-index: 2147483001; right: 20px; bottom: 20px; width: 56px; height: 56px; padding: 0; border: 0; border-radius: 50%; background: #1f5c4d; color: #fff; cursor: pointer; box-shadow: 0 6px 24px rgb(0 0 0 / .25); }
    button:focus-visible { outline: 3px solid #7cc9b1; outline-offset: 3px; }
    svg { width: 26px; height: 26px; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; vertical-align: middle; }
    iframe { position: fixed; z-index: 2147483000; right: 20px; bottom: 88px; width: 400px; height: min(640px, calc(100dvh - 108px)); border: 0; border-radius: 20px; background: #fffdf9; box-shadow: 0 18px 60px rgb(0 0 0 / .3); }
    [hidden] { display: none; }
    @media (max-width: 560px) {
      iframe { inset: 56px 0 0; width: 100%; height: calc(100dvh - 56px); border-radius: 16px 16px 0 0; }
      button[aria-expanded="true"] { top: 6px; right: 8px; bottom: auto; width: 44px; height: 44px; }
    }`;
  const SHAPES = { false: "M4 5h16v11H9l-5 4z", true: "M6 6l12 12M18 6 6 18" };

  const host = document.createElement("div");
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet(); // unlike a style element, no content policy of the site forbids it
  sheet.replaceSync(STYLE);
  root.adoptedStyleSheets = [sheet];

  const button = Object.assign(document.createElement("button"), { type: "button" });
  const icon = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const shape = document.createElementNS("http://www.w3.org/2000/svg", "path");
  icon.setAttribute("viewBox", "0 0 24 24");
  icon.setAttribute("aria-hidden", "true");
  icon.append(shape);
  button.append(icon);
  const frame = Object.assign(document.createElement("iframe"), { title: label, hidden: true });
  root.append(button, frame);

  function turn(open, moved = true) {
    if (open && !frame.src) frame.src = new URL("/", tag.src).href; // nothing is loaded before somebody asks
    frame.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
    button.setAttribute("aria-label", open ? "Close the chat" : label);
    shape.setAttribute("d", SHAPES[open]);
    if (moved) (open ? frame : button).focus();
    try {
      sessionStorage.setItem(OPEN, open ? "yes" : "");
    } catch {
      // private windows may refuse; the chat works without
    }
  }

  function remembered() {
    try {
      return sessionStorage.getItem(OPEN) === "yes";
    } catch {
      return false;
    }
  }

  button.addEventListener("click", () => turn(frame.hidden));
  addEventListener("keydown", (event) => event.key === "Escape" && !frame.hidden && turn(false));
  turn(remembered(), false);
  document.body.append(host);
})();
