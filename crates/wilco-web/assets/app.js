// The page: knows who speaks and where, and lets the parts know of each other.

import * as api from "./api.js";
import * as composer from "./composer.js";
import * as conversation from "./conversation.js";
import * as delivery from "./delivery.js";
import * as elsewhere from "./elsewhere.js";
import { ahead, byId, elapsed, eventId, fill, gathered, h } from "./dom.js";
import { follow } from "./live.js";
import { starters } from "./starters.js";
import { isOpen, words } from "./timeline.js";

const narrow = matchMedia("(max-width: 860px)");
const HEALTH = 5_000;
/** How long "thinking…" stands when nothing ends it. */
const TYPING = 10_000;

let session = null;
let here = null;
let jobs = [];
/** The ids of messages not looked at yet, by conversation. */
let unread = new Map();
let stop = null;
/** The server's clock minus this one's, in milliseconds. */
let skew = 0;
let loads = 0;
let typingTimer = 0;
/** The short id of a job that was just started: its message is selected as soon as it appears. */
let awaited = null;
/** Words whose answer was lost, with their event: given again they are the same one, so that nothing runs twice. */
const unsure = new Map();
/** Whether the page says that the bot did not answer. */
let unanswered = false;

const now = () => Date.now() + skew;
const key = (at) => (at.thread ? `${at.channel}/${at.thread}` : at.channel);
const place = () => ({ channel: here.channel, thread: here.thread });
const isHere = (at) => here && at.channel === here.channel && (at.thread ?? null) === (here.thread ?? null);
const me = () => session.people.find((person) => person.id === session.as);
const label = (channel) => (channel.audience === "direct" ? "Direct message" : channel.thread ? channel.name : `#${channel.name}`);

function name(address) {
  const known = session.channels.find((channel) => key(channel) === key(address));
  return known ? label(known) : address.channel;
}

// Start.

async function begin() {
  wire();
  for (;;) {
    try {
      await become(remembered("wilco-person"));
      break;
    } catch (error) {
      if (error.status === 401) return signedOut();
      if (error.code === "unknown_person") sessionStorage.removeItem("wilco-person");
      connection("lost");
      await new Promise((done) => setTimeout(done, 2_000));
    }
  }
  composer.offer();
}

function remembered(what) {
  try {
    return sessionStorage.getItem(what);
  } catch {
    return null;
  }
}

function remember(what, value) {
  try {
    sessionStorage.setItem(what, value);
  } catch {
    // A browser that keeps nothing for pages forgets who spoke; that is all.
  }
}

/** Speaks as somebody from now on: their channels, their notes, their stream. */
async function become(person) {
  const before = here;
  session = await api.session(person);
  skew = session.now - Date.now();
  remember("wilco-person", session.as);
  byId("version").textContent = session.version;
  fill(byId("speaking-as"), session.people.map((one) =>
    h("option", { value: one.id, selected: one.id === session.as }, `${one.name} · ${one.role}`)));
  byId("speaking-as").disabled = session.people.length < 2;
  conversation.meet(session.people);
  drawStarters();
  unread = new Map();
  const wanted = before?.name ?? decodeURIComponent(location.hash.slice(2));
  enter(session.channels.find((channel) => channel.name === wanted) ?? session.channels[0]);
  stop?.();
  document.body.dataset.speaker = session.as;
  stop = follow({ hello, message, note, worker, followup, typing, reload: () => load(false), lost });
}

function enter(channel) {
  here = channel;
  history.replaceState(null, "", `#/${encodeURIComponent(channel.name)}`);
  unread.delete(key(channel));
  drawChannels();
  byId("channel-name").textContent = label(channel);
  byId("channel-about").textContent = about(channel);
  document.title = `${label(channel)} · wilco`;
  typingEnds();
  refuse("");
  jobs = [];
  awaited = null;
  conversation.select(null);
  delivery.unselect();
  load(true);
}

function drawStarters() {
  fill(byId("starters"), starters({
    commands: session.commands,
    kinds: session.kinds,
    role: me().role,
    send: (text) => {
      say(text);
      composer.offer();
    },
    compose: composer.fill,
  }));
}

function about(channel) {
  if (channel.audience === "direct") return `Only ${me().name} and wilco`;
  const around = session.channels.find((other) => channel.thread && !other.thread && other.channel === channel.channel);
  if (around) return `Thread in ${label(around)}`;
  return channel.audience === "private" ? "Private" : "Everybody reads along";
}

