// The small Markdown of wilco's messages, as text nodes and a few plain elements: fences, `code`,
// **bold**, _emphasis_, [name](http…) and bare links. Nothing else is read, and nothing is ever HTML.

import { h } from "./dom.js";

const INLINE = /`([^`\n]+)`|\*\*([^*\n]+)\*\*|(?<![\w_])_([^_\n]+)_(?![\w_])|\[([^[\]\n]+)\]\((https?:\/\/[^\s)]+)\)|(https?:\/\/[^\s<>"'`]+)/g;
const TRAILING = /[.,;:!?)\]]+$/;

function anchor(href, label) {
  let address;
  try {
    address = new URL(href);
  } catch {
    return label;
  }
  if (address.protocol !== "http:" && address.protocol !== "https:") return label;
  return h("a", { href: address.href, rel: "noopener noreferrer", target: "_blank" }, label);
}

function inline(text) {
  const nodes = [];
  let from = 0;
  for (const found of text.matchAll(INLINE)) {
    const [whole, code, bold, emphasis, label, target, bare] = found;
    nodes.push(text.slice(from, found.index));
    from = found.index + whole.length;
    if (code !== undefined) nodes.push(h("code", {}, code));
    else if (bold !== undefined) nodes.push(h("strong", {}, bold));
    else if (emphasis !== undefined) nodes.push(h("em", {}, emphasis));
    else if (label !== undefined) nodes.push(anchor(target, label));
    else {
      const href = bare.replace(TRAILING, "");
      nodes.push(anchor(href, href), bare.slice(href.length));
    }
  }
  nodes.push(text.slice(from));
  return nodes.filter((node) => node !== "");
}

/** The blocks of a text; `plain` shows it as it stands. */
export function blocks(text, plain = false) {
  if (plain) return [h("p", {}, text)];
  const found = [];
  let lines = [];
  let fence = null;
  const paragraph = () => {
    const joined = lines.join("\n").replace(/^\n+|\n+$/g, "");
    if (joined) found.push(...joined.split(/\n{2,}/).map((part) => h("p", {}, inline(part))));
    lines = [];
  };
  const code = () => {
    // Scrolls sideways when lines are long, so it has to be reachable by keyboard.
    found.push(h("pre", { tabindex: "-1" }, h("code", {}, fence.join("\n"))));
    fence = null;
  };
  for (const line of text.split("\n")) {
    if (fence) {
      if (/^```\s*$/.test(line)) code();
      else fence.push(line);
    } else if (/^```[\w+.-]*\s*$/.test(line)) {
      paragraph();
      fence = [];
    } else {
      lines.push(line);
    }
  }
  if (fence) code();
  paragraph();
  return found;
}

/** A bot's message about a job: its first line carries the state and is set apart. */
export function headed(text, plain) {
  const end = text.indexOf("\n");
  const head = end < 0 ? text : text.slice(0, end);
  const rest = end < 0 ? "" : text.slice(end + 1);
  return [h("p", { class: "headline" }, plain ? head : inline(head)), ...(rest.trim() ? blocks(rest, plain) : [])];
}
