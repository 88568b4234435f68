// Talks to /api/v1. `fetch` keeps its default mode on purpose: in the other modes the page's
// no-referrer policy would make the browser send `Origin: null`, which the server refuses.

const BASE = "/api/v1";
const PATIENCE = 15_000;

let csrf = "";
let person = "";

export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export const speaker = () => person;

export function query(parts = {}) {
  const given = Object.entries({ as: person, ...parts }).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return new URLSearchParams(given).toString();
}

async function call(path, options) {
  let answer;
  try {
    answer = await fetch(BASE + path, { ...options, signal: AbortSignal.timeout(PATIENCE) });
  } catch {
    throw new Refused(0, "unreachable", "The bot does not answer. What it accepted is not lost; the page tries again by itself.");
  }
  const body = await answer.json().catch(() => null);
  if (answer.ok && body) return body;
  const error = body?.error ?? { code: "unreadable", message: `The bot answered ${answer.status} and nothing readable.` };
  throw new Refused(answer.status, error.code, error.message);
}

export const get = (path, parts) => call(`${path}?${query(parts)}`, {});

export async function send(path, body) {
  try {
    return await call(path, {
      method: "POST",
      headers: { "content-type": "application/json", "x-wilco-csrf": csrf },
      body: JSON.stringify({ as: person, ...body }),
    });
  } catch (error) {
    if (error.status === 0) error.message = "The bot does not answer. Nothing is lost: send it again when the page is connected. Sent twice, it counts once.";
    throw error;
  }
}

/** Learns who is there; with `as` the page speaks as that person from now on. */
export async function session(as) {
  const found = await call(`/session?${as ? new URLSearchParams({ as }) : ""}`, {});
  csrf = found.csrf;
  person = found.as;
  return found;
}

export const link = (path, parts) => `${BASE}${path}?${query(parts)}`;
