"""Verifiers are what libpq computes, for every password that a person may choose."""

from __future__ import annotations

import random

import pytest

from console.files.scram import matches, verifier
from tests.servers import PostgresServer as Cluster

PASSWORDS = (
    "plain",
    "with space",
    "Kürbis",
    "\u212bngstr\u00f6m ﬁ Ⅸ",  # compatibility forms
    "no\u00a0break\u3000spaces",
    "soft\u00adhyphen",
    "zero\u200bwidth",
    "\u0627\u0644\u0633\u0631",  # from right to left
    "\u0627mixed",  # of both directions: SASLprep forbids it
    "private \ue000",
    "emoji 😀",  # not in Unicode 3.2
    "\u00ad",  # nothing is left of it
    "'; DROP ROLE x; --",
    "\u1680",
)


@pytest.fixture(scope="module")
def passwords() -> list[str]:
    """Those above and some at random."""
    chance = random.Random(5)
    letters = [
        0x61,
        0xA0,
        0xAD,
        0xAA,
        0x200B,
        0x3000,
        0x627,
        0x5D0,
        0x221,
        0xE9,
        0x301,
        0xFB01,
        0x2028,
        0xFEFF,
        0x1D400,
    ]
    return [*PASSWORDS, *("".join(map(chr, chance.choices(letters, k=chance.randint(1, 4)))) for _ in range(150))]


@pytest.mark.parametrize("iterations", [0, 999_999_999])
def test_a_verifier_of_no_or_endless_iterations_matches_nothing(iterations: int) -> None:
    assert not matches("plain", verifier("plain").replace("$4096:", f"${iterations}:"))


def test_verifiers_are_those_of_libpq(any_pg: Cluster, passwords: list[str]) -> None:
    with any_pg.connect() as session:
        wrong = [
            each
            for each in passwords
            if not matches(each, session.pgconn.encrypt_password(each.encode(), b"x", b"scram-sha-256").decode())
        ]
    assert wrong == []


def test_another_password_does_not_match() -> None:
    stored = verifier("one")
    assert matches("one", stored)
    assert not matches("two", stored)
    assert not matches("one", "md5" + "0" * 32)
    assert not matches("", "")


def test_two_verifiers_of_one_password_differ() -> None:
    assert verifier("one") != verifier("one")
