"""discord.py does once whatever wilco relies on, against the fake Discord. See ../README.md."""

import asyncio
import io
import logging
import sys

import discord
import yarl
from discord import app_commands

import stage
from stage import Failed, order, same, step, sure

discord.http.Route.BASE = stage.API

NOBODY = discord.AllowedMentions.none()


def file_of(name, text):
    return discord.File(io.BytesIO(text.encode()), filename=name)


def names_of(message):
    return [one.filename for one in message.attachments]


def contents(messages):
    return [one.content for one in messages if one.content]


class Script:
    """One run: the client, what it heard, and what a later step needs of an earlier one."""

    def __init__(self):
        intents = discord.Intents.none()
        intents.guilds = True
        intents.guild_messages = True
        intents.dm_messages = True
        intents.message_content = True
        self.client = discord.Client(intents=intents, allowed_mentions=NOBODY)
        self.tree = app_commands.CommandTree(self.client)
        # What was heard besides what a step waits for: nothing of it may be lost or come twice.
        self.heard = []
        self.ready = 0
        self.client.event(self.on_message)
        self.client.event(self.on_ready)
        self.commands = asyncio.Queue()
        self.typing = asyncio.Queue()
        self.menus = asyncio.Queue()

    async def on_message(self, message):
        self.heard.append(message.content)

    async def on_ready(self):
        self.ready += 1

    def next(self, event, check=None):
        """The next event of a kind that fits. Ask for it before causing it."""
        return asyncio.ensure_future(self.client.wait_for(event, check=check, timeout=stage.PATIENCE))

    async def log_in(self):
        await self.client.login(stage.TOKEN)
        # This library knows the gateway's address by heart; here it has to ask for it.
        _, gateway, _ = await self.client.http.get_bot_gateway()
        discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway)
        self.running = asyncio.ensure_future(self.client.connect())
        ready = asyncio.ensure_future(self.client.wait_until_ready())
        await asyncio.wait([self.running, ready], return_when=asyncio.FIRST_COMPLETED)
        if self.running.done():
            self.running.result()
        await ready
        same((self.client.user.name, self.client.user.bot), ("wilco", True))
        self.guild = discord.utils.get(self.client.guilds, name="Workshop")
        self.general = discord.utils.get(self.guild.text_channels, name="general")
        self.ops = discord.utils.get(self.guild.text_channels, name="ops")
        may = self.general.permissions_for(self.guild.me)
        sure(may.view_channel and may.send_messages and may.create_public_threads, "the bot may speak in #general")
        application = await self.client.application_info()
        same(application.id, self.client.user.id)

    async def command(self):
        @self.tree.command(name="report", description="Makes a report", guild=self.guild)
        @app_commands.describe(name="Which one", days="How far back")
        async def report(interaction: discord.Interaction, name: str, days: app_commands.Range[int, 1] | None = None):
            self.commands.put_nowait((interaction, name, days))

        @report.autocomplete("name")
        async def suggestions(interaction: discord.Interaction, current: str):
            self.typing.put_nowait((interaction, current))
            return [app_commands.Choice(name="Weekly", value="weekly")]

        @self.tree.context_menu(name="Look at this", guild=self.guild)
        async def look(interaction: discord.Interaction, message: discord.Message):
            self.menus.put_nowait((interaction, message))

        await self.tree.sync(guild=self.guild)
        http, application = self.client.http, self.client.application_id
        spare = {"name": "spare", "description": "Goes away again", "type": 1}
        made = await http.upsert_guild_command(application, self.guild.id, spare)
        stored = await self.tree.fetch_command(int(made["id"]), guild=self.guild)
        changed = await stored.edit(description="Goes away at once")
        same(changed.description, "Goes away at once")
        await changed.delete()
        stored = await self.tree.fetch_commands(guild=self.guild)
        same(sorted(one.name for one in stored), ["Look at this", "report"])
        options = discord.utils.get(stored, name="report").options
        same([(one.name, one.required) for one in options], [("name", True), ("days", False)])
        same(await self.tree.fetch_commands(), [])

    async def suggest(self):
        made = await order("type_in", person="ana", channel="general", command="report", option="name", text="wee")
        interaction, current = await self.typing.get()
        same((str(interaction.id), current), (made["id"], "wee"))

        # The suggestions leave after the function that made them has returned.
        told = await order("interaction", id=made["id"])
        while told["about"]["answered"] is None:
            await asyncio.sleep(0.01)
            told = await order("interaction", id=made["id"])
        same([(one["name"], one["value"]) for one in told["about"]["choices"]], [("Weekly", "weekly")])

    async def defer(self):
        options = {"name": "weekly", "days": 7}
        made = await order("slash", person="ana", channel="general", command="report", options=options)
        interaction, name, days = await self.commands.get()
        self.ana = interaction.user
        sure(isinstance(self.ana, discord.Member), "a command in a guild comes from a member")
        same((name, days, interaction.channel_id), ("weekly", 7, self.general.id))
        await interaction.response.defer(thinking=True)
        same((await order("interaction", id=made["id"]))["about"]["answered"], 5)
        waiting = await interaction.original_response()
        sure(waiting.flags.loading, "a deferred answer is thinking")
        answer = await interaction.edit_original_response(content="Working on weekly")
        same(answer.id, waiting.id)
        sure(not answer.flags.loading, "an answer that was edited is not thinking any more")
        last = await interaction.edit_original_response(content="Weekly is done")
        same(last.content, "Weekly is done")
        note = await interaction.followup.send("Only you see this", ephemeral=True, wait=True)
        sure(note.flags.ephemeral, "the note is private")
        passing = await interaction.followup.send("And this goes again", ephemeral=True, wait=True)
        await passing.delete()

    async def answer(self):
        await order("slash", person="ana", channel="general", command="report", options={"name": "daily"})
        interaction, name, days = await self.commands.get()
        same((name, days), ("daily", None))
        response = await interaction.response.send_message("Daily is done")
        same((response.id, response.resource.content), (interaction.id, "Daily is done"))
        try:
            await interaction.response.send_message("Twice")
        except discord.InteractionResponded:
            return
        raise AssertionError("an interaction is answered once")

    async def menu(self):
        said = self.next("message", lambda one: one.author.id == self.ana.id)
        await order("say", person="ana", channel="general", text="What about this?")
        self.asked = await said
        same(self.asked.content, "What about this?")
        await order("message_command", person="ana", message=str(self.asked.id), command="Look at this")
        interaction, message = await self.menus.get()
        same((message.id, message.content), (self.asked.id, "What about this?"))
        await interaction.response.defer(ephemeral=True, thinking=True)
        await interaction.delete_original_response()

    async def button(self):
        def view_of(*buttons):
            view = discord.ui.View(timeout=None)
            for one in buttons:
                view.add_item(one)
            return view

        yes = discord.ui.Button(label="Yes", custom_id="answer:yes", style=discord.ButtonStyle.primary)
        no = discord.ui.Button(label="No", custom_id="answer:no")
        message = await self.general.send("May I?", view=view_of(yes, no))
        same(len(message.components[0].children), 2)
        is_press = lambda one: one.type is discord.InteractionType.component  # noqa: E731
        came = self.next("interaction", is_press)
        await order("press", person="bo", message=str(message.id), button="Yes")
        press = await came
        same((press.data["custom_id"], press.message.id), ("answer:yes", message.id))
        same(press.user.name, "bo")
        changed = self.next("raw_message_edit", lambda one: one.message_id == message.id)
        off = discord.ui.Button(label="Yes", custom_id="answer:yes", disabled=True)
        await press.response.edit_message(content="bo said yes", view=view_of(off))
        same((await changed).message.content, "bo said yes")
        again = self.next("interaction", is_press)
        other = await self.general.send("And now?", view=view_of(discord.ui.Button(label="Go", custom_id="go")))
        await order("press", person="ana", message=str(other.id), button="go")
        later = await again
        await later.response.defer()
        await later.edit_original_response(content="ana pressed Go", view=None)
        same((await later.original_response()).id, other.id)

    async def edit(self):
        message = await self.general.send("First", nonce="step-edit-1")
        same(message.edited_at, None)
        again = await self.general.send("First", nonce="step-edit-1")
        same(again.id, message.id)
        edited = await message.edit(content="Second")
        same(edited.content, "Second")
        sure(edited.edited_at >= message.created_at, "an edit comes after its message")
        same((await self.general.fetch_message(message.id)).content, "Second")

    async def delete(self):
        message = await self.general.send("Not for long")
        gone = self.next("raw_message_delete", lambda one: one.message_id == message.id)
        await message.delete()
        await gone
        try:
            await self.general.fetch_message(message.id)
        except discord.NotFound as error:
            same((error.code, error.status), (10008, 404))
            return
        raise AssertionError("a deleted message is gone")

    async def reply(self):
        reply = await self.asked.reply(f"It is fine, <@{self.ana.id}>", allowed_mentions=NOBODY)
        same(reply.reference.message_id, self.asked.id)
        same(reply.reference.resolved.content, "What about this?")
        plain = await self.general.send("See example.org", suppress_embeds=True)
        sure(plain.flags.suppress_embeds, "no embeds")

    async def file(self):
        posted = await self.general.send("Here it is", file=file_of("report.txt", "one, two"))
        same(names_of(posted), ["report.txt"])
        first = posted.attachments[0]
        same((first.size, await first.read()), (8, b"one, two"))
        carrier = await posted.edit(content="Here it is, reworded")
        same(names_of(carrier), ["report.txt"])
        carrier = await carrier.edit(attachments=[first, file_of("more.txt", "three")])
        same(names_of(carrier), ["report.txt", "more.txt"])
        same(carrier.content, "Here it is, reworded")
        carrier = await carrier.edit(attachments=[carrier.attachments[1]])
        same(names_of(carrier), ["more.txt"])
        same(await carrier.attachments[0].read(), b"three")
        self.carrier = carrier

    async def open_thread(self):
        opened = self.next("thread_create")
        self.thread = await self.carrier.create_thread(name="About the report", auto_archive_duration=1440)
        same((await opened).id, self.thread.id)
        same((self.thread.id, self.thread.parent_id), (self.carrier.id, self.general.id))
        inside = await self.thread.send("We talk here")
        same(inside.channel.id, self.thread.id)
        said = self.next("message", lambda one: one.channel.id == self.thread.id and one.author.id == self.ana.id)
        await order("say", person="ana", channel=str(self.thread.id), text="Good")
        same((await said).content, "Good")
        alone = await self.general.create_thread(name="By itself", type=discord.ChannelType.public_thread)
        await alone.send("Nobody is here")
        active = await self.guild.active_threads()
        same(sorted(one.name for one in active), ["About the report", "By itself"])
        put = self.next("raw_thread_update", lambda one: one.thread_id == alone.id)
        await alone.edit(archived=True)
        sure((await put).data["thread_metadata"]["archived"], "the thread is put away")

    async def direct(self):
        message = await self.ana.send("Between us")
        same(message.channel.type, discord.ChannelType.private)
        said = self.next("message", lambda one: one.guild is None and one.author.id == self.ana.id)
        await order("say", person="ana", channel="@ana", text="Just us")
        same((await said).content, "Just us")

    async def pace(self):
        await self.ops.typing()
        # One after the other, because this library keeps no order among calls that wait for a bucket.
        for number in range(1, 7):
            sent = await self.ops.send(f"Line {number}")
            same(sent.content, f"Line {number}")

    async def interrupted(self, fault, text):
        """Something happens to the connection, and a person writes before it is back."""
        back = self.next("resumed")
        said = self.next("message", lambda one: one.content == text)
        await order("gateway_now", fault={"fault": fault})
        await order("say", person="ana", channel="general", text=text)
        await asyncio.gather(back, said)
        same(self.heard.count(text), 1)

    async def resume(self):
        await self.interrupted("drop", "Said while you were away")

    async def reconnect(self):
        await self.interrupted("reconnect", "Said while you went")

    async def history(self):
        same(self.ready, 1)
        recent = [one async for one in self.general.history(limit=3)]
        same(contents(recent), ["Said while you went", "Said while you were away", "By itself"])
        after = [one async for one in self.general.history(after=self.asked, limit=2)]
        same(contents(after), ["bo said yes", "ana pressed Go"])
        inside = [one async for one in self.thread.history()]
        same(contents(inside), ["Good", "We talk here"])

    async def log_out(self):
        await self.client.close()
        await self.running
        sure(self.client.is_closed(), "the client is closed")

    async def run(self):
        await step("log-in", self.log_in)
        await step("command", self.command)
        await step("suggest", self.suggest)
        await step("defer", self.defer)
        await step("answer", self.answer)
        await step("menu", self.menu)
        await step("button", self.button)
        await step("edit", self.edit)
        await step("delete", self.delete)
        await step("reply", self.reply)
        await step("file", self.file)
        await step("thread", self.open_thread)
        await step("direct", self.direct)
        await step("pace", self.pace)
        await step("resume", self.resume)
        await step("reconnect", self.reconnect)
        await step("history", self.history)
        await step("log-out", self.log_out)


async def main():
    discord.utils.setup_logging(level=logging.WARNING)
    script = Script()
    try:
        await script.run()
    except Failed:
        await script.client.close()
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
