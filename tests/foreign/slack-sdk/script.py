"""slack_sdk does once whatever wilco relies on, against the fake Slack. See ../README.md."""

import sys
import time
import urllib.request

from slack_sdk import WebClient
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.webhook import WebhookClient

import stage
from stage import Failed, Heard, order, refused, same, settled, step, sure


class Slowed(RateLimitErrorRetryHandler):
    """Waits as long as it is told, and counts."""

    count = 0

    def prepare_for_next_attempt(self, **about):
        Slowed.count += 1
        super().prepare_for_next_attempt(**about)


def texts(got):
    return [one["text"] for one in got["messages"]]


def button(label, action, value):
    return {
        "type": "button",
        "text": {"type": "plain_text", "text": label},
        "action_id": action,
        "value": value,
    }


def asking(text, *buttons):
    return [
        {"type": "section", "text": {"type": "mrkdwn", "text": text}},
        {"type": "actions", "block_id": "choice", "elements": list(buttons)},
    ]


def respond(payload, **body):
    """Answers a command or a button through its address."""
    answer = WebhookClient(payload["response_url"]).send_dict(body)
    if answer.status_code != 200:
        raise AssertionError(f"{answer.status_code} {answer.body}")


class Script:
    """One run: the clients, what they heard, and what a later step needs of an earlier one."""

    def __init__(self):
        handlers = [Slowed(max_retry_count=20)]
        self.client = WebClient(stage.BOT_TOKEN, base_url=stage.API, retry_handlers=handlers)
        self.heard = Heard()
        self.socket = SocketModeClient(stage.APP_TOKEN, web_client=WebClient(base_url=stage.API))
        self.socket.socket_mode_request_listeners.append(self.hear)
        self.hellos = Heard()
        self.socket.message_listeners.append(self.see)

    def hear(self, client, request):
        # What is acknowledged with an answer is acknowledged by its step.
        if request.type != "slash_commands":
            self.ack(request)
        self.heard.add(request)

    def see(self, client, message, raw):
        if message.get("type") == "hello":
            self.hellos.add(message)

    def ack(self, request, payload=None):
        self.socket.send_socket_mode_response(SocketModeResponse(request.envelope_id, payload))

    def event(self, since, what, fits):
        """The first envelope since a mark whose event fits."""

        def right(one):
            return one.type == "events_api" and fits(one.payload["event"])

        return self.heard.next(since, what, right)

    def message(self, since, fits):
        """The first message since a mark that fits."""
        found = self.event(since, "a message", lambda one: one["type"] == "message" and fits(one))
        return found.payload["event"]

    def used(self, since, kind):
        """The first button or shortcut of a kind since a mark."""
        found = self.heard.next(since, kind, lambda one: one.payload.get("type") == kind)
        return found.payload

    def command(self, since):
        return self.heard.next(since, "a command", lambda one: one.type == "slash_commands")

    def acknowledged(self, made):
        """What became of a command: its acknowledgement goes by another connection than what follows."""
        end = time.monotonic() + stage.PATIENCE
        while time.monotonic() < end:
            told = order("interaction", id=made["id"])["about"]
            if told["took_ms"] is not None:
                return told
        raise AssertionError("nothing was acknowledged")

    def say(self, **about):
        mark = self.heard.mark()
        order("say", person="ana", **about)
        return mark

    def log_in(self):
        order("add_shortcut", name="Look at this", callback="look")
        order("add_global_shortcut", name="Jobs", callback="jobs")
        order("add_group", handle="oncall", users=["ana"])
        self.socket.connect()
        hello = self.hellos.next(0, "hello", lambda one: True)
        same(hello["num_connections"], 1)
        me = self.client.auth_test()
        same((me["user"], me["team"]), ("wilco", "Workshop"))
        self.bot = me["user_id"]
        channels = self.client.conversations_list(types="public_channel", limit=1000)["channels"]
        ids = {one["name"]: one["id"] for one in channels}
        self.general, self.ops = ids["general"], ids["ops"]

    def give_command(self):
        mark = self.heard.mark()
        made = order("slash", person="ana", channel="general", command="/wilco", text="run weekly")
        request = self.command(mark)
        given = request.payload
        sure(request.accepts_response_payload, "an acknowledgement of a command may answer")
        self.ana = given["user_id"]
        same((given["command"], given["text"], given["channel_id"]), ("/wilco", "run weekly", self.general))
        self.ack(request, {"response_type": "ephemeral", "text": "Heard"})
        self.acknowledged(made)
        respond(given, text="Only you see this")
        respond(given, response_type="in_channel", text="Weekly is done")
        for use in range(2, 5):
            respond(given, text=f"Note {use}")
        refused("404", lambda: respond(given, text="Too many"))

    def plain_ack(self):
        mark = self.heard.mark()
        made = order("slash", person="ana", channel="general", command="/wilco", text="status")
        self.ack(self.command(mark))
        told = self.acknowledged(made)
        same((told["failed"], told["uses"]), (False, 0))
        sure(told["took_ms"] < 3_000, told)

    def mention(self):
        mark = self.say(channel="general", text="@wilco what about <this> & that?")
        one = self.event(mark, "a mention", lambda one: one["type"] == "app_mention").payload["event"]
        two = self.message(mark, lambda one: one["user"] == self.ana)
        same((one["ts"], one["text"]), (two["ts"], f"<@{self.bot}> what about &lt;this&gt; &amp; that?"))
        same((one["channel"], two["channel_type"]), (self.general, "channel"))
        same(two["blocks"][0]["elements"][0]["elements"][0]["user_id"], self.bot)
        self.root = one["ts"]
        reply = self.client.chat_postMessage(
            channel=self.general, thread_ts=self.root, text=f"It is fine, <@{self.ana}>"
        )
        same((reply["message"]["thread_ts"], reply["message"]["parent_user_id"]), (self.root, self.ana))

    def press_button(self):
        blocks = asking("May I?", button("Yes", "answer:yes", "1"), button("No", "answer:no", "0"))
        asked = self.client.chat_postMessage(channel=self.general, text="May I?", blocks=blocks)["ts"]
        mark = self.heard.mark()
        order("press", person="bo", message=asked, button="Yes")
        pressed = self.used(mark, "block_actions")
        action = pressed["actions"][0]
        same((action["action_id"], action["value"], action["block_id"]), ("answer:yes", "1", "choice"))
        same((pressed["user"]["username"], pressed["container"]["message_ts"]), ("bo", asked))
        self.client.chat_update(channel=self.general, ts=asked, text="bo said yes", blocks=[])
        changed = self.message(mark, lambda one: one.get("subtype") == "message_changed")
        same((changed["message"]["text"], changed["previous_message"]["text"]), ("bo said yes", "May I?"))

    def replace(self):
        blocks = asking("And now?", button("Go", "go", "x"))
        other = self.client.chat_postMessage(channel=self.general, text="And now?", blocks=blocks)["ts"]
        mark = self.heard.mark()
        order("press", person="ana", message=other, button="go")
        respond(self.used(mark, "block_actions"), replace_original=True, text="ana pressed Go")

    def ephemeral(self):
        blocks = asking("For you", button("Away", "away", "x"))
        note = self.client.chat_postEphemeral(channel=self.general, user=self.ana, text="For you", blocks=blocks)
        mark = self.heard.mark()
        order("press", person="ana", message=note["message_ts"], button="Away")
        pressed = self.used(mark, "block_actions")
        same(pressed["container"]["is_ephemeral"], True)
        respond(pressed, delete_original=True)

    def shortcut(self):
        mark = self.heard.mark()
        order("shortcut", person="ana", message=self.root, name="Look at this")
        chosen = self.used(mark, "message_action")
        same((chosen["callback_id"], chosen["message"]["ts"]), ("look", self.root))
        respond(chosen, text="Looked", thread_ts=self.root)
        order("global_shortcut", person="ana", name="Jobs")
        same(self.used(mark, "shortcut")["callback_id"], "jobs")

    def edit(self):
        metadata = {"event_type": "wilco", "event_payload": {"k": "d1"}}
        posted = self.client.chat_postMessage(
            channel=self.general, text="First", metadata=metadata, unfurl_links=False
        )
        self.posted = posted["ts"]
        edited = self.client.chat_update(channel=self.general, ts=self.posted, text="Second")
        same((edited["ts"], edited["text"]), (self.posted, "Second"))
        same(edited["message"]["edited"]["user"], self.bot)

    def delete(self):
        mark = self.heard.mark()
        passing = self.client.chat_postMessage(channel=self.general, text="Not for long")["ts"]
        self.client.chat_delete(channel=self.general, ts=passing)
        gone = self.message(mark, lambda one: one.get("subtype") == "message_deleted")
        same(gone["deleted_ts"], passing)
        refused(
            "message_not_found",
            lambda: self.client.chat_update(channel=self.general, ts=passing, text="x"),
        )

    def thread(self):
        mark = self.say(channel="general", text="Good", under=self.posted)
        said = self.message(mark, lambda one: one.get("thread_ts") == self.posted)
        same(said["parent_user_id"], self.bot)
        metadata = {"event_type": "wilco", "event_payload": {"k": "d2"}}
        self.client.chat_postMessage(
            channel=self.general, thread_ts=self.posted, text="We talk here", metadata=metadata
        )
        found = self.client.conversations_replies(
            channel=self.general, ts=self.posted, include_all_metadata=True
        )
        same(texts(found), ["Second", "Good", "We talk here"])
        keys = [one.get("metadata", {}).get("event_payload", {}).get("k") for one in found["messages"]]
        same(keys, ["d1", None, "d2"])
        about = {"person": "ana", "channel": "general", "command": "/wilco", "text": "status"}
        refused("not supported in threads", lambda: order("slash", under=self.posted, **about))

    def file(self):
        carrier = self.client.chat_postMessage(channel=self.general, text="Here it is")["ts"]
        begun = self.client.files_getUploadURLExternal(filename="report.txt", length=8)
        with urllib.request.urlopen(urllib.request.Request(begun["upload_url"], b"one, two")) as sent:
            same(sent.status, 200)
        done = self.client.files_completeUploadExternal(
            files=[{"id": begun["file_id"], "title": "The report"}]
        )
        same(done["files"][0]["title"], "The report")
        shown = self.client.chat_update(
            channel=self.general, ts=carrier, text="Here it is, with it", file_ids=[begun["file_id"]]
        )
        files = shown["message"]["files"]
        same([(one["name"], one["size"]) for one in files], [("report.txt", 8)])
        headers = {"authorization": f"Bearer {stage.BOT_TOKEN}"}
        with urllib.request.urlopen(urllib.request.Request(files[0]["url_private"], headers=headers)) as read:
            same(read.read(), b"one, two")
        self.client.files_upload_v2(
            channel=self.ops, filename="more.txt", content="three", initial_comment="And more"
        )

    def people(self):
        user = self.client.users_info(user=self.ana)["user"]
        same((user["name"], user["tz"], user["is_restricted"]), ("ana", "Europe/Berlin", False))
        channel = self.client.conversations_info(channel=self.general, include_num_members=True)["channel"]
        same((channel["name"], channel["is_member"], channel["num_members"]), ("general", True, 3))
        members = self.client.conversations_members(channel=self.general)["members"]
        sure(len(members) == 3 and {self.ana, self.bot} < set(members), members)
        groups = self.client.usergroups_list(include_users=True)["usergroups"]
        same([(one["handle"], one["users"]) for one in groups], [("oncall", [self.ana])])
        same(self.client.usergroups_users_list(usergroup=groups[0]["id"])["users"], [self.ana])

    def direct(self):
        channel = self.client.conversations_open(users=self.ana)["channel"]["id"]
        self.client.chat_postMessage(channel=channel, text="Between us")
        mark = self.say(channel="@ana", text="Just us")
        said = self.message(mark, lambda one: one["channel_type"] == "im" and one["user"] == self.ana)
        same(said["channel"], channel)

    def status(self):
        about = {"channel_id": self.general, "thread_ts": self.root}
        self.client.assistant_threads_setStatus(status="is looking…", **about)
        self.client.assistant_threads_setStatus(status="", **about)
        self.client.reactions_add(channel=self.general, timestamp=self.root, name="thumbsup")

    def refusals(self):
        order("archive", channel="ops", archived=True)
        refused("is_archived", lambda: self.client.chat_postMessage(channel=self.ops, text="x"))
        order("archive", channel="ops", archived=False)
        refused("channel_not_found", lambda: self.client.chat_postMessage(channel="C0NOWHERE0", text="x"))
        refused("invalid_auth", lambda: WebClient("xoxb-other", base_url=stage.API).auth_test())

    def pace(self):
        # More at once than the channel takes: the client has to wait as long as it is told.
        for number in range(1, 7):
            self.client.chat_postMessage(channel=self.ops, text=f"Line {number}")
        sure(Slowed.count > 0, "nothing was refused")

    def refresh(self):
        for reason in ("refresh_requested", "warning"):
            mark = self.hellos.mark()
            order("socket_now", fault={"fault": "disconnect", "reason": reason})
            self.hellos.next(mark, "hello", lambda one: True)
        mark = self.say(channel="general", text="Said after you came back")
        self.message(mark, lambda one: one.get("text") == "Said after you came back")

    def redelivery(self):
        # Otherwise it might be an earlier acknowledgement that is ignored.
        settled()
        order("socket_fault", rule={"moment": "ack", "fault": {"fault": "ignore"}})
        mark = self.say(channel="general", text="Said twice")
        fits = lambda one: one.get("text") == "Said twice"
        one = self.event(mark, "a message", fits)
        again = lambda two: two.envelope_id != one.envelope_id and fits(two.payload.get("event", {}))
        two = self.heard.next(mark, "the same again", again)
        same(one.payload["event_id"], two.payload["event_id"])
        same((one.retry_attempt, two.retry_attempt, two.retry_reason), (0, 1, "timeout"))

    def history(self):
        recent = self.client.conversations_history(channel=self.general, limit=3)
        same(texts(recent), ["Said twice", "Said after you came back", "Here it is, with it"])
        same(recent["has_more"], True)
        further = self.client.conversations_history(
            channel=self.general,
            limit=1,
            cursor=recent["response_metadata"]["next_cursor"],
            include_all_metadata=True,
        )
        same(further["messages"][0]["metadata"], {"event_type": "wilco", "event_payload": {"k": "d1"}})
        latest = recent["messages"][1]["ts"]
        since = self.client.conversations_history(channel=self.general, oldest=self.posted, latest=latest)
        same(texts(since), ["Here it is, with it"])
        payloads = [one.payload for one in self.heard.all if one.type == "events_api"]
        # What comes again has the same id, so this is each event once.
        events = {one["event_id"]: one["event"] for one in payloads if one["event"]["type"] == "message"}
        said = [one["text"] for one in events.values() if one.get("user") == self.ana and "subtype" not in one]
        wanted = [
            f"<@{self.bot}> what about &lt;this&gt; &amp; that?",
            "Good",
            "Just us",
            "Said after you came back",
            "Said twice",
        ]
        same(said, wanted)

    def log_out(self):
        settled()
        self.socket.close()


def main():
    script = Script()
    steps = [
        ("log-in", script.log_in),
        ("command", script.give_command),
        ("plain-ack", script.plain_ack),
        ("mention", script.mention),
        ("button", script.press_button),
        ("replace", script.replace),
        ("ephemeral", script.ephemeral),
        ("shortcut", script.shortcut),
        ("edit", script.edit),
        ("delete", script.delete),
        ("thread", script.thread),
        ("file", script.file),
        ("people", script.people),
        ("direct", script.direct),
        ("status", script.status),
        ("refusals", script.refusals),
        ("pace", script.pace),
        ("refresh", script.refresh),
        ("redelivery", script.redelivery),
        ("history", script.history),
        ("log-out", script.log_out),
    ]
    try:
        for name, act in steps:
            step(name, act)
    except Failed:
        # Threads of the client would keep the process alive.
        script.socket.close()
        sys.exit(1)


main()
