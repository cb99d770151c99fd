// Every button is a link that works without this script. With it, the result of the page behind
// the link appears beside the button, and the indicator in the page's head is kept up to date.

import { streamAnswer } from "./answer.js";
import { element, percent } from "./elements.js";

const BEAT = 100; // milliseconds between two heartbeats
const LEAD = 500; // milliseconds of heartbeats alone, before and after the blocking call
const SPAN = 3200; // milliseconds that fit into the strip
const TALL = 50; // milliseconds of latency that make a beat as high as the strip

const RUNS = { answer: streamAnswer, blocking: blockWithHeartbeat };

const indicator = document.querySelector("#indicator");

for (const button of document.querySelectorAll("[data-panel]")) {
  const output = document.getElementById(button.dataset.panel);
  const run = RUNS[button.dataset.panel] ?? showResult;
  button.addEventListener("click", async (event) => {
    event.preventDefault();
    if (button.ariaDisabled === "true") return;
    button.ariaDisabled = "true";
    try {
      await run(button.dataset.url ?? button.href, output);
    } catch (error) {
      output.replaceChildren(element("p", "headline", `That failed: ${error.message}`));
    } finally {
      button.ariaDisabled = null;
    }
  });
}

/** Show the result of a page in place. */
async function showResult(url, output) {
  const stop = listen();
  try {
    output.replaceChildren(...(await fetchResult(url)));
  } finally {
    stop();
  }
}

/** Draw the heartbeats while a view blocks. */
async function blockWithHeartbeat(url, output) {
  const summary = element("p", "headline", "Listening to the heartbeat …");
  const loop = element("div", "lane on-loop");
  const thread = element("div", "lane in-thread");
  const lanes = element("div", "lanes");
  lanes.ariaHidden = "true"; // the summary says it all
  lanes.append(loop, thread);
  loop.append(element("span", "", `heartbeats on the event loop, every ${BEAT} ms`));
  output.replaceChildren(summary, lanes);

  const start = performance.now();
  const latencies = [];
  const stop = listen((began, latency) => {
    const bar = element("i");
    bar.style.left = percent((began - start) / SPAN);
    bar.style.height = percent(Math.max(0.1, Math.min(1, latency / TALL)));
    loop.append(bar);
    latencies.push(latency);
  });
  try {
    await pause(LEAD);
    const began = performance.now();
    const bar = element("i");
    bar.append(element("span", "", "time.sleep(2) in a thread"));
    bar.style.left = percent((began - start) / SPAN);
    thread.append(bar);
    const grow = () => (bar.style.width = percent((performance.now() - began) / SPAN));
    const growing = setInterval(grow, BEAT / 4);
    const result = await fetchResult(url).finally(() => clearInterval(growing));
    grow();
    const blocked = (performance.now() - began) / 1000;
    await pause(LEAD);
    summary.replaceChildren(
      element("b", "", `${latencies.length} heartbeats`),
      `, the slowest ${Math.max(...latencies).toFixed(0)} ms, around a view that blocked for `,
      element("b", "thread", `${blocked.toFixed(1)} s`),
    );
    output.append(result[result.length - 1]);
  } finally {
    stop();
  }
}

/** Return the elements of the result on the page behind `url`. */
async function fetchResult(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  return page.querySelector(".result").children;
}

/** Ask for a heartbeat again and again, until the returned function is called. */
function listen(onBeat = () => {}) {
  const beats = setInterval(async () => {
    const began = performance.now();
    const facts = await (await fetch(indicator.dataset.url, { cache: "no-store" })).json();
    onBeat(began, performance.now() - began);
    for (const place of indicator.querySelectorAll("[data-fact]")) {
      place.textContent = facts[place.dataset.fact];
    }
  }, BEAT);
  // The last one a little later, or else the indicator would stay as it was in the thick of it.
  return () => setTimeout(() => clearInterval(beats), 2 * BEAT);
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
