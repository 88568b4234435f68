// discord.js does once whatever wilco relies on, against the fake Discord. See ../README.md.

import assert from 'node:assert/strict';
import {
  ActionRowBuilder,
  ApplicationCommandType,
  ButtonBuilder,
  ButtonStyle,
  ChannelType,
  Client,
  ContextMenuCommandBuilder,
  Events,
  GatewayIntentBits,
  MessageFlags,
  SlashCommandBuilder,
} from 'discord.js';
import { DISCORD_API, DISCORD_TOKEN, next, order, step } from './stage.mjs';

const client = new Client({
  intents: [
    GatewayIntentBits.Guilds,
    GatewayIntentBits.GuildMessages,
    GatewayIntentBits.DirectMessages,
    GatewayIntentBits.MessageContent,
  ],
  allowedMentions: { parse: [] },
  rest: { api: DISCORD_API.replace(/\/v10$/, ''), version: '10' },
});
client.on(Events.Error, (error) => console.error('client error:', error));
client.on(Events.Warn, (text) => console.error('client warning:', text));

// What was heard besides what a step waits for: nothing of it may be lost or come twice.
const heard = [];
client.on(Events.MessageCreate, (message) => heard.push(message.content));
let ready = 0;
client.on(Events.ShardReady, () => (ready += 1));
let slowed = 0;
client.rest.on('rateLimited', () => (slowed += 1));

const used = (fits) => next(client, Events.InteractionCreate, fits);
const row = (...buttons) => new ActionRowBuilder().addComponents(...buttons);
const button = (label, id, style = ButtonStyle.Secondary) =>
  new ButtonBuilder().setLabel(label).setCustomId(id).setStyle(style);
const fileNames = (message) => message.attachments.map((file) => file.name);
const read = async (file) => (await fetch(file.url)).text();

let guild, general, ops, ana, asked, withButton, carrier, thread;

await step('log-in', async () => {
  const begun = next(client, Events.ClientReady);
  await client.login(DISCORD_TOKEN);
  await begun;
  assert.equal(client.user.username, 'wilco');
  assert.equal(client.user.bot, true);
  guild = client.guilds.cache.find((one) => one.name === 'Workshop');
  const named = (name) => guild.channels.cache.find((one) => one.name === name);
  [general, ops] = [named('general'), named('ops')];
  assert.equal(general.type, ChannelType.GuildText);
  assert.ok(general.permissionsFor(guild.members.me).has(['ViewChannel', 'SendMessages', 'CreatePublicThreads']));
  const application = await client.application.fetch();
  assert.equal(application.id, client.user.id);
});

await step('command', async () => {
  const report = new SlashCommandBuilder()
    .setName('report')
    .setDescription('Makes a report')
    .addStringOption((option) =>
      option.setName('name').setDescription('Which one').setRequired(true).setAutocomplete(true),
    )
    .addIntegerOption((option) => option.setName('days').setDescription('How far back').setMinValue(1));
  const look = new ContextMenuCommandBuilder().setName('Look at this').setType(ApplicationCommandType.Message);
  await guild.commands.set([report, look]);
  const spare = await guild.commands.create({ name: 'spare', description: 'Goes away again' });
  const changed = await spare.edit({ description: 'Goes away at once' });
  assert.equal(changed.description, 'Goes away at once');
  await spare.delete();
  const stored = await guild.commands.fetch();
  assert.deepEqual(stored.map((one) => one.name).sort(), ['Look at this', 'report']);
  const options = stored.find((one) => one.name === 'report').options;
  assert.deepEqual(
    options.map((one) => [one.name, one.required ?? false, one.autocomplete ?? false]),
    [['name', true, true], ['days', false, false]],
  );
  assert.equal((await client.application.commands.fetch()).size, 0);
});

await step('suggest', async () => {
  const typed = used((one) => one.isAutocomplete());
  const about = { person: 'ana', channel: 'general', command: 'report', option: 'name', text: 'wee' };
  const { id } = await order('type_in', about);
  const typing = await typed;
  assert.equal(typing.id, id);
  assert.equal(typing.commandName, 'report');
  assert.deepEqual(typing.options.getFocused(true), { name: 'name', type: 3, value: 'wee', focused: true });
  await typing.respond([{ name: 'Weekly', value: 'weekly' }]);
  const told = (await order('interaction', { id })).about;
  assert.deepEqual(told.choices.map((one) => [one.name, one.value]), [['Weekly', 'weekly']]);
});

