"""Prose: no code of the console parses a sentence that is written for people, and the words are the field's own."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.test_imports import MODULES

ROOT = Path(__file__).parent.parent
# Phrases that sound translated, with what to write instead. Names of columns and variables are not prose.
WORDING = {
    r"told": "is reported; the message is; is known",
    r"of (all of the )?others(?!')": "of other roles; owned by another role",
    r"(made )?anew": "again; recreated",
    r"left alone": "skipped",
    r"beside": "next to; without blocking; compared with",
    r"(gave|gives?) way": "lock released",
    r"(is|are|was|were|be) (brought|raised) up": "updated; started",
    r"takes? it back": "undoes it",
    r"in (anybody|somebody|nobody)'s way": "no blocking sessions",
    r"(is|are) promised": "the CHECK constraint guarantees",
    r"(comes?|came) to life": "became active",
    r"a debt": "dead tuples waiting for VACUUM",
    r"when there (is|are) none": "if there is none",
    r"Trouble \([A-Z]+\)": "Raises Trouble(KIND) if …",
}
# The same for texts that are shown: the strings of the console, its documents, what a query is about.
SHOWN = {
    r"(no|some|any)body": "no client; an unused slot; another client",
    r"whoever": "other roles; any client",
    r"for good": "permanently",
    r"went away": "was lost; was closed",
    r"all of it": "the whole text; all data",
    r"(is|are|was|were) said": "is reported; begins",
    r"reset meanwhile": "reset since the reading before",
    r"(come|comes|wait|waits) meanwhile": "arrive in the meantime",
}
PLAIN = re.compile(rf"(?<![\w-])({'|'.join(SHOWN)})(?!\w)", re.IGNORECASE)
ACCOUNT = ROOT / "console" / "demo" / "account.py"  # names the user nobody of the operating system
TRANSLATED = re.compile(rf"(?<![\w-])({'|'.join(WORDING)})(?!\w)")
# docs/schema.md repeats the comments of applied migrations, whose text never changes.
TEXTS = [
    *(path for path in sorted((ROOT / "docs").glob("*.md")) if path.name != "schema.md"),
    *sorted(ROOT.glob("*.md")),
    *(path for path in sorted((ROOT / "config").rglob("*")) if path.is_file()),
    *(path for path in sorted((ROOT / "sql").rglob("*.sql")) if path.parent != ROOT / "sql" / "schema"),
    *(path for folder in ("console", "scripts") for path in sorted((ROOT / folder).rglob("*.py"))),
]

TESTS = [path for path in sorted((ROOT / "tests").rglob("*.py")) if path != Path(__file__)]

# Names of variables, parameters and functions that say nothing about what they are.
EMPTY_NAMES = {"one", "told", "tell", "tells", "thing", "stuff"}
# Attributes and names that hold sentences, wherever they occur; the types that carry them are in console/model.
SENTENCES = {"sentence", "remedy", "notes", "note", "summary"}
ERRORS = {"why", "trouble", "caught"}  # what a Trouble is called where it is caught: str() of it is a sentence
REDACTION = "_SECRET.sub("  # hides what looks like a password, and decides nothing
PARSERS = {
    *("startswith", "endswith", "split", "rsplit", "partition", "rpartition", "find", "index", "count"),
    *("removeprefix", "removesuffix", "replace", "search", "match", "fullmatch", "findall", "finditer", "sub"),
}


def defined(node: ast.AST) -> str:
    """The name that a node gives to a value, a parameter, a function or a class; empty: none."""
    match node:
        case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
            return name.strip("_")
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return name.strip("_")
    return ""


def test_names_say_what_they_are() -> None:
    assert [
        f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}: {defined(node)}"
        for path in TEXTS
        if path.suffix == ".py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if defined(node) in EMPTY_NAMES
    ] == []


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


def test_no_sentence_for_people_is_parsed() -> None:
    assert [
        f"{module}:{node.lineno}: {ast.unparse(node)}"
        for module, path in MODULES.items()
        for node in parsed(ast.parse(path.read_text("utf-8")))
        if not ast.unparse(node).startswith(REDACTION)
    ] == []


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


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """Lines of a file that people read, with their numbers: strings and comments of code, comments of SQL, all else."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT or (token.type == tokenize.STRING and " " in token.string):
                yield from enumerate(token.string.splitlines(), token.start[0])
    elif path.suffix == ".sql":
        for number, line in enumerate(text.splitlines(), 1):
            yield from ((number, comment) for comment in re.findall("--.*|'[^']* [^']*'", line))
    else:
        yield from enumerate(text.splitlines(), 1)


def remarks(path: Path) -> Iterator[tuple[int, str]]:
    """Lines of the comments and docstrings of code, with their numbers."""
    for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
        if token.type == tokenize.COMMENT or (token.type == tokenize.STRING and token.string.startswith('"""')):
            yield from enumerate(token.string.splitlines(), token.start[0])


@pytest.mark.parametrize(("paths", "lines"), [(TEXTS, prose), (TESTS, remarks)], ids=["texts", "remarks of tests"])
def test_the_words_are_the_fields_own(
    paths: Sequence[Path], lines: Callable[[Path], Iterator[tuple[int, str]]]
) -> None:
    assert [
        f"{path.relative_to(ROOT)}:{number}: {match[0]}"
        for path in paths
        if TRANSLATED.search(path.read_text(encoding="utf-8"))  # most files need not be taken apart
        for number, line in lines(path)
        for match in TRANSLATED.finditer(line)
    ] == []  # WORDING has what to write instead


@pytest.mark.parametrize("words", [("is", "told"), ("of", "others"), ("Trouble", "(USAGE)"), ("left", "alone")])
def test_a_translated_phrase_is_noticed(words: tuple[str, ...]) -> None:
    assert TRANSLATED.search(f"The row {' '.join(words)}.")


def shown(path: Path) -> Iterator[tuple[int, str]]:
    """What is shown of a file, with its lines: strings without docstrings, the help of a query, documents."""
    text = path.read_text(encoding="utf-8")
    if path.is_relative_to(ROOT / "console") and path.suffix == ".py":
        tree = ast.parse(text)
        docstrings = {id(each.value) for each in ast.walk(tree) if isinstance(each, ast.Expr)}
        for each in ast.walk(tree):
            if isinstance(each, ast.Constant) and isinstance(each.value, str) and id(each) not in docstrings:
                yield each.lineno, each.value
    elif path.suffix == ".sql":
        yield 1, text.partition("\n")[0]
    elif path.suffix == ".md" and path.name != "CHANGELOG.md":
        yield from enumerate(text.splitlines(), 1)


def test_what_is_shown_is_plain_english() -> None:
    assert [
        f"{path.relative_to(ROOT)}:{number}: {match[0]}"
        for path in TEXTS
        if path != ACCOUNT and PLAIN.search(path.read_text(encoding="utf-8"))
        for number, text in shown(path)
        for match in PLAIN.finditer(text)
    ] == []  # SHOWN has what to write instead


def test_no_two_classes_have_the_same_name() -> None:
    classes: dict[str, list[str]] = {}
    for path in sorted((ROOT / "console").rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                classes.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    assert not {name: places for name, places in classes.items() if len(places) > 1}
