// What the empty channel offers to begin with: only what exists, and only what the person may do.

import { h } from "./dom.js";

const KNOWN = [
  { kind: "demo", text: "/run demo", label: "Run a 20-second job" },
  { verb: "followup", text: "/followup in 1m stretch your legs", label: "Remind me in 1 minute" },
  { kind: "demo", text: "/run demo ask", label: "Ask me a question first" },
  { kind: "echo", text: "/run echo hello", label: "Echo something" },
];
const RANKS = ["viewer", "operator", "owner"];

const may = (role, needs) => !needs || RANKS.indexOf(role) >= RANKS.indexOf(needs);

/** The buttons; `send` says a line at once, `compose` leaves it to be finished. */
export function starters({ commands, kinds, role, send, compose }) {
  const command = (verb) => commands.find((one) => one.verb === verb);
  const chip = (label, onclick) => h("button", { type: "button", onclick }, label);
  const mayRun = may(role, command("run")?.needs);
  const isThere = ({ kind, verb }) => (kind ? mayRun && kinds.some((one) => one.name === kind) : command(verb) && may(role, command(verb).needs));
  const known = KNOWN.filter(isThere);
  // A reminder alone would not show what wilco is for.
  if (known.some(({ kind }) => kind)) return known.map(({ text, label }) => chip(label, () => send(text)));
  const help = chip("/help", () => send("/help"));
  const first = kinds.find((one) => one.name !== "say") ?? kinds[0];
  if (!mayRun || !first) return [help];
  // What a configured worker does and wants is not known here, so nothing starts by this press alone.
  return [chip(`/run ${first.name}`, () => compose(`/run ${first.name} `)), help];
}
