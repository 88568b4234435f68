// @slack/bolt does once whatever wilco relies on, against the fake Slack. See ../README.md.

import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import bolt from '@slack/bolt';
import { next, order, settled, SLACK_API, SLACK_APP_TOKEN, SLACK_BOT_TOKEN, step } from './stage.mjs';

const { App, LogLevel, SocketModeReceiver } = bolt;

const receiver = new SocketModeReceiver({
  appToken: SLACK_APP_TOKEN,
  logLevel: LogLevel.ERROR,
  // Also the pause before it connects again.
  clientPingTimeout: 2_000,
  installerOptions: { clientOptions: { slackApiUrl: SLACK_API } },
});
const app = new App({
  receiver,
  token: SLACK_BOT_TOKEN,
  logLevel: LogLevel.ERROR,
  clientOptions: { slackApiUrl: SLACK_API },
  deferInitialization: true,
});
const { client } = app;

// What came, for the steps. Every message is kept under the id of its event, which stays the same when it comes again.
const came = new EventEmitter();
const heard = new Map();
app.command('/wilco', async (args) => came.emit('command', args));
app.action(/.*/, async (args) => came.emit('action', args));
app.shortcut(/.*/, async (args) => came.emit('shortcut', args));
app.event('app_mention', async (args) => came.emit('mention', args));
app.event('message', async (args) => {
  heard.set(args.body.event_id, args.event);
  came.emit('message', args);
});
app.error(async (error) => console.error('app error:', error));
let slowed = 0;
client.on('rate_limited', () => (slowed += 1));

const message = (fits) => next(came, 'message', (one) => fits(one.event));
const button = (label, id, value) => ({
  type: 'button',
  text: { type: 'plain_text', text: label },
  action_id: id,
  value,
});
const asking = (text, ...buttons) => [
  { type: 'section', text: { type: 'mrkdwn', text } },
  { type: 'actions', block_id: 'choice', elements: buttons },
];
/** What became of a command: its acknowledgement goes by another connection than what follows. */
async function acknowledged(id) {
  for (;;) {
    const told = (await order('interaction', { id })).about;
    if (told.took_ms !== null) {
      return told;
    }
  }
}
const texts = (got) => got.messages.map((one) => one.text);

let bot, ana, general, ops, asked, root, posted;

await step('log-in', async () => {
  await order('add_shortcut', { name: 'Look at this', callback: 'look' });
  await order('add_global_shortcut', { name: 'Jobs', callback: 'jobs' });
  await order('add_group', { handle: 'oncall', users: ['ana'] });
  await app.init();
  await app.start();
  const self = await client.auth.test();
  assert.equal(self.user, 'wilco');
  assert.equal(self.team, 'Workshop');
  bot = self.user_id;
  const { channels } = await client.conversations.list({ types: 'public_channel', limit: 1000 });
  [general, ops] = ['general', 'ops'].map((name) => channels.find((one) => one.name === name).id);
});

await step('command', async () => {
  const given = next(came, 'command');
  const { id } = await order('slash', { person: 'ana', channel: 'general', command: '/wilco', text: 'run weekly' });
  const { command, ack, respond } = await given;
  ana = command.user_id;
  assert.deepEqual([command.command, command.text, command.channel_id], ['/wilco', 'run weekly', general]);
  await ack({ response_type: 'ephemeral', text: 'Heard' });
  await acknowledged(id);
  await respond({ text: 'Only you see this' });
  await respond({ response_type: 'in_channel', text: 'Weekly is done' });
  for (let use = 2; use < 5; use += 1) {
    await respond({ text: `Note ${use}` });
  }
  await assert.rejects(respond('Too many'), /404/);
});

await step('plain-ack', async () => {
  const given = next(came, 'command');
  const { id } = await order('slash', { person: 'ana', channel: 'general', command: '/wilco', text: 'status' });
  await (await given).ack();
  const told = await acknowledged(id);
  assert.deepEqual([told.failed, told.uses], [false, 0]);
  assert.ok(told.took_ms < 3_000);
});

await step('mention', async () => {
  const mentioned = next(came, 'mention');
  const said = message((one) => one.user === ana);
  await order('say', { person: 'ana', channel: 'general', text: '@wilco what about <this> & that?' });
  const [one, two] = [(await mentioned).event, (await said).event];
  assert.equal(one.ts, two.ts);
  assert.equal(one.text, `<@${bot}> what about &lt;this&gt; &amp; that?`);
  assert.deepEqual([one.channel, two.channel_type], [general, 'channel']);
  assert.equal(two.blocks[0].elements[0].elements[0].user_id, bot);
  root = one.ts;
  const reply = await client.chat.postMessage({ channel: general, thread_ts: root, text: `It is fine, <@${ana}>` });
  assert.deepEqual([reply.message.thread_ts, reply.message.parent_user_id], [root, ana]);
});

