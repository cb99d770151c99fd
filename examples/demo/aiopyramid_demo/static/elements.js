// What the scripts of all pages make elements with.

export function element(name, className = "", text = "") {
  return Object.assign(document.createElement(name), { className, textContent: text });
}

export function percent(part) {
  return `${(100 * part).toFixed(2)}%`;
}
