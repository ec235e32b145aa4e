"""Interrupts of commands: noticed whenever they arrive."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from console.cli.interrupting import run_interruptible


def test_a_signal_wakes_a_command_that_is_about_to_wait() -> None:
    """Without a wakeup descriptor a signal just before the wait is seen only when something else happens."""

    async def command() -> int:
        descriptor = signal.set_wakeup_fd(-1)
        signal.set_wakeup_fd(descriptor)
        return descriptor

    assert run_interruptible(command()) >= 0


def test_an_interrupt_ends_a_command_that_waits_for_ever() -> None:
    async def command() -> int:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.get_running_loop().create_future()
        return 0

    with pytest.raises(KeyboardInterrupt):
        run_interruptible(command())


def test_a_command_may_take_an_interrupt_for_an_answer() -> None:
    async def command() -> int:
        os.kill(os.getpid(), signal.SIGINT)
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            return 3
        return 0

    assert run_interruptible(command()) == 3
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