await step('defer', async () => {
  const came = used((one) => one.isChatInputCommand());
  const options = { name: 'weekly', days: 7 };
  const { id } = await order('slash', { person: 'ana', channel: 'general', command: 'report', options });
  const command = await came;
  ana = command.user;
  assert.equal(command.member.id, ana.id);
  assert.equal(command.channelId, general.id);
  assert.deepEqual([command.options.getString('name'), command.options.getInteger('days')], ['weekly', 7]);
  await command.deferReply();
  assert.equal((await order('interaction', { id })).about.answered, 5);
  const waiting = await command.fetchReply();
  assert.ok(waiting.flags.has(MessageFlags.Loading));
  const answer = await command.editReply('Working on weekly');
  assert.equal(answer.id, waiting.id);
  assert.ok(!answer.flags.has(MessageFlags.Loading));
  const last = await command.editReply('Weekly is done');
  assert.equal(last.content, 'Weekly is done');
  const note = await command.followUp({ content: 'Only you see this', flags: MessageFlags.Ephemeral });
  assert.ok(note.flags.has(MessageFlags.Ephemeral));
  const passing = await command.followUp({ content: 'And this goes again', flags: MessageFlags.Ephemeral });
  await command.deleteReply(passing);
});

await step('answer', async () => {
  const came = used((one) => one.isChatInputCommand());
  await order('slash', { person: 'ana', channel: 'general', command: 'report', options: { name: 'daily' } });
  const command = await came;
  assert.equal(command.options.getInteger('days'), null);
  const response = await command.reply({ content: 'Daily is done', withResponse: true });
  assert.equal(response.resource.message.content, 'Daily is done');
  assert.equal(response.interaction.id, command.id);
  await assert.rejects(command.reply('Twice'), (error) => error.code === 'InteractionAlreadyReplied');
});

await step('menu', async () => {
  const said = next(client, Events.MessageCreate, (one) => one.author.id === ana.id);
  await order('say', { person: 'ana', channel: 'general', text: 'What about this?' });
  asked = await said;
  assert.equal(asked.content, 'What about this?');
  const came = used((one) => one.isMessageContextMenuCommand());
  await order('message_command', { person: 'ana', message: asked.id, command: 'Look at this' });
  const menu = await came;
  assert.equal(menu.targetMessage.id, asked.id);
  assert.equal(menu.targetMessage.content, 'What about this?');
  await menu.deferReply({ flags: MessageFlags.Ephemeral });
  await menu.deleteReply();
});

await step('button', async () => {
  withButton = await general.send({
    content: 'May I?',
    components: [row(button('Yes', 'answer:yes', ButtonStyle.Primary), button('No', 'answer:no'))],
  });
  assert.equal(withButton.components[0].components.length, 2);
  const came = used((one) => one.isButton());
  await order('press', { person: 'bo', message: withButton.id, button: 'Yes' });
  const press = await came;
  assert.equal(press.customId, 'answer:yes');
  assert.equal(press.message.id, withButton.id);
  assert.equal(press.user.username, 'bo');
  const changed = next(client, Events.MessageUpdate, (_, after) => after.id === withButton.id);
  await press.update({ content: 'bo said yes', components: [row(button('Yes', 'answer:yes').setDisabled(true))] });
  const [, after] = await changed;
  assert.equal(after.content, 'bo said yes');
  const again = used((one) => one.isButton());
  const other = await general.send({ content: 'And now?', components: [row(button('Go', 'go'))] });
  await order('press', { person: 'ana', message: other.id, button: 'go' });
  const later = await again;
  await later.deferUpdate();
  await later.editReply({ content: 'ana pressed Go', components: [] });
  assert.equal((await later.fetchReply()).id, other.id);
});

await step('edit', async () => {
  const message = await general.send({ content: 'First', nonce: 'step-edit-1', enforceNonce: true });
  assert.equal(message.editedTimestamp, null);
  const again = await general.send({ content: 'First', nonce: 'step-edit-1', enforceNonce: true });
  assert.equal(again.id, message.id);
  const edited = await message.edit('Second');
  assert.equal(edited.content, 'Second');
  assert.ok(edited.editedTimestamp >= message.createdTimestamp);
  assert.equal((await general.messages.fetch({ message: message.id, force: true })).content, 'Second');
});

await step('delete', async () => {
  const message = await general.send('Not for long');
  const gone = next(client, Events.MessageDelete, (one) => one.id === message.id);
  await message.delete();
  await gone;
  await assert.rejects(
    general.messages.fetch({ message: message.id, force: true }),
    (error) => error.code === 10008 && error.status === 404,
  );
});