await step('button', async () => {
  asked = await client.chat.postMessage({
    channel: general,
    text: 'May I?',
    blocks: asking('May I?', button('Yes', 'answer:yes', '1'), button('No', 'answer:no', '0')),
  });
  const pressed = next(came, 'action');
  await order('press', { person: 'bo', message: asked.ts, button: 'Yes' });
  const { action, body, ack } = await pressed;
  assert.deepEqual([action.action_id, action.value, action.block_id], ['answer:yes', '1', 'choice']);
  assert.deepEqual([body.user.username, body.container.message_ts, body.message.text], ['bo', asked.ts, 'May I?']);
  await ack();
  const changed = message((one) => one.subtype === 'message_changed' && one.message.ts === asked.ts);
  await client.chat.update({ channel: general, ts: asked.ts, text: 'bo said yes', blocks: [] });
  const { event } = await changed;
  assert.deepEqual([event.message.text, event.previous_message.text], ['bo said yes', 'May I?']);
});

await step('replace', async () => {
  const other = await client.chat.postMessage({
    channel: general,
    text: 'And now?',
    blocks: asking('And now?', button('Go', 'go', 'x')),
  });
  const pressed = next(came, 'action');
  await order('press', { person: 'ana', message: other.ts, button: 'go' });
  const { ack, respond } = await pressed;
  await ack();
  await respond({ replace_original: true, text: 'ana pressed Go' });
});

await step('ephemeral', async () => {
  const note = { channel: general, user: ana, text: 'For you', blocks: asking('For you', button('Away', 'away', 'x')) };
  const { message_ts } = await client.chat.postEphemeral(note);
  const pressed = next(came, 'action');
  await order('press', { person: 'ana', message: message_ts, button: 'Away' });
  const { ack, body, respond } = await pressed;
  assert.equal(body.container.is_ephemeral, true);
  await ack();
  await respond({ delete_original: true });
});

await step('shortcut', async () => {
  const chosen = next(came, 'shortcut');
  await order('shortcut', { person: 'ana', message: root, name: 'Look at this' });
  const { shortcut, ack, respond } = await chosen;
  assert.deepEqual([shortcut.type, shortcut.callback_id, shortcut.message.ts], ['message_action', 'look', root]);
  await ack();
  await respond({ text: 'Looked', thread_ts: root });
  const started = next(came, 'shortcut');
  await order('global_shortcut', { person: 'ana', name: 'Jobs' });
  const global = await started;
  assert.deepEqual([global.shortcut.type, global.shortcut.callback_id], ['shortcut', 'jobs']);
  await global.ack();
});

await step('edit', async () => {
  const metadata = { event_type: 'wilco', event_payload: { k: 'd1' } };
  posted = await client.chat.postMessage({ channel: general, text: 'First', metadata, unfurl_links: false });
  const edited = await client.chat.update({ channel: general, ts: posted.ts, text: 'Second' });
  assert.deepEqual([edited.ts, edited.text, edited.message.edited.user], [posted.ts, 'Second', bot]);
});

await step('delete', async () => {
  const passing = await client.chat.postMessage({ channel: general, text: 'Not for long' });
  const gone = message((one) => one.subtype === 'message_deleted' && one.deleted_ts === passing.ts);
  await client.chat.delete({ channel: general, ts: passing.ts });
  await gone;
  await assert.rejects(
    client.chat.update({ channel: general, ts: passing.ts, text: 'x' }),
    (error) => error.code === 'slack_webapi_platform_error' && error.data.error === 'message_not_found',
  );
});

await step('thread', async () => {
  const said = message((one) => one.thread_ts === posted.ts && one.user === ana);
  await order('say', { person: 'ana', channel: 'general', text: 'Good', under: posted.ts });
  assert.equal((await said).event.parent_user_id, bot);
  const metadata = { event_type: 'wilco', event_payload: { k: 'd2' } };
  await client.chat.postMessage({ channel: general, thread_ts: posted.ts, text: 'We talk here', metadata });
  const all = await client.conversations.replies({ channel: general, ts: posted.ts, include_all_metadata: true });
  assert.deepEqual(texts(all), ['Second', 'Good', 'We talk here']);
  assert.deepEqual(all.messages.map((one) => one.metadata?.event_payload.k), ['d1', undefined, 'd2']);
  const refused = order('slash', {
    person: 'ana',
    channel: 'general',
    command: '/wilco',
    text: 'status',
    under: posted.ts,
  });
  await assert.rejects(refused, /not supported in threads/);
});

await step('file', async () => {
  const carrier = await client.chat.postMessage({ channel: general, text: 'Here it is' });
  const begun = await client.files.getUploadURLExternal({ filename: 'report.txt', length: 8 });
  const sent = await fetch(begun.upload_url, { method: 'POST', body: 'one, two' });
  assert.equal(sent.status, 200);
  const files = [{ id: begun.file_id, title: 'The report' }];
  const done = await client.files.completeUploadExternal({ files });
  assert.equal(done.files[0].title, 'The report');
  const shown = await client.chat.update({
    channel: general,
    ts: carrier.ts,
    text: 'Here it is, with it',
    file_ids: [begun.file_id],
  });
  assert.deepEqual(shown.message.files.map((one) => [one.name, one.size]), [['report.txt', 8]]);
  const headers = { authorization: `Bearer ${SLACK_BOT_TOKEN}` };
  const read = await fetch(shown.message.files[0].url_private, { headers });
  assert.equal(await read.text(), 'one, two');
  await client.files.uploadV2({ channel_id: ops, filename: 'more.txt', content: 'three', initial_comment: 'And more' });
});

