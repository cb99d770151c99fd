// The window's end of the chat room's WebSocket. It is sent who you are ("you"), each line with its
// identifier ("line", "id"), that all lines follow ("begins"), who is here if it asks ("here"), and
// what could not be said ("failed"). It sends what is typed; an empty message asks who is here.

const FIRST_RETRY = 500; // milliseconds, doubled each time
const LAST_RETRY = 8000;

const byId = (id) => document.getElementById(id);
const [enter, room, said, here, speak, text] = ["enter", "room", "said", "here", "speak", "text"].map(byId);

let socket;
let you;
let last; // the identifier of the latest line
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
  if (last) url.searchParams.set("after", last);
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
    show(`You are ${you}`, true);
  } else if (update.begins) {
    said.replaceChildren();
  } else if (update.here) {
    here.replaceChildren(...update.here.sort().map((name) => element("li", name, name === you ? "you" : "")));
  } else if (update.failed) {
    show(update.failed, true);
    text.value ||= update.text;
  } else {
    last = update.id;
    const atEnd = said.scrollHeight - said.scrollTop - said.clientHeight < 40;
    said.append(line(update.line));
    if (atEnd) said.scrollTop = said.scrollHeight;
    if (update.line.who === null) socket.send(""); // somebody has come or left
  }
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