await step('reply', async () => {
  const reply = await asked.reply({ content: `It is fine, <@${ana.id}>`, allowedMentions: { parse: [] } });
  assert.equal(reply.reference.messageId, asked.id);
  assert.equal((await reply.fetchReference()).content, 'What about this?');
  const plain = await general.send({ content: 'See example.org', flags: MessageFlags.SuppressEmbeds });
  assert.ok(plain.flags.has(MessageFlags.SuppressEmbeds));
});

await step('file', async () => {
  const file = (name, text) => ({ name, attachment: Buffer.from(text) });
  const posted = await general.send({ content: 'Here it is', files: [file('report.txt', 'one, two')] });
  assert.deepEqual(fileNames(posted), ['report.txt']);
  const [first] = posted.attachments.values();
  assert.deepEqual([first.size, await read(first)], [8, 'one, two']);
  carrier = await posted.edit('Here it is, reworded');
  assert.deepEqual(fileNames(carrier), ['report.txt']);
  carrier = await carrier.edit({ attachments: [{ id: first.id }], files: [file('more.txt', 'three')] });
  assert.deepEqual(fileNames(carrier), ['report.txt', 'more.txt']);
  assert.equal(carrier.content, 'Here it is, reworded');
  const more = carrier.attachments.find((one) => one.name === 'more.txt');
  carrier = await carrier.edit({ attachments: [{ id: more.id }] });
  assert.deepEqual(fileNames(carrier), ['more.txt']);
  assert.equal(await read(carrier.attachments.first()), 'three');
});

await step('thread', async () => {
  const opened = next(client, Events.ThreadCreate);
  thread = await carrier.startThread({ name: 'About the report', autoArchiveDuration: 1440 });
  assert.equal((await opened)[0].id, thread.id);
  assert.deepEqual([thread.id, thread.parentId], [carrier.id, general.id]);
  const inside = await thread.send('We talk here');
  assert.equal(inside.channelId, thread.id);
  const said = next(client, Events.MessageCreate, (one) => one.channelId === thread.id && one.author.id === ana.id);
  await order('say', { person: 'ana', channel: thread.id, text: 'Good' });
  assert.equal((await said).content, 'Good');
  const alone = await general.threads.create({ name: 'By itself', type: ChannelType.PublicThread });
  await alone.send('Nobody is here');
  const active = await guild.channels.fetchActiveThreads();
  assert.deepEqual(active.threads.map((one) => one.name).sort(), ['About the report', 'By itself']);
  const put = next(client, Events.ThreadUpdate, (_, after) => after.id === alone.id && after.archived);
  await alone.setArchived(true);
  await put;
});

await step('direct', async () => {
  const message = await ana.send('Between us');
  assert.equal(message.channel.type, ChannelType.DM);
  const said = next(client, Events.MessageCreate, (one) => one.guildId === null && one.author.id === ana.id);
  await order('say', { person: 'ana', channel: '@ana', text: 'Just us' });
  assert.equal((await said).content, 'Just us');
});

await step('pace', async () => {
  await ops.sendTyping();
  const all = await Promise.all([1, 2, 3, 4, 5, 6].map((number) => ops.send(`Line ${number}`)));
  assert.deepEqual(all.map((one) => one.content).sort(), [1, 2, 3, 4, 5, 6].map((number) => `Line ${number}`));
  assert.ok(slowed > 0, 'six messages at once pass a bucket of five without a wait');
});

/** Something happens to the connection, and a person writes before it is back. */
async function interrupted(fault, text) {
  const back = next(client, Events.ShardResume);
  const said = next(client, Events.MessageCreate, (one) => one.content === text);
  await order('gateway_now', { fault: { fault } });
  await order('say', { person: 'ana', channel: 'general', text });
  await Promise.all([back, said]);
  assert.equal(heard.filter((one) => one === text).length, 1);
}

await step('resume', () => interrupted('drop', 'Said while you were away'));

await step('reconnect', () => interrupted('reconnect', 'Said while you went'));

await step('history', async () => {
  assert.equal(ready, 1, 'a session that is resumed is not begun again');
  const recent = await general.messages.fetch({ limit: 3, cache: false });
  assert.deepEqual(recent.map((one) => one.content), [
    'Said while you went',
    'Said while you were away',
    'By itself',
  ]);
  const after = await general.messages.fetch({ after: asked.id, limit: 2, cache: false });
  assert.deepEqual(after.map((one) => one.content), ['ana pressed Go', 'bo said yes']);
  const inThread = await thread.messages.fetch({ cache: false });
  assert.deepEqual(inThread.filter((one) => one.content).map((one) => one.content), ['Good', 'We talk here']);
});

await step('log-out', async () => {
  await client.destroy();
  assert.equal(client.token, null);
});
