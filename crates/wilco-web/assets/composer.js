// Where people type: completion of commands, workers and jobs, and sending.

import { byId, h } from "./dom.js";

const box = byId("composer");
const menu = byId("suggestions");
const button = byId("send");
const form = byId("composer-form");

/** Where a time may begin; docs/time.md has the rest. */
const TIMES = ["in 30m", "in 2h", "tomorrow 9:00", "every weekday 9:00"];

let host;
let offers = [];
let at = 0;
let busy = false;

export function start(callbacks) {
  host = callbacks;
  box.addEventListener("input", changed);
  box.addEventListener("keydown", pressed);
  box.addEventListener("blur", () => setTimeout(close, 120));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
}

export const focus = () => box.focus();

/** The keyboard goes here by itself, except where that would push a keyboard on the screen in front of the page. */
export const offer = () => matchMedia("(pointer: coarse)").matches || box.focus();
export const isOpen = () => !menu.hidden;
export const isEmpty = () => box.value === "";

export function fill(text) {
  box.value = text;
  box.focus();
  changed();
}

function changed() {
  host.typed();
  grow();
  button.disabled = busy || !box.value.trim();
  offers = host.complete(box.value.slice(0, box.selectionStart)).slice(0, 8);
  at = 0;
  draw();
}

function grow() {
  box.style.height = "auto";
  box.style.height = `${Math.min(box.scrollHeight, 180)}px`;
}

function draw() {
  // A line that is complete as it stands needs no offer: Enter sends it.
  const done = offers.length === 1 && offers[0].sends && offers[0].text.trimEnd() === box.value.trimEnd();
  menu.hidden = !offers.length || done;
  box.setAttribute("aria-expanded", String(!menu.hidden));
  menu.replaceChildren(...offers.map((offer, index) =>
    h("li", { role: "option", id: `offer-${index}`, "aria-selected": String(index === at), onmousedown: (event) => {
      event.preventDefault();
      accept(index);
    } }, h("b", {}, offer.label), h("span", {}, offer.about))));
  if (menu.hidden) box.removeAttribute("aria-activedescendant");
  else {
    box.setAttribute("aria-activedescendant", `offer-${at}`);
    menu.children[at]?.scrollIntoView({ block: "nearest" });
  }
}

export function close() {
  if (menu.hidden) return;
  offers = [];
  draw();
}

function accept(index) {
  const offer = offers[index];
  if (!offer) return;
  box.value = offer.text + box.value.slice(box.selectionStart);
  box.setSelectionRange(offer.text.length, offer.text.length);
  box.focus();
  changed();
}

function pressed(event) {
  if (event.isComposing) return;
  if (isOpen()) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      at = (at + step + offers.length) % offers.length;
      return draw();
    }
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      return close();
    }
    const typed = box.value.trimEnd();
    const exact = offers.some((offer) => offer.text.trimEnd() === typed && offer.sends);
    if ((event.key === "Tab" && !event.shiftKey) || (event.key === "Enter" && !event.shiftKey && !(exact && at === 0))) {
      event.preventDefault();
      return accept(at);
    }
  }
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    submit();
  } else if (event.key === "ArrowUp" && isEmpty()) {
    if (host.back()) event.preventDefault();
  }
}

async function submit() {
  const text = box.value;
  if (busy || !text.trim()) return;
  busy = true;
  button.disabled = true;
  close();
  const sent = await host.send(text);
  busy = false;
  // Text that was not taken stays, to be mended; what was typed meanwhile stays, too.
  if (sent && box.value === text) box.value = "";
  grow();
  button.disabled = !box.value.trim();
  // A button that is disabled under the finger or the keyboard loses it.
  if (document.activeElement === document.body) offer();
}

/** The time zones whose name or place begins so; the browser knows the names, and its own comes first. */
function zones(rest) {
  const [, here, name] = /^(here\s+)?(.*)$/i.exec(rest);
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const known = Intl.supportedValuesOf?.("timeZone") ?? [];
  const wanted = name.toLowerCase();
  const fits = (zone) => zone.toLowerCase().startsWith(wanted) || (wanted && zone.toLowerCase().split("/").pop().startsWith(wanted));
  return [own, ...known.filter((zone) => zone !== own)]
    .filter((zone) => zone && fits(zone))
    .map((zone) => ({ label: zone, about: zone === own ? "the zone of this browser" : "", text: `/timezone ${here ? "here " : ""}${zone}`, sends: true }));
}

/** What could stand here. `sends` marks a line that is complete. */
export function completions(line, { commands, kinds, jobs }) {
  if (!line.startsWith("/") || line.includes("\n")) return [];
  const space = line.indexOf(" ");
  if (space < 0) {
    const word = line.slice(1).toLowerCase();
    return commands
      // Another word for a command leads to it, but only the command itself is offered.
      .filter((command) => command.verb.startsWith(word) || (word && command.alias?.startsWith(word)))
      .map((command) => ({
        label: command.usage,
        about: command.about,
        text: `/${command.verb}${command.args ? " " : ""}`,
        // What is in brackets may be left out; `here` and what is between angles may not.
        sends: !command.args || command.args.startsWith("["),
      }));
  }
  const verb = line.slice(1, space).toLowerCase();
  const rest = line.slice(space + 1).trimStart();
  if (verb === "stop") return "here".startsWith(rest) ? [{ label: "here", about: "this channel or thread", text: "/stop here", sends: true }] : [];
  if (verb === "timezone") return zones(rest);
  if (rest === "" && (verb === "followup" || verb === "remind")) return TIMES.map((time) => ({ label: time, about: "then what shall be said or run", text: `/${verb} ${time} `, sends: false }));
  if (rest.includes(" ")) return [];
  if (verb === "run") {
    return kinds
      .filter((kind) => kind.name.startsWith(rest))
      .map((kind) => ({ label: kind.name, about: kind.about, text: `/run ${kind.name} `, sends: true }));
  }
  if (["cancel", "status", "watch"].includes(verb)) {
    return jobs
      .filter((job) => job.short.startsWith(rest) && (verb !== "cancel" || job.open))
      .map((job) => ({ label: job.short, about: `${job.kind} · ${job.state.replaceAll("_", " ")}`, text: `/${verb} ${job.short} `, sends: true }));
  }
  return [];
}
