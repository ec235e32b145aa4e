"""Drives the clients of one process: connects them, begins transactions flat out or at a rate, counts what comes."""

from __future__ import annotations

import heapq
import os
import random
import selectors
import time
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate

from console.records import dataclass
from console.running.load.driver.client import Client, Turn
from console.running.load.driver.script import Command
from console.running.load.driver.tally import LoadTally
from console.running.load.latencies import Latencies
from console.sources.postgres.load_connection import ConnectionLost, LoadConnection, WaitsFor

PAUSE = 0.1  # seconds after a failed transaction: a load that only fails does not fill the log of the server
AGAIN = 0.5  # seconds until a lost connection is made again
CONNECTING = 30.0  # seconds that the clients may take to connect


@dataclass(frozen=True, slots=True)
class Load:
    """What one process does."""

    clients: int
    seconds: float
    rate: float  # transactions a second; 0: as many as possible
    tries: int
    scripts: Sequence[tuple[tuple[Command, ...], int]]  # commands, weight
    variables: Mapping[str, str]


class LoadLoop:
    """Runs a load once. `out` gets lines of JSON; where the file `parent` ends, the process ends."""

    def __init__(self, load: Load, out: Callable[[str], None], parent: int | None = None) -> None:
        self._load, self._out, self._parent = load, out, parent
        self._tally = LoadTally([Latencies() for _ in load.scripts])
        self._weights = list(accumulate(weight for _, weight in load.scripts))
        self._clients = [Client(dict(load.variables), load.tries) for _ in range(load.clients)]
        self._files = selectors.DefaultSelector()
        self._connecting: set[int] = set()  # indexes of clients
        self._working: set[int] = set()
        self._writing: set[int] = set()  # working ones whose statement is not sent whole
        self._wakes: list[tuple[float, int, Callable[[int, float], None]]] = []
        self._began = self._end = self._trigger = 0.0

    def run(self) -> int:
        """Connect, run, report. 1 if no client could connect."""
        if self._parent is not None:
            self._files.register(self._parent, selectors.EVENT_READ, None)
        self._begin_connecting()
        connected = [at for at, client in enumerate(self._clients) if client.connection and at not in self._connecting]
        self._began = self._trigger = time.monotonic()
        self._end = self._began + (self._load.seconds if connected else 0)
        for at in connected:
            self._next(at, self._began)
        now = self._began
        while now < self._end or self._working:
            self._turn(self._end if now < self._end else now + 1)
            now = time.monotonic()
            if int(now - self._began) > self._tally.second:
                self._out(self._tally.report_second(int(now - self._began)))
        gone = sum(client.connection is None for client in self._clients)
        repeated = sum(client.repeated for client in self._clients)
        self._out(self._tally.report_end(now - self._began, repeated, gone))
        return 0 if connected else 1

    def _begin_connecting(self) -> None:
        """Begin to connect all clients, and wait until each has tried."""
        for at in range(len(self._clients)):
            self._connect(at, 0)
        end = time.monotonic() + CONNECTING
        while self._connecting and time.monotonic() < end:
            self._turn(end)

    def _turn(self, until: float) -> None:
        """Wait for the next file or wake-up, and go on there."""
        now = time.monotonic()
        nearest = min(until, self._wakes[0][0] if self._wakes else until, now + 1 - (now - self._began) % 1)
        for key, _ in self._files.select(max(0.0, nearest - now)):
            if key.data is None:
                if not os.read(key.fd, 1):
                    os._exit(1)
            elif key.data in self._connecting:
                self._go_on_connecting(key.data, key.fd)
            else:
                self._go_on(key.data)
        while self._wakes and self._wakes[0][0] <= time.monotonic():
            due, at, act = heapq.heappop(self._wakes)
            act(at, due)

    # Transactions

    def _next(self, at: int, now: float) -> None:
        """Begin the next transaction of a client, now or when the rate has it."""
        due = now
        if self._load.rate:
            self._trigger += random.expovariate(self._load.rate)
            due = self._trigger
        if due > now:
            heapq.heappush(self._wakes, (due, at, self._begin))
        else:
            self._begin(at, due)

    def _begin(self, at: int, due: float) -> None:
        if time.monotonic() >= self._end:
            return
        client = self._clients[at]
        script = bisect_right(self._weights, random.random() * self._weights[-1])  # noqa: S311
        self._working.add(at)
        try:
            self._after(at, client.begin(script, self._load.scripts[script][0], due))
        except ConnectionLost as lost:
            self._lose(at, lost)

    def _go_on(self, at: int) -> None:
        client = self._clients[at]
        try:
            if at in self._working:
                self._after(at, client.ready())
            elif client.connection is not None:
                client.connection.reply(row=False)  # it was lost, or the server sent a notice
        except ConnectionLost as lost:
            self._lose(at, lost)

    def _after(self, at: int, turn: Turn) -> None:
        client = self._clients[at]
        if client.wish is WaitsFor.WRITE or at in self._writing:
            self._watch(at, client)
        if turn is Turn.SENT:
            return
        self._working.discard(at)
        now = time.monotonic()
        if turn is Turn.DONE:
            self._tally.done(client.script, now - client.due)
            self._next(at, now)
        else:
            self._tally.failed(client.error)
            heapq.heappush(self._wakes, (now + PAUSE, at, self._next))

    def _watch(self, at: int, client: Client) -> None:
        """Watch for room to send the rest of a statement, too, as long as there is a rest."""
        assert client.connection is not None  # noqa: S101  it has just been used
        writing = client.wish is WaitsFor.WRITE
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if writing else 0)
        self._files.modify(client.connection.fileno, events, at)
        (self._writing.add if writing else self._writing.discard)(at)

    # Connections

    def _connect(self, at: int, _: float) -> None:
        client = self._clients[at]
        client.connection = LoadConnection()
        try:
            self._files.register(client.connection.fileno, selectors.EVENT_WRITE, at)
            self._connecting.add(at)
        except ConnectionLost as lost:
            self._lose(at, lost)

    def _go_on_connecting(self, at: int, file: int) -> None:
        client = self._clients[at]
        assert client.connection is not None  # noqa: S101  it is being made
        self._files.unregister(file)
        try:
            wish = client.connection.connect()
            events = selectors.EVENT_WRITE if wish is WaitsFor.WRITE else selectors.EVENT_READ
            self._files.register(client.connection.fileno, events, at)
        except ConnectionLost as lost:
            self._lose(at, lost)
            return
        if wish is WaitsFor.NOTHING:
            self._connecting.discard(at)
            client.connected()
            if self._end:
                self._next(at, time.monotonic())

    def _lose(self, at: int, lost: ConnectionLost) -> None:
        """Count a connection that is gone, and make it again after a while."""
        client = self._clients[at]
        for key in [key for key in self._files.get_map().values() if key.data == at]:
            self._files.unregister(key.fileobj)
        if client.connection is not None:
            client.connection.close()
            client.connection = None
        for some in (self._connecting, self._working, self._writing):
            some.discard(at)
        self._wakes = [wake for wake in self._wakes if wake[1] != at]
        heapq.heapify(self._wakes)
        self._tally.failed(lost.reply)
        heapq.heappush(self._wakes, (time.monotonic() + AGAIN, at, self._connect))
