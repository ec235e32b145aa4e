"""Prose is never protocol: no code of the console parses a sentence that is written for people."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.test_imports import MODULES

# Attributes and names that hold sentences, wherever they occur; the types that carry them are in console/model.
SENTENCES = {"sentence", "remedy", "notes", "note", "summary"}
ERRORS = {"why", "trouble", "caught"}  # what a Trouble is called where it is caught: str() of it is a sentence
REDACTION = "_SECRET.sub("  # hides what looks like a password, and decides nothing
PARSERS = {
    *("startswith", "endswith", "split", "rsplit", "partition", "rpartition", "find", "index", "count"),
    *("removeprefix", "removesuffix", "replace", "search", "match", "fullmatch", "findall", "finditer", "sub"),
}


def is_sentence(node: ast.AST) -> bool:
    """Whether an expression is a sentence, or all notes of something."""
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name in SENTENCES
        case ast.Call(func=ast.Name(id="str" | "one_line" | "safe"), args=[argument, *_]):
            return is_sentence(argument) or (isinstance(argument, ast.Name) and argument.id in ERRORS)
        case ast.Call(func=ast.Attribute(value=value, attr="lower" | "casefold" | "strip")):
            return is_sentence(value)
        case ast.Call(func=ast.Attribute(value=ast.Constant(), attr="join"), args=[argument]):
            return is_sentence(argument)
    return False


def parsed(tree: ast.AST) -> Iterator[ast.expr]:
    """The expressions that search, split or compare a sentence."""
    for node in ast.walk(tree):
        match node:
            case ast.Compare(left=left, ops=operators, comparators=others):
                searched = [
                    other for how, other in zip(operators, others, strict=True) if isinstance(how, ast.In | ast.NotIn)
                ]
                compared = (
                    [left, *others]
                    if any(isinstance(each, ast.Constant) and each.value for each in (left, *others))
                    else []
                )
                if any(map(is_sentence, [*searched, *compared])):
                    yield node
            case ast.Call(func=ast.Attribute(value=value, attr=attr), args=arguments) if attr in PARSERS:
                if is_sentence(value) or any(map(is_sentence, arguments)):
                    yield node
            case ast.Call(func=ast.Attribute(value=ast.Name(id="shlex"), attr="split"), args=arguments):
                if any(map(is_sentence, arguments)):
                    yield node


@pytest.mark.parametrize("module", MODULES)
def test_no_sentence_for_people_is_parsed(module: str) -> None:
    found = [(node.lineno, ast.unparse(node)) for node in parsed(ast.parse(MODULES[module].read_text("utf-8")))]
    assert not [f"line {line}: {code}" for line, code in found if not code.startswith(REDACTION)]


@pytest.mark.parametrize(
    "code",
    [
        "'is not known' in proposal.note",
        "note.endswith(' is partitioned.')",
        "re.search('GRANT', why.remedy)",
        "PATTERN.findall(str(why))",
        "why.sentence.partition(':')",
        "'lock' in str(trouble).lower()",
        "one_line(why.sentence).startswith('The role')",
        "GRANT.search(' '.join(plan.notes))",
        "why.sentence == 'The connection was lost.'",
    ],
)
def test_the_rule_notices_a_parsed_sentence(code: str) -> None:
    assert list(parsed(ast.parse(code)))


@pytest.mark.parametrize(
    "code", ["if why.remedy: pass", "[note for note in plan.notes if note]", "safe(note)", "text == why.sentence"]
)
def test_showing_a_sentence_is_allowed(code: str) -> None:
    assert not list(parsed(ast.parse(code)))
