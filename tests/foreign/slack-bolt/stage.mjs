// What the script stands on: its settings, the steps, the person on the other side, and waiting with a bound.

export const { SLACK_API, SLACK_BOT_TOKEN, SLACK_APP_TOKEN, SLACK_CONTROL } = process.env;
for (const [name, value] of Object.entries({ SLACK_API, SLACK_BOT_TOKEN, SLACK_APP_TOKEN, SLACK_CONTROL })) {
  if (!value) {
    console.error(`${name} is not set; README.md beside this folder says what belongs there`);
    process.exit(2);
  }
}

/** How long one step may take, in milliseconds. Redelivery and the pause before a reconnect are well below it. */
const PATIENCE = 20_000;

/** Fails after a while, and says what did not come. */
export function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${PATIENCE} ms for ${what}`)), PATIENCE);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Does a step and says so; the first that fails ends the script. */
export async function step(name, act) {
  try {
    await within(act(), 'the step to end');
  } catch (error) {
    console.log(`failed ${name}: ${error.stack ?? error}`);
    process.exit(1);
  }
  console.log(`ok ${name}`);
}

/** Tells the fake what a person does, or what happens to it. Returns the id of what that made. */
export async function order(name, about = {}) {
  const response = await fetch(SLACK_CONTROL, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ order: name, ...about }),
  });
  if (!response.ok) {
    throw new Error(`${name}: ${response.status} ${await response.text()}`);
  }
  return response.json();
}

/** Waits until the fake has every acknowledgement. */
export async function settled() {
  for (;;) {
    const counts = await (await fetch(`${SLACK_CONTROL}/counts`)).json();
    if (counts.unacknowledged === 0) {
      return;
    }
  }
}

/** The next event of a kind that fits. Ask for it before causing it. */
export function next(emitter, event, fits = () => true) {
  const found = new Promise((resolve) => {
    const hear = (value) => {
      if (fits(value)) {
        emitter.off(event, hear);
        resolve(value);
      }
    };
    emitter.on(event, hear);
  });
  return within(found, `the event ${event}`);
}
