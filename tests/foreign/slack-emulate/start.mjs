// Starts the Slack of the package `emulate` with a workspace for one bot, says in one line of JSON what it takes to use
// it, and ends when standard input closes. See README.md.

import { createEmulator } from 'emulate';

const token = 'xoxb-emulate-wilco';
const bot = { app_id: 'A0000WILCO', bot_id: 'B0000WILCO', bot_user_id: 'U0000WILCO' };
const scopes = [
  'channels:history',
  'channels:join',
  'channels:read',
  'chat:write',
  'files:read',
  'files:write',
  'groups:history',
  'groups:read',
  'im:history',
  'im:read',
  'im:write',
  'reactions:read',
  'reactions:write',
  'team:read',
  'users:read',
];
// Another bot, which manages channels and writes things of its own.
const other = { app_id: 'A0000OTHER', bot_id: 'B0000OTHER', bot_user_id: 'U0000OTHER' };
const managing = ['channels:join', 'channels:manage', 'channels:read', 'chat:write', 'groups:write'];
const app = (name, scopes, ids) => ({ client_id: ids.app_id, client_secret: 'none', name, redirect_uris: [], scopes, ...ids, bot_name: name });
const slack = {
  team: { name: 'Workshop', domain: 'workshop' },
  users: [{ name: 'ana' }],
  channels: [{ name: 'ops' }],
  oauth_apps: [app('wilco', scopes, bot), app('other', managing, other)],
  tokens: [
    { token, type: 'bot', user_id: bot.bot_user_id, scopes, ...bot },
    { token: 'xoxb-emulate-other', type: 'bot', user_id: other.bot_user_id, scopes: managing, ...other },
  ],
  strict_scopes: true,
};
const emulator = await createEmulator({ service: 'slack', port: 0, seed: { slack } });
const api = `${emulator.url}/api/`;

async function call(method, about = {}) {
  const response = await fetch(api + method, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json; charset=utf-8' },
    body: JSON.stringify(about),
  });
  const answer = await response.json();
  if (!answer.ok) {
    throw new Error(`${method}: ${answer.error}`);
  }
  return answer;
}

const { team_id: team } = await call('auth.test');
const { channels } = await call('conversations.list');
const channel = channels.find((one) => one.name === 'ops').id;
await call('conversations.join', { channel });
const { members } = await call('users.list');
const person = members.find((one) => one.name === 'ana').id;
console.log(JSON.stringify({ api, token, team, bot: bot.bot_user_id, channel, person }));

process.stdin.resume();
process.stdin.on('end', async () => {
  await emulator.close();
  process.exit(0);
});
