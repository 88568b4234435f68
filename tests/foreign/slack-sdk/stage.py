"""What the script stands on: its settings, the steps, the person on the other side, and waiting with a bound."""

import json
import os
import sys
import threading
import time
import traceback
import urllib.error
import urllib.request

# How long one wait may take, in seconds. Redelivery and the pause before a reconnect are well below it.
PATIENCE = 20


def setting(name):
    """A setting from the environment."""
    value = os.environ.get(name)
    if not value:
        sys.exit(f"{name} is not set; README.md beside this folder says what belongs there")
    return value


API = setting("SLACK_API")
BOT_TOKEN = setting("SLACK_BOT_TOKEN")
APP_TOKEN = setting("SLACK_APP_TOKEN")
CONTROL = setting("SLACK_CONTROL")


class Failed(Exception):
    """A step failed; it was already said which and why."""


def step(name, act):
    """Does a step and says so; the first that fails ends the script."""
    try:
        act()
    except Exception as error:
        print(f"failed {name}: {error!r}\n{traceback.format_exc()}", flush=True)
        raise Failed from error
    print(f"ok {name}", flush=True)


def order(name, /, **about):
    """Tells the fake what a person does, or what happens to it. Returns the id of what that made."""
    body = json.dumps({"order": name, **about}).encode()
    request = urllib.request.Request(CONTROL, body, {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{name}: {error.code} {error.read().decode()}") from error


def settled():
    """Waits until the fake has every acknowledgement."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with urllib.request.urlopen(f"{CONTROL}/counts", timeout=PATIENCE) as response:
            if json.load(response)["unacknowledged"] == 0:
                return
    raise AssertionError("not everything was acknowledged")


def refused(what, act):
    """Holds that something is refused with these words."""
    try:
        act()
    except Exception as error:
        sure(what in str(error), f"{error} instead of {what}")
        return
    raise AssertionError(f"nothing refused with {what}")


class Heard:
    """Everything that came by the sockets, in order, from whichever thread."""

    def __init__(self):
        self.all = []
        self.changed = threading.Condition()

    def add(self, request):
        with self.changed:
            self.all.append(request)
            self.changed.notify_all()

    def mark(self):
        """Where the next one will stand. Ask for it before causing something."""
        with self.changed:
            return len(self.all)

    def next(self, since, what, fits):
        """The first that fits since a mark."""
        end = time.monotonic() + PATIENCE
        with self.changed:
            while True:
                found = next((one for one in self.all[since:] if fits(one)), None)
                if found is not None:
                    return found
                if not self.changed.wait(end - time.monotonic()):
                    raise AssertionError(f"waited {PATIENCE} s for {what}")


def same(found, wanted):
    """Holds one value against another."""
    if found != wanted:
        raise AssertionError(f"{found!r} instead of {wanted!r}")


def sure(holds, what):
    """Holds that something is so."""
    if not holds:
        raise AssertionError(what)
