"""What the script stands on: its settings, the steps, the person on the other side, and waiting with a bound."""

import asyncio
import os
import sys
import traceback

import aiohttp

# How long one step may take, in seconds. Pacing and the pause before a resume are well below it.
PATIENCE = 20


def setting(name):
    """A setting from the environment."""
    value = os.environ.get(name)
    if not value:
        sys.exit(f"{name} is not set; README.md beside this folder says what belongs there")
    return value


API = setting("DISCORD_API")
TOKEN = setting("DISCORD_TOKEN")
CONTROL = setting("DISCORD_CONTROL")


class Failed(Exception):
    """A step failed; it was already said which and why."""


async def step(name, act):
    """Does a step and says so; the first that fails ends the script."""
    try:
        async with asyncio.timeout(PATIENCE):
            await act()
    except Exception as error:
        print(f"failed {name}: {error!r}\n{traceback.format_exc()}", flush=True)
        raise Failed from error
    print(f"ok {name}", flush=True)


async def order(name, **about):
    """Tells the fake what a person does, or what happens to it. Returns the id of what that made."""
    async with aiohttp.ClientSession() as session:
        async with session.post(CONTROL, json={"order": name, **about}) as response:
            if response.status != 200:
                raise AssertionError(f"{name}: {response.status} {await response.text()}")
            return await response.json()


def same(found, wanted):
    """Holds one value against another."""
    if found != wanted:
        raise AssertionError(f"{found!r} instead of {wanted!r}")


def sure(holds, what):
    """Holds that something is so."""
    if not holds:
        raise AssertionError(what)
