// The conversation: messages and private notes in the order in which they came, each edited in place.

import { link, send, speaker } from "./api.js";
import { byId, clock, day, eventId, fill, h, size, time } from "./dom.js";
import { blocks, headed } from "./markup.js";

const list = byId("messages");
const scroller = byId("scroller");
const newest = byId("newest");
/** So close to the end counts as being at the end. */
const NEAR = 80;

/** Shown entries by id: { item, element, note }. */
const entries = new Map();
let host;
let people = new Map();
let states = new Map();
let selected = null;
let focused = null;
/** Whether the end was in view when last scrolled. */
let ended = true;
/** Counts what the stream brought, so that a load knows what is newer than itself. */
let stamp = 0;
/** Notes that were taken away: a load that was under way must not bring them back. */
const gone = new Set();
/** Presses whose answer was lost, by message and payload: pressed again they are the same event. */
const unsure = new Map();

export function start(callbacks) {
  host = callbacks;
  scroller.addEventListener("scroll", () => {
    ended = atEnd();
    if (ended) newest.hidden = true;
  });
  // A window that shrinks, a keyboard on the screen or a longer composer must not cover what was just read.
  new ResizeObserver(() => ended && toEnd()).observe(scroller);
  newest.addEventListener("click", toEnd);
  list.addEventListener("click", clicked);
  list.addEventListener("keydown", moved);
  list.addEventListener("focusin", (event) => rove(event.target.closest(".entry")));
}

export function meet(known) {
  people = new Map(known.map((person) => [person.id, person]));
}

const atEnd = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR;

function toEnd() {
  scroller.scrollTop = scroller.scrollHeight;
  ended = true;
  newest.hidden = true;
}

export const mark = () => stamp;

/**
 * Shows another conversation (`anew`), or the same one after events may have been missed. What the
 * stream brought after the mark `since` stays, because the load may not have seen it.
 */
export function show(messages, notes, { anew, since = stamp }) {
  if (anew) {
    entries.clear();
    list.replaceChildren();
    focused = null;
  }
  const present = new Set([...messages, ...notes].map((item) => item.id));
  for (const [id, entry] of [...entries]) if (!present.has(id) && entry.stamp <= since) drop(id);
  const end = anew || atEnd();
  for (const item of messages) put(item, false);
  for (const item of notes) if (!gone.has(item.id)) put(item, true);
  divide();
  if (end) toEnd();
}

export const isEmpty = () => entries.size === 0;
export const item = (id) => entries.get(id)?.item ?? null;

/** Takes one message or note in; answers whether it is new here. */
export function take(item, note) {
  stamp += 1;
  if (item.gone) {
    gone.add(item.id);
    drop(item.id);
    divide();
    return false;
  }
  const end = atEnd();
  const fresh = put(item, note);
  divide();
  // Whoever speaks wants to see it, wherever they had scrolled to.
  if (end || (fresh && item.author?.id === speaker())) toEnd();
  else if (fresh) newest.hidden = false;
  return fresh;
}

function drop(id) {
  const entry = entries.get(id);
  if (!entry) return;
  entry.element.remove();
  entries.delete(id);
}

const place = (item) => item.order ?? item.at;

function put(item, note) {
  const known = entries.get(item.id);
  if (known) {
    if (item.rev <= known.item.rev) return false;
    known.item = item;
    redraw(known);
    return false;
  }
  const element = h("li", { tabindex: "-1" });
  const entry = { item, element, note, stamp };
  entries.set(item.id, entry);
  redraw(entry);
  // Nearly everything belongs at the end, so the place is looked for from there.
  let before = list.lastElementChild;
  while (before && (before.place ?? Infinity) > place(item)) before = before.previousElementSibling;
  element.place = place(item);
  if (before) before.after(element);
  else list.prepend(element);
  if (!list.querySelector('.entry[tabindex="0"]') || document.activeElement?.closest(".entry") === null) rove(list.querySelector(".entry:last-of-type"));
  return true;
}