function drawChannels() {
  fill(byId("channels"), session.channels.map((channel) => {
    const count = unread.get(key(channel))?.size ?? 0;
    const sign = channel.audience === "direct" ? "@" : channel.thread ? "↳" : "#";
    return h("li", {}, h("button", {
      type: "button",
      class: `channel ${channel.thread ? "thread" : ""} ${count ? "unread" : ""}`,
      "data-channel": channel.name,
      "aria-current": isHere(channel) ? "true" : null,
      onclick: () => {
        enter(channel);
        tab("chat");
        composer.offer();
      },
    }, h("span", { class: "sign", "aria-hidden": "true" }, sign), h("span", {}, channel.audience === "direct" ? "Direct message" : channel.name),
    count > 0 && h("span", { class: "badge", "aria-label": `${count} new` }, String(count))));
  }));
  const all = [...unread.values()].reduce((sum, ids) => sum + ids.size, 0);
  byId("tab-unread").hidden = all === 0;
  byId("tab-unread").textContent = String(all);
}

/** Loads the conversation; `anew` forgets what another one showed. */
async function load(anew) {
  const turn = ++loads;
  const where = here;
  if (anew) {
    conversation.show([], [], { anew: true });
    byId("empty").hidden = true;
  }
  const since = conversation.mark();
  try {
    const found = await api.get("/messages", place());
    if (turn !== loads || where !== here) return;
    conversation.show(found.messages, found.notes, { anew, since });
  } catch (error) {
    if (error.status === 401) return signedOut();
    // A bot that does not answer is said on top of the page, and everything is loaded when it does again.
    if (error.status !== 0) failed(error);
  }
  if (turn !== loads) return;
  byId("empty").hidden = !conversation.isEmpty();
  await learnJobs();
  health();
  delivery.again();
}

async function learnJobs() {
  const where = here;
  try {
    const found = await api.get("/workers", { ...place(), limit: 200 });
    if (where !== here) return;
    jobs = found.workers;
    conversation.learn(jobs);
    settle();
  } catch (error) {
    // Without the list messages lose their colour, and the next event asks again.
    if (!(error instanceof api.Refused)) throw error;
  }
}

const jobsSoon = gathered(learnJobs, 200);
const healthSoon = gathered(health, 400);

// What the stream tells.

function hello(told) {
  const restarted = session.boot !== told.boot;
  connection("open");
  if (unanswered) refuse("");
  if (told.version !== session.version) return void location.reload();
  if (restarted) {
    session.boot = told.boot;
    announce("The bot was restarted.");
    relearn();
  }
  // Everything after this arrives by the stream, everything before it by this load.
  load(false);
}

/** What a new bot offers may differ: its commands and workers are asked for again. */
async function relearn() {
  try {
    session = await api.session(session.as);
    drawStarters();
  } catch (error) {
    failed(error);
  }
}

function lost() {
  if (byId("connection").dataset.state === "lost") return;
  connection("lost");
  typingEnds();
  // Signed out, or only cut off? The stream itself does not say.
  api.session(session.as).then((found) => { session.csrf = found.csrf; }).catch((error) => error.status === 401 && signedOut());
}

function message({ message: item }) {
  healthSoon();
  if (item.worker) {
    jobsSoon();
    if (delivery.isSelected(item.worker, shortOf(item.worker))) delivery.again();
  }
  if (!isHere(item)) {
    // A result arrives as an edit, so that counts as well as what is new; progress does not.
    if (item.author?.id !== session.as && (item.rev === 1 || item.kind === "content" || item.kind === "question")) {
      unread.set(key(item), (unread.get(key(item)) ?? new Set()).add(item.id));
      drawChannels();
    }
    return;
  }
  // What a person says ends nothing; a message of the bot does, new or edited.
  if (!item.author) typingEnds();
  byId("empty").hidden = true;
  const fresh = conversation.take(item, false);
  // Only what is new or final is read out; every step of a progress message would drown it.
  if (item.author?.id !== session.as && (fresh || item.kind === "content" || item.kind === "question")) announce(`${item.author?.name ?? "wilco"}: ${item.text.split("\n")[0]}`);
}

function note({ note: item }) {
  if (!isHere(item)) return;
  const fresh = conversation.take(item, true);
  byId("empty").hidden = !conversation.isEmpty();
  if (fresh || !item.gone) announce(`Only you see this: ${item.text}`);
}

function worker({ id, short }) {
  healthSoon();
  jobsSoon();
  if (delivery.isSelected(id, short)) delivery.again();
  else if (!delivery.selectedJob()) delivery.again();
}

/** One was settled: the job that it started, if any, tells of itself; the numbers and the open job are looked at anew. */
function followup({ short, status, reason }) {
  healthSoon();
  jobsSoon();
  delivery.again();
  if (status !== "success") announce([`Follow-up ${short}: ${words(status)}`, reason].filter(Boolean).join(", "));
}

function typing(at) {
  if (!isHere(at)) return;
  typingEnds();
  if (!at.on) return;
  byId("typing").textContent = "wilco is thinking…";
  // Whatever becomes of the bot, nobody is left with it.
  typingTimer = setTimeout(typingEnds, TYPING);
}

function typingEnds() {
  clearTimeout(typingTimer);
  byId("typing").textContent = "";
}

function connection(state) {
  byId("connection").dataset.state = state;
  byId("connection-text").textContent = { open: "connected", lost: "reconnecting…", out: "signed out" }[state] ?? "connecting…";
}

