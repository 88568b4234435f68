// What the script stands on: its settings, the steps, the person on the other side, and waiting with a bound.

export const { DISCORD_API, DISCORD_TOKEN, DISCORD_CONTROL } = process.env;
for (const [name, value] of Object.entries({ DISCORD_API, DISCORD_TOKEN, DISCORD_CONTROL })) {
  if (!value) {
    console.error(`${name} is not set; README.md beside this folder says what belongs there`);
    process.exit(2);
  }
}

/** How long one step may take, in milliseconds. Pacing and the pause before a resume are well below it. */
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
  const response = await fetch(DISCORD_CONTROL, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ order: name, ...about }),
  });
  if (!response.ok) {
    throw new Error(`${name}: ${response.status} ${await response.text()}`);
  }
  return response.json();
}

/** The next event of a kind that fits. Ask for it before causing it. */
export function next(client, event, fits = () => true) {
  const found = new Promise((resolve) => {
    const hear = (...values) => {
      if (fits(...values)) {
        client.off(event, hear);
        resolve(values.length > 1 ? values : values[0]);
      }
    };
    client.on(event, hear);
  });
  return within(found, `the event ${event}`);
}
