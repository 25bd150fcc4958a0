// Looks at the page that is shown and returns what somebody without a mouse, without eyes or
// with weak ones would stumble over. Rules by WCAG 2.2, level AA; each finding names its place.
const findings = [];
const found = (what, element) => {
  findings.push(element ? `${what}: ${element.outerHTML.slice(0, 120)}` : what);
};
const shown = (element) => {
  const style = getComputedStyle(element);
  return style.visibility !== "hidden" && element.getClientRects().length > 0;
};

// 3.1.1, 2.4.2, 1.3.1, 2.4.1
if (!document.documentElement.lang) found("the page says no language");
if (!document.title) found("the page has no title");
if (document.querySelectorAll("h1").length !== 1) found("the page has not one h1");
if (document.querySelectorAll("main").length !== 1) found("the page has not one main");
let level = 0;
for (const heading of document.querySelectorAll("h1, h2, h3, h4")) {
  const own = Number(heading.tagName[1]);
  if (own > level + 1) found("a heading leaves a level out", heading);
  level = own;
}

// 1.1.1, 4.1.2, 3.3.2
const name = (element) => {
  const by = element.getAttribute("aria-labelledby");
  const labelled = by && by.split(" ").map((id) => document.getElementById(id)?.textContent).join(" ");
  const labels = element.labels ? [...element.labels].map((label) => label.textContent).join(" ") : "";
  const own = element.matches("input, progress, meter, audio, ul, section") ? "" : element.textContent;
  const pictures = [...element.querySelectorAll("img")].map((image) => image.alt).join(" ");
  return (labelled || element.getAttribute("aria-label") || labels || own || pictures || "").trim();
};
for (const image of document.querySelectorAll("img")) {
  if (!image.hasAttribute("alt")) found("a picture without alt", image);
}
for (const element of document.querySelectorAll("a, button, input, progress, meter, audio, nav, section")) {
  if (shown(element) && !name(element)) found("a control or region without a name", element);
}
for (const element of document.querySelectorAll("[aria-labelledby], [aria-describedby]")) {
  for (const id of `${element.getAttribute("aria-labelledby") ?? ""} ${element.getAttribute("aria-describedby") ?? ""}`.trim().split(/ +/)) {
    if (!document.getElementById(id)) found(`refers to #${id}, which is not there`, element);
  }
}
const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
if (new Set(ids).size !== ids.length) found("an id is there twice");
for (const table of document.querySelectorAll("table")) {
  if (!table.querySelector("th")) found("a table without headers", table);
}

// 2.4.3: what is focused next follows what is read next.
for (const element of document.querySelectorAll("[tabindex]")) {
  if (element.tabIndex > 0) found("a focus order of its own", element);
}
const first = document.querySelector("a, button, input");
if (!first?.matches("a.skip")) found("the first stop is no way past the head", first);

// 2.5.8: what is aimed at is 24 pixels or more; words within a text may be smaller.
for (const element of document.querySelectorAll("button, a.button, nav a, input")) {
  const box = element.getBoundingClientRect();
  if (shown(element) && (box.width < 24 || box.height < 24)) found("too small to be hit", element);
}

// 1.4.3: 4.5 to 1, or 3 to 1 for large text.
const parse = (text) => {
  const numbers = text.match(/[\d.]+/g).map(Number);
  return { rgb: numbers.slice(0, 3), alpha: numbers.length > 3 ? numbers[3] : 1 };
};
const light = (rgb) => {
  const [red, green, blue] = rgb.map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};
const ground = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const colour = parse(getComputedStyle(at).backgroundColor);
    // What lies over a picture is held against black and white by its own plate's opacity.
    if (colour.alpha > 0.7) return colour.rgb;
  }
  return [255, 255, 255];
};
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.textContent.trim() || !shown(element) || element.closest(".skip")) continue;
  const style = getComputedStyle(element);
  const [front, back] = [light(parse(style.color).rgb), light(ground(element))];
  const ratio = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
  const size = parseFloat(style.fontSize);
  const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  if (ratio < (large ? 3 : 4.5)) found(`contrast of ${ratio.toFixed(2)} to 1`, element);
}

// 1.4.10: nothing is scrolled sideways.
const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
if (wide > 0) found(`the page is ${wide} pixels wider than the window`);
return findings;
