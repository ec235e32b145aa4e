"""Delivers events: runs commands with JSON on their standard input, and posts JSON to webhooks.

Neither a URL, which may be a secret, nor the arguments of a command are in any message. A receiver gets its events in
order, and one that is slow or fails does not delay the others.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import http.client
import os
import shutil
import signal
import stat
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import SplitResult, unquote, urlsplit

from console.format import safe, to_json
from console.model import Kind, Trouble
from console.settings.deliveries import Delivery

Say = Callable[[str], None]

PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0)  # seconds between the attempts to reach a webhook
WAITING = 1_000  # events that may wait for one receiver; later ones are dropped
TOO_MANY, SERVER_ERROR = 429, 500  # from this status on an error may pass, and before it only this one
OK, NO_LONGER_OK = 200, 300
LONGEST_URL = 4_000  # characters


class Receiver(Protocol):
    """Takes one event at a time."""

    @property
    def name(self) -> str:
        """What messages call it."""
        ...

    async def deliver(self, text: str) -> str:
        """Deliver a JSON document; why that failed, or an empty text."""
        ...


class Command:
    """A program that is run once for each event."""

    def __init__(self, command: Sequence[str], timeout: float) -> None:
        """Raises Trouble(USAGE) if there is no such program."""
        if shutil.which(command[0]) is None:
            raise Trouble(Kind.USAGE, f"There is no program {safe(command[0], 80)} to deliver findings to.")
        self.name = f"command {safe(Path(command[0]).name, 80)}"
        self._command = command
        self._timeout = timeout

    async def deliver(self, text: str) -> str:
        """Run it with the document on its standard input; its exit status unless that is 0."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            return f"cannot be started ({error.strerror})"
        try:
            async with asyncio.timeout(self._timeout):
                await process.communicate(text.encode())
        except TimeoutError:
            return f"was killed after {self._timeout:g} s"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # it may have left children
            await process.wait()
        return f"ended with exit status {process.returncode}" if process.returncode else ""


