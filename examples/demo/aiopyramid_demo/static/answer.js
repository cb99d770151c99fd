// The answer that arrives word by word. The browser's EventSource reads it: it connects again when
// the connection breaks, and tells the server which event it saw last.

import { element, percent } from "./elements.js";

const SPAN = 6000; // milliseconds that fit into the strip

/** Show the words of the stream at `url` as they arrive, until it ends. */
export function streamAnswer(url, output) {
  const headline = element("p", "headline", "Waiting for the first word …");
  const strip = element("div", "lane on-loop words");
  strip.ariaHidden = "true"; // the headline says it all
  strip.append(element("span", "", "each word as it arrives"));
  const text = element("p", "answer");
  output.replaceChildren(headline, strip, text);
  output.ariaBusy = "true"; // nobody wants each word to be announced

  const start = performance.now();
  const seen = []; // the identifiers of the events
  let connections = 0;
  const source = new EventSource(url);
  source.addEventListener("open", () => {
    connections += 1;
    if (connections > 1) text.append(element("mark", "", `resumed after word ${seen.at(-1)}`), " ");
  });
  source.addEventListener("message", ({ data, lastEventId }) => {
    seen.push(Number(lastEventId));
    const tick = element("i");
    tick.style.left = percent((performance.now() - start) / SPAN);
    strip.append(tick);
    text.append(element("span", "", data), " ");
    headline.replaceChildren(element("b", "", `${seen.length} words`), " so far");
  });
  return new Promise((resolve, reject) => {
    source.addEventListener("end", () => {
      const areAll = seen.every((number, index) => number === index + 1);
      headline.replaceChildren(
        element("b", "", `${seen.length} words`),
        ` in ${((performance.now() - start) / 1000).toFixed(1)} s, over `,
        element("b", "", `${connections} connections`),
        areAll ? ": none missing, none twice" : ": not in order",
      );
      resolve();
    });
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED) reject(new Error("the stream is not there"));
    });
  }).finally(() => {
    source.close();
    output.ariaBusy = null;
  });
}