function signedOut() {
  stop?.();
  connection("out");
  refuse("This browser is signed out. Open the link that the terminal shows.");
}

async function health() {
  const set = (id, value) => { byId(id).textContent = value; };
  try {
    const found = await api.get("/health");
    skew = found.now - Date.now();
    const { running, queued, undelivered, oldest, failed: lostOnes, next_followup: next } = found.health;
    set("figure-running", running);
    set("figure-queued", queued);
    set("figure-undelivered", lostOnes ? `${undelivered} · ${lostOnes} failed` : undelivered);
    byId("cell-oldest").hidden = !oldest;
    set("figure-oldest", oldest ? elapsed(found.now - oldest) : "–");
    byId("cell-followup").hidden = !next;
    set("figure-followup", next ? ahead(next - found.now) : "–");
    byId("cell-followup").title = next ? new Date(next).toLocaleString() : "";
    byId("cell-undelivered").dataset.level = lostOnes ? "bad" : undelivered ? "busy" : "";
    byId("cell-oldest").dataset.level = oldest && found.now - oldest > 60_000 ? "bad" : "";
  } catch (error) {
    if (error.status !== 0) set("figure-running", "?");
  }
}

// What people do.

const shortOf = (worker) => jobs.find((job) => job.id === worker)?.short ?? null;

/** Selects a message; `show` also brings the right column to the front on a narrow screen. */
function pick(id, show) {
  const item = id && conversation.item(id);
  if (!item) return;
  conversation.select(id);
  if (item.worker) delivery.select(shortOf(item.worker) ?? item.worker, id);
  else delivery.selectWords(item);
  if (show && narrow.matches) tab("delivery");
}

function unpick() {
  conversation.select(null);
  delivery.unselect();
}

async function say(text) {
  refuse("");
  const words = `${session.as} ${key(here)} ${text}`;
  if (!unsure.has(words)) unsure.set(words, eventId());
  try {
    const answer = await api.send("/messages", { ...place(), text, event: unsure.get(words) });
    unsure.delete(words);
    return told(answer);
  } catch (error) {
    failed(error);
    return false;
  }
}

/** Whether the words were taken; a line that was not understood stays in the composer. */
function told({ result, worker: short }) {
  healthSoon();
  if (result === "stored" && short) {
    awaited = short;
    if (!delivery.isSelected(short)) {
      conversation.select(null);
      delivery.select(short, null);
    }
    settle();
  }
  return result !== "usage" && result !== "unknown_command" && result !== "busy";
}

/** Selects the message of the job that was just started, once both are known. */
function settle() {
  const job = awaited && jobs.find((one) => one.short === awaited);
  const id = job && conversation.ofWorker(job.id);
  if (!id) return;
  awaited = null;
  pick(id, false);
}

function failed(error) {
  if (!(error instanceof api.Refused)) throw error;
  if (error.status === 401) return signedOut();
  refuse(error.message);
  unanswered = error.status === 0;
}

function refuse(text) {
  if (!text) unanswered = false;
  byId("refusal").textContent = text;
  byId("refusal").hidden = !text;
}

function announce(text) {
  byId("announcer").textContent = text;
}

function tab(to) {
  document.body.dataset.tab = to;
  for (const button of byId("tabs").children) {
    if (button.dataset.to === to) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
}

function wire() {
  conversation.start({ select: pick, compose: composer.focus, told, failed });
  delivery.start({
    unselect: unpick,
    place,
    name,
    now,
    failed,
    jobs: () => jobs,
    mayRetry: () => me().role === "owner",
    selectJob: (job) => {
      const id = conversation.ofWorker(job.id);
      if (id) {
        pick(id, true);
        conversation.reveal(id);
      } else delivery.select(job.short, null);
    },
  });
  composer.start({
    send: say,
    typed: () => refuse(""),
    back: conversation.focusLast,
    complete: (line) => composer.completions(line, {
      commands: session?.commands ?? [],
      kinds: session?.kinds ?? [],
      jobs: jobs.map((job) => ({ ...job, open: isOpen(job) })),
    }),
  });
  byId("speaking-as").addEventListener("change", (event) => become(event.target.value).catch(failed));
  byId("tabs").addEventListener("click", (event) => {
    const to = event.target.closest("[data-to]")?.dataset.to;
    if (to) tab(to);
  });
  elsewhere.start({ failed });
  document.addEventListener("keydown", (event) => {
    const typingNow = event.target.matches?.("input, textarea, select");
    if (event.key === "Escape" && !composer.isOpen()) {
      unpick();
      tab("chat");
      composer.focus();
    } else if (event.key === "/" && !typingNow && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      tab("chat");
      composer.fill("/");
    }
  });
  setInterval(() => session && document.visibilityState === "visible" && health(), HEALTH);
  document.addEventListener("visibilitychange", () => session && document.visibilityState === "visible" && health());
}

begin();
