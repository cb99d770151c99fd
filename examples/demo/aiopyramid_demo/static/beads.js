// The window's side of the shared string of beads. It gets every bead from an event stream, also
// those that it has added itself; it adds one by a request, which any worker may answer.

import { element } from "./elements.js";

const byId = (id) => document.getElementById(id);
const page = byId("beads");
const me = Math.random().toString(36).slice(2); // who has added a bead
let beads = [];
let worker; // the one that this window reads from

const source = new EventSource(page.dataset.events);
source.addEventListener("worker", ({ data }) => {
  worker = data;
  show();
});
source.addEventListener("message", ({ data }) => {
  beads = [...beads, JSON.parse(data)].slice(-page.dataset.kept);
  show();
});
source.addEventListener("resync", () => {
  beads = []; // all that the group has kept follow
  show();
});
source.addEventListener("error", () => {
  tell("Disconnected; the browser connects again by itself", false);
});

byId("add").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { action } = event.target;
  const answer = await fetch(action, { method: "POST", body: new URLSearchParams({ window: me }) });
  if (!answer.ok) tell(`The bead was not sent: ${answer.status} ${answer.statusText}`, true);
});

function show() {
  const workers = new Set([worker, ...beads.map((bead) => String(bead.worker))]);
  byId("strings").replaceChildren(...[...workers].sort().map(string));
  const mine = beads.filter((bead) => bead.window === me).length;
  tell(`${beads.length} beads, ${mine} of them from this window`, true);
}

/** Return the beads that one worker has sent to the group. */
function string(of) {
  const section = element("section", "string");
  const title = element("h2", "", `Sent by worker ${of}`);
  if (of === worker) title.append(" ", element("small", "", "which serves this window"));
  const list = element("ol");
  for (const bead of beads.filter((bead) => String(bead.worker) === of)) {
    list.append(element("li", bead.window === me ? "mine" : "theirs", bead.window === me ? "this" : "other"));
  }
  section.append(title, list.children.length ? list : element("p", "none", "No bead yet."));
  return section;
}

function tell(status, isOpen) {
  byId("status").textContent = status;
  page.classList.toggle("open", isOpen);
}