/** Draws an entry again and keeps the keyboard where it was, also when its button has gone. */
function redraw(entry) {
  const { element } = entry;
  const active = document.activeElement;
  const inside = element !== active && element.contains(active);
  const press = inside ? active.dataset.press : undefined;
  entry.note ? drawNote(entry) : drawMessage(entry);
  if (!inside) return;
  const same = [...element.querySelectorAll("button[data-press]")].find((button) => button.dataset.press === press);
  (same ?? element).focus({ preventScroll: true });
}

function avatar(author) {
  if (!author) return h("img", { class: "avatar", src: "/assets/icon.svg", alt: "", width: 34, height: 34 });
  const tone = Math.max(0, [...people.keys()].indexOf(author.id)) % 5;
  return h("span", { class: `avatar tone-${tone}`, "aria-hidden": "true" }, [...author.name][0] ?? "?");
}

function buttons(item) {
  if (!item.buttons.length) return null;
  return h("div", { class: "buttons" }, item.buttons.map((button, at) =>
    h("button", { type: "button", class: at === 0 ? "first" : "", "data-press": button.payload, "data-owner": item.id }, button.label)));
}

/** The entries of a list, each a line with its own buttons. */
function rows(item) {
  if (!item.rows?.length) return null;
  return h("ul", { class: "rows" }, item.rows.map((row) =>
    h("li", {}, h("div", { class: "row-text" }, blocks(row.text)), buttons({ id: item.id, buttons: row.buttons }))));
}

function drawMessage({ item, element }) {
  const bot = !item.author;
  const job = item.worker ? states.get(item.worker) : null;
  element.className = `entry message ${bot ? "bot" : "person"}`;
  element.dataset.messageId = item.id;
  if (item.kind) element.dataset.kind = item.kind;
  if (item.worker) element.dataset.worker = item.worker;
  if (job && item.kind !== "ping") {
    element.dataset.state = job.state;
    element.dataset.short = job.short;
  }
  element.setAttribute("aria-label", `${bot ? "wilco" : item.author.name}, ${clock(item.at)}`);
  const file = item.file && h("a", { class: "file", href: link(`/messages/${encodeURIComponent(item.id)}/file`), download: item.file.name },
    h("span", { class: "file-icon", "aria-hidden": "true" }, "↓"), h("span", {}, item.file.name), h("small", {}, size(item.file.size)));
  const body = h("div", { class: "body" }, bot && item.worker && item.kind !== "ping" ? headed(item.text, item.plain) : blocks(item.text, item.plain));
  if (item.mention) (body.firstElementChild ?? body).prepend(h("span", { class: "mention" }, `@${people.get(item.mention.id)?.name ?? item.mention.name}`), " ");
  fill(element,
    avatar(item.author),
    h("div", { class: "stack" },
      h("div", { class: "meta" },
        h("b", {}, bot ? "wilco" : item.author.name),
        bot && h("span", { class: "tag" }, "bot"),
        time(item.at),
        item.edited && h("span", { class: "edited", title: `edited ${clock(item.edited, true)}` }, "edited"),
        item.worker && h("button", { type: "button", class: "plain inspect", "data-inspect": item.id }, "Delivery")),
      item.reply_to && entries.has(item.reply_to) && h("button", { type: "button", class: "plain reply", "data-jump": item.reply_to }, "↑ show the message"),
      body,
      file,
      buttons(item),
      item.reactions.length > 0 && h("div", { class: "reactions" }, item.reactions.map((sign) => h("span", {}, sign)))));
  highlight(element);
}

function drawNote({ item, element }) {
  const name = people.get(item.person)?.name ?? item.person;
  element.className = "entry note";
  element.dataset.noteId = item.id;
  element.setAttribute("aria-label", `Private answer, ${clock(item.at)}`);
  fill(element,
    avatar(null),
    h("div", { class: "stack" },
      h("div", { class: "meta" }, h("b", {}, "wilco"), h("span", { class: "tag only" }, `only ${name} sees this`), time(item.at)),
      h("div", { class: "body" }, blocks(item.text)),
      rows(item),
      buttons(item)));
}