class Webhook:
    """A URL to which each event is posted as JSON, again and again while the receiver does not answer."""

    def __init__(self, url: str, timeout: float, pauses: Sequence[float] = PAUSES) -> None:
        """Raises Trouble(USAGE) if it is no URL of HTTP."""
        parts = _parts(url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
        self.name = f"webhook at {safe(host, 80)}"
        self._url = parts._replace(netloc=f"{host}:{parts.port}" if parts.port else host, fragment="").geturl()
        self._headers = {"Content-Type": "application/json", "User-Agent": "pipeline-console", **_credentials(parts)}
        self._timeout = timeout
        self._pauses = pauses

    async def deliver(self, text: str) -> str:
        """Post the document; the last reason why that failed."""
        for pause in (*self._pauses, None):
            why, passing = await _in_a_thread(lambda: self._post(text))
            if not why or not passing or pause is None:
                return why
            await asyncio.sleep(pause)
        raise AssertionError  # the last pause is None

    def _post(self, text: str) -> tuple[str, bool]:
        """Why one attempt failed, and whether another may succeed. No message of an exception: it may hold the URL."""
        request = urllib.request.Request(self._url, text.encode(), self._headers, method="POST")  # noqa: S310  http(s)
        try:
            with urllib.request.build_opener(_NoRedirect).open(request, timeout=self._timeout) as response:
                status = response.status
        except urllib.error.HTTPError as error:
            status = error.code
            error.close()
        except urllib.error.URLError as error:
            why = error.reason
            named = why.strerror if isinstance(why, OSError) and why.strerror else type(why).__name__
            return f"was not reached ({safe(named, 80)})", True
        except (OSError, http.client.HTTPException, ValueError) as error:
            return f"was not reached ({type(error).__name__})", True
        return ("", False) if OK <= status < NO_LONGER_OK else (f"answered with status {status}", _may_pass(status))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is an error: it would be followed without the document, and to wherever it says."""

    def redirect_request(self, *_: object) -> None:
        """Follow none."""


class Mailbox:
    """Delivers events to all receivers, each in its own pace, until it is closed."""

    def __init__(self, receivers: Sequence[Receiver], say: Say) -> None:
        """`say` reports what could not be delivered."""
        self._say = say
        self._queues = [asyncio.Queue[tuple[str, asyncio.Future[None]]](WAITING) for _ in receivers]
        self._tasks = [
            asyncio.create_task(self._work(receiver, queue))
            for receiver, queue in zip(receivers, self._queues, strict=True)
        ]
        self._receivers = receivers

    def send(self, document: Mapping[str, object]) -> asyncio.Future[list[None]]:
        """Queue an event; the future is done once every receiver got it, or it was given up."""
        text = to_json(document, indent=None)
        waited: list[asyncio.Future[None]] = []
        for receiver, queue in zip(self._receivers, self._queues, strict=True):
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            try:
                queue.put_nowait((text, done))
                waited.append(done)
            except asyncio.QueueFull:
                self._say(f"Delivery to {receiver.name} failed: {WAITING} events are waiting already.")
        return asyncio.gather(*waited)

    async def close(self) -> None:
        """Give up what was not delivered yet, and end the commands that run."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _work(self, receiver: Receiver, queue: asyncio.Queue[tuple[str, asyncio.Future[None]]]) -> None:
        while True:
            text, done = await queue.get()
            if why := await receiver.deliver(text):
                self._say(f"Delivery to {receiver.name} failed: it {why}.")
            done.set_result(None)


def receivers(deliveries: Sequence[Delivery], environ: Mapping[str, str] = os.environ) -> tuple[Receiver, ...]:
    """What the configuration names. Raises Trouble(USAGE) if a program, a variable or a file is missing or unsafe."""
    return tuple(_receiver(each, environ) for each in deliveries)


def _receiver(delivery: Delivery, environ: Mapping[str, str]) -> Receiver:
    if delivery.command:
        return Command(delivery.command, delivery.timeout)
    if delivery.variable:
        if not environ.get(delivery.variable):
            what = f"The environment variable {safe(delivery.variable, 80)} with the URL of a webhook is not set."
            raise Trouble(Kind.USAGE, what)
        return Webhook(environ[delivery.variable], delivery.timeout)
    return Webhook(_secret(Path(delivery.file)), delivery.timeout)


def _secret(path: Path) -> str:
    """The first line of a file that only its owner may read. Raises Trouble(USAGE)."""
    with _reading(path), path.open(encoding="utf-8") as file:
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
            raise Trouble(Kind.USAGE, f"{safe(path)} holds a secret and others may read it.", "chmod 600 the file.")
        return file.readline(LONGEST_URL).strip()


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Trouble(Kind.USAGE, f"{safe(path)} cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise Trouble(Kind.USAGE, f"{safe(path)} is not UTF-8 text.") from None


def _parts(url: str) -> SplitResult:
    """A URL in its parts. Raises Trouble(USAGE), which does not repeat it."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = SplitResult("", "", "", "", ""), None
    readable = url.isascii() and url.isprintable() and " " not in url
    if parts.scheme not in {"http", "https"} or not parts.hostname or not readable or port == 0:
        raise Trouble(Kind.USAGE, "The URL of a webhook must begin with https:// or http:// and name a host.")
    return parts


def _credentials(parts: SplitResult) -> Mapping[str, str]:
    """The header for a user and password in a URL."""
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _may_pass(status: int) -> bool:
    return status >= SERVER_ERROR or status == TOO_MANY


async def _in_a_thread(work: Callable[[], tuple[str, bool]]) -> tuple[str, bool]:
    """The result of `work`. Unlike asyncio.to_thread it does not keep the process from ending."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[tuple[str, bool]] = loop.create_future()

    def settle(result: tuple[str, bool]) -> None:
        if not done.done():
            done.set_result(result)

    def run() -> None:
        result = work()
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, result)

    threading.Thread(target=run, daemon=True).start()
    return await done
