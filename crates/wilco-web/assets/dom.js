// Small helpers that build elements. Text always becomes a text node, so nothing that anybody wrote is
// ever read as markup.

export const byId = (id) => document.getElementById(id);

/** An element with properties, data-* and aria-* attributes, and children. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && !name.includes("-")) element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...present(children));
  return element;
}

/** Leaves out what a condition switched off. */
const present = (children) => children.flat(3).filter((child) => child !== null && child !== undefined && child !== false);

/** Gives an element other children. */
export const fill = (element, ...children) => element.replaceChildren(...present(children));

const two = (number) => String(number).padStart(2, "0");

/** Hours, minutes and, when asked for, seconds of a moment on the reader's clock. */
export function clock(at, seconds = false) {
  const moment = new Date(at);
  const short = `${two(moment.getHours())}:${two(moment.getMinutes())}`;
  return seconds ? `${short}:${two(moment.getSeconds())}` : short;
}

export function day(at) {
  const moment = new Date(at);
  const today = new Date();
  if (moment.toDateString() === today.toDateString()) return "Today";
  today.setDate(today.getDate() - 1);
  if (moment.toDateString() === today.toDateString()) return "Yesterday";
  return moment.toLocaleDateString(undefined, { weekday: "long", day: "numeric", month: "long" });
}

export function time(at, seconds = false) {
  return h("time", { dateTime: new Date(at).toISOString(), title: new Date(at).toLocaleString() }, clock(at, seconds));
}

/** A span of milliseconds in its two largest units, as the bot's own messages write it. */
export function span(milliseconds) {
  const ms = Math.max(0, Math.round(milliseconds));
  if (ms < 1000) return `${ms} ms`;
  const s = Math.floor(ms / 1000);
  if (s < 10) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  if (s < 60) return `${s}s`;
  const m = Math.floor(s / 60);
  if (m < 60) return s % 60 ? `${m}m ${two(s % 60)}s` : `${m}m`;
  const hours = Math.floor(m / 60);
  if (hours < 24) return m % 60 ? `${hours}h ${two(m % 60)}m` : `${hours}h`;
  return `${Math.floor(hours / 24)}d ${hours % 24}h`;
}

/** A time that still passes: whole seconds, so that it counts evenly. */
export const elapsed = (milliseconds) => (milliseconds < 60_000 ? `${Math.max(0, Math.floor(milliseconds / 1000))}s` : span(milliseconds));

/** How far ahead something is: minutes are fine enough until it is near. */
export function ahead(milliseconds) {
  if (milliseconds <= 0) return "now";
  return `in ${milliseconds < 60_000 ? elapsed(milliseconds + 999) : span(Math.ceil(milliseconds / 60_000) * 60_000)}`;
}

export function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${Math.round(bytes / 1000)} KB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** Runs `work` once, `wait` milliseconds after the last of many calls, but at least every `wait × 4`. */
export function gathered(work, wait) {
  let timer = 0;
  let since = 0;
  return () => {
    const now = Date.now();
    if (!timer) since = now;
    else clearTimeout(timer);
    const rest = Math.max(0, Math.min(wait, since + wait * 4 - now));
    timer = setTimeout(() => {
      timer = 0;
      work();
    }, rest);
  };
}

let sequence = 0;

/** An id that makes a repetition of the same request harmless. */
export function eventId() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  sequence += 1;
  return `web-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}-${sequence.toString(36)}`;
}
