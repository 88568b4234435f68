// What a job's inspection says about its way, as a list of steps. Only reads; draws nothing.

import { span } from "./dom.js";

/** A contract's receipts of these kinds carry the result. */
const TERMINAL = ["content", "part", "file"];
const ENDED = ["done", "failed", "cancelled", "timed_out", "interrupted"];

export const isOpen = (job) => !ENDED.includes(job.state);
export const words = (name) => name.replaceAll("_", " ");

/** Outcomes after which the same message is simply tried again. */
const PASSING = ["retry_after", "retry", "ambiguous", "silent", "reshape", "moved", "fallback"];

/** One attempt as a line: `content · attempt 1: retry after · waits 2.0 s`. */
function attempts(events, contract, kinds) {
  return events
    .filter((entry) => entry.event === "receipt_attempt" && entry.contract === contract.id && kinds.includes(entry.receipt))
    .map((entry) => ({
      text: [
        `${entry.receipt}${entry.part ? ` ${entry.part}` : ""} · attempt ${entry.n}: ${words(entry.outcome)}`,
        entry.cause,
        entry.next && `waits ${span(entry.next - entry.at)}`,
      ].filter(Boolean).join(" · "),
      at: entry.at,
      slow: PASSING.includes(entry.outcome),
      bad: entry.outcome !== "surfaced" && !PASSING.includes(entry.outcome),
    }));
}

/** How often a receipt was tried, as the journal has it: the receipt itself counts only what its schedule spent. */
export function tries(events, contract, receipt) {
  const same = (one) => one.kind === receipt.kind && one.part === receipt.part;
  // The journal does not tell the generations of one receipt apart.
  if (contract.receipts.filter(same).length > 1) return receipt.attempts;
  const seen = events.filter((entry) => entry.event === "receipt_attempt" && entry.contract === contract.id
    && entry.receipt === receipt.kind && entry.part === receipt.part).length;
  return Math.max(seen, receipt.attempts);
}

/** What is still due for receipts of these kinds. */
function due(contract, kinds) {
  return contract.receipts
    .filter((receipt) => kinds.includes(receipt.kind) && receipt.state === "pending" && receipt.next)
    .map((receipt) => ({ text: `${receipt.kind} · next attempt`, until: receipt.next }));
}

function lifeLines(events) {
  const lines = [];
  for (const entry of events) {
    if (entry.event === "queued") lines.push({ text: `queued, ${entry.ahead} ahead`, at: entry.at });
    if (entry.event === "started" && entry.rerun > 0) lines.push({ text: `started again after a crash (${entry.rerun})`, at: entry.at });
    if (entry.event === "retrying") lines.push({ text: `attempt ${entry.attempt} of ${entry.of} · ${entry.cause}`, at: entry.at, bad: true });
    if (entry.event === "recovered") lines.push({ text: entry.rerun ? "its process was gone; it runs again" : "its process was gone", at: entry.at, bad: true });
    if (entry.event === "question") lines.push({ text: `asked: ${entry.text}`, at: entry.at });
    if (entry.event === "answered") lines.push({ text: `answered by ${entry.by}: ${entry.choice}`, at: entry.at });
    if (entry.event === "cancel_requested") lines.push({ text: `cancel asked by ${entry.by}: ${entry.reason}`, at: entry.at });
    if (entry.event === "timed_out") lines.push({ text: `time limit ${entry.limit}`, at: entry.at, bad: true });
  }
  const shown = events.filter((entry) => entry.event === "status");
  const last = shown[shown.length - 1];
  if (last) lines.push({ text: last.text, at: last.at });
  return lines;
}

/** Where a job comes from when no person asked for it there and then, as lines; none otherwise. */
export function mark(origin) {
  if (!origin || origin.by === "person") return [];
  if (origin.by === "notice") return [{ text: `a notice about follow-up ${origin.followup}` }];
  const lines = [
    { text: `${origin.manual ? "run by hand" : "scheduled"} by ${origin.originator}: ${origin.reason}` },
    { text: `follow-up ${origin.followup} · due ${local(origin.due, origin.zone)}` },
  ];
  const { late } = origin;
  if (late) lines.push({ text: `late by ${span(late.by_ms)}${late.offline ? `, the bot was offline ${late.offline.map((at) => local(at, origin.zone, false)).join("–")}` : ""}`, slow: true });
  if (late?.missed) lines.push({ text: `${late.missed} earlier ${late.missed === 1 ? "one" : "ones"} missed`, slow: true });
  return lines;
}

