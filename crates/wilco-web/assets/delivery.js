// The right column: how the selected message came about and whether it is visible; with nothing
// selected, the jobs of this channel and what could not be delivered.

import { Refused, get, link, send } from "./api.js";
import { byId, elapsed, fill, gathered, h, size, span, time } from "./dom.js";
import { contractOf, isOpen, steps, tries, words } from "./timeline.js";

const panel = byId("timeline");
const title = byId("delivery-title");
const closer = byId("unselect");
const REFRESH = 5_000;

let host;
/** { job, message }: the job's id as the API takes it, and the message that was selected. */
let selected = null;
let shown = null;
let asked = 0;
let opened = new Set();

export function start(callbacks) {
  host = callbacks;
  closer.addEventListener("click", () => host.unselect());
  panel.addEventListener("toggle", (event) => {
    const section = event.target.dataset?.section;
    if (section) event.target.open ? opened.add(section) : opened.delete(section);
  }, true);
  setInterval(tick, 500);
  // Notices may be lost while the store is busy; an open job is looked at again anyway.
  setInterval(() => selected && (!shown || isOpen(shown.job) || waits(shown)) && look(), REFRESH);
}

const waits = (inspection) => inspection.contracts.some((contract) => contract.state === "terminal_pending");

export function select(job, message) {
  const same = selected && selected.job === job;
  selected = { job, message };
  if (!same) {
    shown = null;
    fill(panel, h("p", { class: "quiet pad" }, "Looking…"));
  }
  closer.hidden = false;
  look();
}

/** A message that no job stands behind: said, stored, shown. */
export function selectWords(message) {
  selected = null;
  shown = null;
  closer.hidden = false;
  title.textContent = "Delivery";
  const plain = [
    { title: "Received", at: message.at, done: true, lines: [] },
    { title: "Stored", at: message.at, done: true, lines: [{ text: message.id, code: true }] },
    { title: "Visible", at: message.at, done: true, lines: [{ text: "no job stands behind this message" }] },
  ];
  fill(panel, h("ol", { class: "steps" }, plain.map(step)));
}

export function unselect() {
  selected = null;
  shown = null;
  closer.hidden = true;
  title.textContent = "Delivery";
  overview();
}

export const selectedJob = () => selected?.job ?? null;
export const isSelected = (...names) => Boolean(selected) && (names.includes(selected.job) || names.includes(shown?.job.id));

/** Looks again soon; many reasons to do so at once are one look. */
export const again = gathered(() => (selected ? look() : closer.hidden && overview()), 150);

async function look() {
  const wanted = selected;
  const turn = ++asked;
  try {
    const found = await get(`/workers/${encodeURIComponent(wanted.job)}`, host.place());
    if (turn !== asked || selected !== wanted) return;
    shown = found;
    draw();
  } catch (error) {
    if (turn !== asked || selected !== wanted) return;
    if (!(error instanceof Refused)) throw error;
    if (shown && error.status === 0) return;
    fill(panel, h("p", { class: "quiet pad" }, error.message));
  }
}

function draw() {
  const { job } = shown;
  const contract = contractOf(shown, selected.message, host.place());
  title.textContent = "Delivery";
  keepFocus(() => fill(panel, 
    h("div", { class: "job-head", "data-state": job.state },
      h("b", {}, job.kind), h("code", {}, job.short), h("span", { class: "state" }, words(job.state)),
      isOpen(job) && job.state !== "cancelling" && h("button", { type: "button", id: "cancel-job", class: "small", onclick: () => cancel(job.short) }, "Cancel")),
    shown.contracts.length > 1 && h("p", { class: "quiet pad-x" }, `Shown in ${shown.contracts.length} places; this is ${where(contract)}.`),
    h("ol", { class: "steps" }, steps(shown, contract).map(step)),
    files(job),
    section("receipts", `Receipts (${contract ? contract.receipts.length : 0})`, () => (contract ? contract.receipts.map((one) => receipt(one, { tries: tries(shown.events, contract, one) })) : [])),
    section("journal", `Journal (${shown.events.length})`, () => [h("ol", { class: "journal" }, shown.events.map(entry))]),
    h("div", { class: "actions" }, h("button", { type: "button", id: "copy-json", class: "small", onclick: copy }, "Copy as JSON"))));
  tick();
}

/** Redrawing must not throw the keyboard out of the panel. */
function keepFocus(work) {
  const active = document.activeElement;
  const key = panel.contains(active) ? (active.id || active.dataset.key || active.closest("[data-section]")?.dataset.section) : null;
  work();
  if (!key) return;
  const again = [...panel.querySelectorAll("button, summary")].find((one) => one.id === key || one.dataset.key === key || (one.matches("summary") && one.parentElement.dataset.section === key));
  again?.focus({ preventScroll: true });
}

const where = (contract) => (contract ? host.name(contract.route[contract.step] ?? contract.route[0]) : "nowhere");

