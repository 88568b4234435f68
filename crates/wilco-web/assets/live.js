// The event stream. The browser connects again by itself; where it gives up, this does.

import { link } from "./api.js";

const AGAIN = 2_000;

/** Opens the stream for the present speaker; answers a function that closes it. */
export function follow(handlers) {
  let source = null;
  let timer = 0;
  let closed = false;

  const open = () => {
    source = new EventSource(link("/stream"));
    for (const name of ["hello", "message", "note", "worker", "followup", "typing", "reload"]) {
      source.addEventListener(name, (event) => handlers[name](JSON.parse(event.data)));
    }
    source.addEventListener("error", () => {
      if (closed) return;
      handlers.lost();
      // Any answer but a stream (signed out, an error of a proxy) makes the browser give up.
      if (source.readyState === EventSource.CLOSED) timer = setTimeout(open, AGAIN);
    });
  };
  open();

  return () => {
    closed = true;
    clearTimeout(timer);
    source.close();
  };
}