/** Puts a line between days and lets messages of one person that follow each other share a head. */
function divide() {
  let last = null;
  let before = null;
  for (const line of list.querySelectorAll(".divider")) line.remove();
  for (const element of [...list.children]) {
    const entry = entries.get(element.dataset.messageId ?? element.dataset.noteId);
    if (!entry) continue;
    const today = day(entry.item.at);
    if (today !== last) {
      const line = h("li", { class: "divider" }, h("span", {}, today));
      line.place = element.place - 0.5;
      element.before(line);
      last = today;
      before = null;
    }
    const author = entry.note ? null : entry.item.author?.id;
    element.classList.toggle("follows", Boolean(author) && before?.author === author && entry.item.at - before.at < 300_000);
    before = { author, at: entry.item.at };
  }
}

/** What is known of the jobs colours their messages. */
export function learn(jobs) {
  states = new Map(jobs.map((job) => [job.id, job]));
  for (const entry of entries.values()) {
    const job = entry.item.worker && states.get(entry.item.worker);
    if (!job || entry.item.kind === "ping") continue;
    entry.element.dataset.state = job.state;
    entry.element.dataset.short = job.short;
  }
}

export function select(id) {
  selected = id;
  for (const { element } of entries.values()) highlight(element);
}

function highlight(element) {
  if (element.dataset.messageId === selected) element.setAttribute("aria-current", "true");
  else element.removeAttribute("aria-current");
}

/** The message of a job in this conversation: the one that carries its state. */
export function ofWorker(worker) {
  for (const { item } of entries.values()) if (item.worker === worker && item.kind !== "ping") return item.id;
  return null;
}

// Keyboard and pointer.

function rove(entry) {
  if (!entry || entry === focused) return;
  if (focused) focused.tabIndex = -1;
  entry.tabIndex = 0;
  focused = entry;
}

export function focusLast() {
  const all = list.querySelectorAll(".entry");
  if (!all.length) return false;
  all[all.length - 1].focus();
  return true;
}

function moved(event) {
  const here = event.target.closest(".entry");
  if (!here) return;
  if (event.key === "Enter" && event.target === here) {
    event.preventDefault();
    host.select(here.dataset.messageId ?? null, true);
    return;
  }
  const all = [...list.querySelectorAll(".entry")];
  const at = all.indexOf(here);
  const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: all.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  if (to >= all.length) host.compose();
  else all[Math.max(0, to)].focus();
}

function clicked(event) {
  const press = event.target.closest("button[data-press]");
  if (press) return void pressed(press);
  const jump = event.target.closest("[data-jump]");
  if (jump) return void reveal(jump.dataset.jump);
  const inspect = event.target.closest("[data-inspect]");
  if (inspect) return void host.select(inspect.dataset.inspect, true);
  if (event.target.closest("a") || !getSelection().isCollapsed) return;
  const entry = event.target.closest(".message");
  if (entry) host.select(entry.dataset.messageId, false);
}

export function reveal(id) {
  const entry = entries.get(id);
  if (!entry) return;
  entry.element.scrollIntoView({ block: "center" });
  entry.element.focus({ preventScroll: true });
}

async function pressed(button) {
  // One press is one event: until it is answered the button takes no other. It is not `disabled`, because a
  // browser takes the keyboard away from what is.
  if (button.getAttribute("aria-disabled")) return;
  button.setAttribute("aria-disabled", "true");
  const { owner, press } = button.dataset;
  const same = `${owner} ${press}`;
  if (!unsure.has(same)) unsure.set(same, eventId());
  try {
    const answer = await send("/press", { message: owner, payload: press, event: unsure.get(same) });
    unsure.delete(same);
    host.told(answer);
  } catch (error) {
    host.failed(error);
  } finally {
    button.removeAttribute("aria-disabled");
  }
}