function step(one) {
  const state = one.failed ? "failed" : one.skipped ? "skipped" : one.done ? "done" : one.now ? "now" : "later";
  return h("li", { class: "step", "data-step": one.key, "data-state": state },
    h("div", { class: "step-head" },
      h("b", {}, one.skipped ? "Not started" : one.title),
      h("span", { class: "hidden-text" }, { failed: " failed", done: " done", now: " now", later: " to come", skipped: "" }[state]),
      one.after !== null && one.after !== undefined && h("span", { class: "after" }, span(one.after)),
      one.since && h("span", { class: "after", "data-since": one.since }),
      one.at && time(one.at, true)),
    one.lines.map((line) => h("p", { class: line.bad ? "bad" : line.slow ? "slow" : line.code ? "code" : null },
      line.text, line.until && [" ", h("span", { "data-until": line.until })])));
}

function section(name, label, content) {
  return h("details", { "data-section": name, open: opened.has(name) }, h("summary", {}, label), content());
}

function files(job) {
  const found = shown.ending?.files ?? [];
  if (!found.length) return null;
  return h("div", { class: "files" }, found.map((file, at) =>
    h("a", { class: "file", href: link(`/workers/${job.short}/files/${at}`, host.place()), download: file.name },
      h("span", { class: "file-icon", "aria-hidden": "true" }, "↓"), h("span", {}, file.name), h("small", {}, size(file.size)))));
}

function receipt(one, { tries = one.attempts, job = null } = {}) {
  const name = `${one.kind}${one.part ? ` ${one.part}` : ""}${one.generation ? ` · generation ${one.generation}` : ""}`;
  return h("div", { class: "receipt", "data-state": one.state, "data-receipt": one.id },
    h("div", { class: "step-head" }, h("b", {}, name), job && h("code", {}, job), h("span", { class: "state" }, one.state), h("span", { class: "after" }, `${tries} ${tries === 1 ? "attempt" : "attempts"}`)),
    one.next && one.state === "pending" && h("p", {}, "next attempt ", h("span", { "data-until": one.next })),
    one.last_error && h("p", { class: "bad" }, one.last_error),
    one.reason && h("p", { class: "bad" }, one.reason),
    h("p", { class: "code" }, one.id),
    one.state === "failed" && host.mayRetry() && h("button", { type: "button", class: "small", "data-retry": one.id, "data-key": `retry-${one.id}`, onclick: () => retry(one.id) }, "Retry now"));
}

function entry(one) {
  const { seq, at, event, ...rest } = one;
  const detail = Object.entries(rest)
    .filter(([key, value]) => value !== null && value !== "" && value !== 0 && key !== "contract")
    .map(([key, value]) => `${key} ${value.channel ? host.name(value) : value.followup ?? (Array.isArray(value) ? value.join(", ") : value)}`)
    .join(" · ");
  return h("li", { value: seq }, h("div", { class: "step-head" }, h("b", {}, words(event)), time(at, true)), detail && h("p", {}, detail));
}

async function overview() {
  const turn = ++asked;
  const jobs = host.jobs().slice(0, 12);
  let failed = [];
  try {
    failed = (await get("/receipts", { ...host.place(), state: "failed", limit: 20 })).receipts;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
  }
  if (turn !== asked || selected) return;
  keepFocus(() => fill(panel, 
    h("p", { class: "quiet pad" }, "Select a message to see how it was delivered: every attempt, every wait, and when people could see it."),
    jobs.length > 0 && h("h3", {}, "Jobs here"),
    h("ul", { class: "jobs" }, jobs.map((job) => h("li", {}, h("button", { type: "button", "data-key": `job-${job.short}`, "data-state": job.state, onclick: () => host.selectJob(job) },
      h("span", { class: "dot", "aria-hidden": "true" }), h("b", {}, job.kind), h("code", {}, job.short), h("span", { class: "state" }, words(job.state)))))),
    failed.length > 0 && h("h3", {}, "Could not be delivered"),
    failed.map((one) => receipt(one, { job: one.short }))));
  tick();
}

function tick() {
  const now = host.now();
  for (const span_ of panel.querySelectorAll("[data-until]")) {
    const rest = Number(span_.dataset.until) - now;
    span_.textContent = rest > 0 ? `in ${elapsed(rest + 999)}` : "due now";
  }
  for (const span_ of panel.querySelectorAll("[data-since]")) {
    span_.textContent = elapsed(now - Number(span_.dataset.since));
  }
}

async function act(path, body) {
  try {
    await send(path, body);
    again();
  } catch (error) {
    host.failed(error);
  }
}

const retry = (id) => act(`/receipts/${encodeURIComponent(id)}/retry`, {});
const cancel = (short) => act(`/workers/${encodeURIComponent(short)}/cancel`, host.place());

async function copy(event) {
  const text = JSON.stringify(shown, null, 2);
  const button = event.currentTarget;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    // No clipboard (not a secure context, or refused): the text is offered for selecting.
    const area = h("textarea", { class: "copy", readOnly: true, value: text, rows: 8, "aria-label": "The job as JSON" });
    button.after(area);
    area.select();
  }
}