/** A moment on the clock of a zone, not on the reader's. */
function local(at, zone, date = true) {
  const day = date ? { weekday: "short", day: "numeric", month: "short" } : {};
  try {
    return `${new Intl.DateTimeFormat("en-GB", { ...day, hour: "2-digit", minute: "2-digit", timeZone: zone }).format(at)}${date ? ` ${zone}` : ""}`;
  } catch {
    // A browser that does not know the zone names the moment without one.
    return new Date(at).toISOString();
  }
}

/** The steps of one contract, in the order in which they happen. */
export function steps(inspection, contract) {
  const { job, events } = inspection;
  const own = (name) => events.filter((entry) => entry.event === name && entry.contract === contract?.id);
  const accepted = events.find((entry) => entry.event === "accepted");
  const found = [
    { key: "received", title: "Received", at: job.created, done: true, lines: [{ text: `${job.by}: ${job.kind} ${job.input}`.trim() }, ...mark(job.origin)] },
    { key: "stored", title: "Stored", at: accepted?.at ?? job.created, done: true, lines: [{ text: job.id, code: true }] },
  ];
  if (contract) {
    const stubs = contract.receipts.filter((receipt) => receipt.kind === "stub");
    found.push({
      key: "acknowledged",
      title: "Acknowledged",
      at: contract.acked ?? null,
      done: Boolean(contract.acked),
      failed: !contract.acked && stubs.length > 0 && stubs.every((receipt) => receipt.state === "failed"),
      after: contract.acked ? contract.acked - job.created : null,
      lines: [
        ...own("ack_missed").map((entry) => ({ text: "late: the deadline had passed", at: entry.at, slow: true })),
        ...attempts(events, contract, ["stub"]).filter((line) => line.bad || line.slow),
        ...own("route_step").map((entry) => ({ text: `moved on: ${entry.reason}`, at: entry.at, bad: true })),
        ...due(contract, ["stub"]),
      ],
    });
  }
  const waiting = job.state === "waiting_for_input";
  found.push({
    key: "running",
    title: waiting ? "Waiting for an answer" : job.state === "cancelling" ? "Cancelling" : job.state === "queued" ? "Queued" : "Running",
    at: job.started ?? null,
    done: Boolean(job.ended),
    now: !job.ended,
    skipped: Boolean(job.ended) && !job.started,
    since: job.started && !job.ended ? job.started : null,
    after: job.started && job.ended ? job.ended - job.started : null,
    lines: lifeLines(events),
  });
  found.push({
    key: "result",
    title: "Result stored",
    at: job.ended ?? null,
    done: Boolean(job.ended),
    lines: inspection.ending ? [{ text: [words(inspection.ending.kind), inspection.ending.detail].filter(Boolean).join(" · ") }] : [],
  });
  if (!contract) return found;
  const terminal = contract.receipts.filter((receipt) => TERMINAL.includes(receipt.kind));
  const tried = attempts(events, contract, TERMINAL);
  const settled = terminal.map((receipt) => receipt.settled ?? 0);
  const visible = contract.state === "terminal_acked";
  const lost = contract.state === "terminal_failed";
  found.push({
    key: "sent",
    title: "Sent",
    at: tried[0]?.at ?? null,
    done: visible || lost,
    now: Boolean(job.ended) && !visible && !lost,
    lines: [...tried, ...due(contract, TERMINAL)],
  });
  const surfaced = Math.max(0, ...settled);
  found.push({
    key: "surfaced",
    title: lost ? "Not delivered" : "Surfaced",
    at: visible || lost ? surfaced || null : null,
    done: visible,
    failed: lost,
    after: visible && surfaced && job.ended ? surfaced - job.ended : null,
    lines: terminal
      .filter((receipt) => receipt.state === "surfaced" || receipt.state === "failed")
      .map((receipt) => ({
        text: receipt.state === "failed" ? `${receipt.kind}${receipt.part ? ` ${receipt.part}` : ""}: ${receipt.reason ?? "failed"}` : `${receipt.kind}${receipt.part ? ` ${receipt.part}` : ""} · message ${receipt.message ?? "?"}`,
        bad: receipt.state === "failed",
        code: receipt.state !== "failed",
      })),
  });
  return found;
}

/** The contract that a message belongs to; without one, that of the conversation in front, or the first. */
export function contractOf(inspection, message, here) {
  const named = inspection.contracts.find((contract) => contract.message?.message === message || contract.receipts.some((receipt) => receipt.message === message));
  const near = ({ route, step }) => route[step]?.channel === here.channel && (route[step].thread ?? null) === (here.thread ?? null);
  return named ?? inspection.contracts.find(near) ?? inspection.contracts[0] ?? null;
}
