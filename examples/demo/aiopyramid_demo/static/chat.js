// The window's end of the chat room's WebSocket. The room sends three things: who you are
// ("you"), who is here ("here"), and what was said since the last time ("lines").

const FIRST_RETRY = 500; // milliseconds, doubled each time
const LAST_RETRY = 8000;

const byId = (id) => document.getElementById(id);
const [enter, room, said, here, speak, text] = ["enter", "room", "said", "here", "speak", "text"].map(byId);

let socket;
let you;
let retry = FIRST_RETRY;

enter.addEventListener("submit", (event) => {
  event.preventDefault();
  connect(byId("name").value);
});

speak.addEventListener("submit", (event) => {
  event.preventDefault();
  if (socket.readyState !== WebSocket.OPEN) return; // what was typed stays there
  socket.send(text.value);
  text.value = "";
  text.focus();
});

/** Enter the room; come back when the connection breaks, as it does when the server restarts. */
function connect(name) {
  const url = new URL(byId("chat").dataset.url, location);
  url.protocol = url.protocol.replace("http", "ws");
  url.searchParams.set("name", name);
  socket = new WebSocket(url);
  socket.addEventListener("message", ({ data }) => take(JSON.parse(data)));
  socket.addEventListener("close", () => {
    show(`Disconnected; trying again in ${retry / 1000} s`, false);
    setTimeout(() => connect(name), retry);
    retry = Math.min(2 * retry, LAST_RETRY);
  });
}

function take(update) {
  if (update.you) {
    you = update.you;
    retry = FIRST_RETRY;
    said.replaceChildren(); // the room begins with what it has kept
    show(`You are ${you}`, true);
    return;
  }
  const atEnd = said.scrollHeight - said.scrollTop - said.clientHeight < 40;
  said.append(...update.lines.map(line));
  if (atEnd) said.scrollTop = said.scrollHeight;
  here.replaceChildren(...update.here.map((name) => element("li", name, name === you ? "you" : "")));
}

function line({ at, who, text }) {
  const item = element("li", "", who === null ? "notice" : who === you ? "mine" : "theirs");
  const time = element("time", new Date(1000 * at).toLocaleTimeString([], { timeStyle: "short" }));
  time.dateTime = new Date(1000 * at).toISOString();
  item.append(...(who === null ? [] : [element("b", who)]), time, element("span", text));
  return item;
}

function show(status, isOpen) {
  byId("status").textContent = status;
  byId("chat").classList.toggle("open", isOpen);
  if (isOpen && room.hidden) {
    room.hidden = false;
    enter.hidden = true;
    text.focus();
  }
}

function element(name, textContent = "", className = "") {
  return Object.assign(document.createElement(name), { textContent, className });
}