await step('people', async () => {
  const { user } = await client.users.info({ user: ana });
  assert.deepEqual([user.name, user.tz, user.is_restricted], ['ana', 'Europe/Berlin', false]);
  const { channel } = await client.conversations.info({ channel: general, include_num_members: true });
  assert.deepEqual([channel.name, channel.is_member, channel.num_members], ['general', true, 3]);
  const { members } = await client.conversations.members({ channel: general });
  assert.deepEqual(members.sort(), [bot, ana, members.find((one) => one !== bot && one !== ana)].sort());
  const { usergroups } = await client.usergroups.list({ include_users: true });
  assert.deepEqual([usergroups[0].handle, usergroups[0].users], ['oncall', [ana]]);
  const { users } = await client.usergroups.users.list({ usergroup: usergroups[0].id });
  assert.deepEqual(users, [ana]);
});

await step('direct', async () => {
  const { channel } = await client.conversations.open({ users: ana });
  await client.chat.postMessage({ channel: channel.id, text: 'Between us' });
  const said = message((one) => one.channel_type === 'im' && one.user === ana);
  await order('say', { person: 'ana', channel: '@ana', text: 'Just us' });
  assert.equal((await said).event.channel, channel.id);
});

await step('status', async () => {
  const status = { channel_id: general, thread_ts: root, status: 'is looking…' };
  assert.equal((await client.assistant.threads.setStatus(status)).ok, true);
  assert.equal((await client.assistant.threads.setStatus({ ...status, status: '' })).ok, true);
  const thumb = { channel: general, timestamp: root, name: 'thumbsup' };
  await client.reactions.add(thumb);
});

await step('refusals', async () => {
  const refused = (error) => (raised) => raised.data.error === error;
  await order('archive', { channel: 'ops', archived: true });
  await assert.rejects(client.chat.postMessage({ channel: ops, text: 'x' }), refused('is_archived'));
  await order('archive', { channel: 'ops', archived: false });
  await assert.rejects(client.chat.postMessage({ channel: 'C0NOWHERE0', text: 'x' }), refused('channel_not_found'));
  await assert.rejects(client.auth.test({ token: 'xoxb-other' }), refused('invalid_auth'));
});

await step('pace', async () => {
  // More at once than the channel takes: the client has to wait as long as it is told.
  for (let number = 1; number <= 6; number += 1) {
    await client.chat.postMessage({ channel: ops, text: `Line ${number}` });
  }
  assert.ok(slowed > 0);
});

await step('refresh', async () => {
  for (const reason of ['refresh_requested', 'warning']) {
    const back = next(receiver.client, 'connected');
    await order('socket_now', { fault: { fault: 'disconnect', reason } });
    await back;
  }
  const after = message((one) => one.text === 'Said after you came back');
  await order('say', { person: 'ana', channel: 'general', text: 'Said after you came back' });
  await after;
});

await step('redelivery', async () => {
  // Otherwise it might be an earlier acknowledgement that is ignored.
  await settled();
  const ignored = { moment: 'ack', fault: { fault: 'ignore' } };
  await order('socket_fault', { rule: ignored });
  const fits = (one) => one.event.text === 'Said twice';
  const first = next(came, 'message', fits);
  const again = next(came, 'message', (one) => fits(one) && one.context.retryNum > 0);
  await order('say', { person: 'ana', channel: 'general', text: 'Said twice' });
  const [one, two] = [await first, await again];
  assert.equal(one.body.event_id, two.body.event_id);
  assert.deepEqual([two.context.retryNum, two.context.retryReason], [1, 'timeout']);
});

await step('history', async () => {
  const recent = await client.conversations.history({ channel: general, limit: 3 });
  assert.deepEqual(texts(recent), ['Said twice', 'Said after you came back', 'Here it is, with it']);
  assert.equal(recent.has_more, true);
  const cursor = recent.response_metadata.next_cursor;
  const next = { channel: general, limit: 1, cursor, include_all_metadata: true };
  const further = await client.conversations.history(next);
  assert.deepEqual(further.messages[0].metadata, { event_type: 'wilco', event_payload: { k: 'd1' } });
  const [, latest] = recent.messages;
  const since = await client.conversations.history({ channel: general, oldest: posted.ts, latest: latest.ts });
  assert.deepEqual(texts(since), ['Here it is, with it']);
  const said = [...heard.values()].filter((one) => one.subtype === undefined).map((one) => one.text);
  assert.deepEqual(said, [
    `<@${bot}> what about &lt;this&gt; &amp; that?`,
    'Good',
    'Just us',
    'Said after you came back',
    'Said twice',
  ]);
});

await step('log-out', async () => {
  await settled();
  await app.stop();
});
