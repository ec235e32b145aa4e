"""Texts of statements: one statement, whole, as the SELECT of its rows; and what they name."""

from __future__ import annotations

import pytest

from console.explaining.named import named
from console.explaining.statement import is_cut, statement
from console.explaining.tokens import tokens
from console.model import Kind, Trouble

SHORTENED = [
    ("SELECT * FROM t WHERE a = 'x;y' -- why; not\n;", "SELECT * FROM t WHERE a = 'x;y'"),
    (
        "select $$a;b$$, $x$c;$x$, E'\\';', 1.5e3, a->>'b' /* c /* d */ ; */",
        "select $$a;b$$, $x$c;$x$, E'\\';', 1.5e3, a->>'b'",
    ),
    (
        "select * from t where a = $2 for no key update of t, u skip locked limit 1",
        "select * from t where a = $1 limit 1",
    ),
    ("select * from (select * from t for update nowait) q for share", "select * from (select * from t ) q"),
    ("update only s.t as u set a = $1 where u.id = $3", "SELECT u.ctid FROM only s.t as u where u.id = $1"),
    ('update "T" set a = b is distinct from c where "T".a = 1', 'SELECT "T".ctid FROM "T" where "T".a = 1'),
    (
        "update t set a = b.a from b join c using (x) where t.i = b.i returning *",
        "SELECT t.ctid FROM t , b join c using (x) where t.i = b.i",
    ),
    ("delete from s.t using u where t.i = u.i returning t.i", "SELECT s.t.ctid FROM s.t , u where t.i = u.i"),
    (
        "with q as (select 1 as i) delete from t where i in (select i from q)",
        "with q as (select 1 as i) SELECT t.ctid FROM t where i in (select i from q)",
    ),
    (
        "insert into t (a) select b from u where c = $5 on conflict (a) do update set a = $6",
        "select b from u where c = $1",
    ),
    (
        "with q as (select 1) insert into t select * from q",
        "with q as (select 1) SELECT * FROM ( select * from q ) AS q",
    ),
    ("merge into t using u on t.i = u.i when matched then delete", "SELECT t.ctid FROM u JOIN t on t.i = u.i"),
    (
        "merge into t x using u on x.i = u.i when not matched then do nothing",
        "SELECT x.ctid FROM u LEFT JOIN t x on x.i = u.i",
    ),
    (
        "select * from t where at > now() - interval $1 and d = date $2",
        "select * from t where at > now() - $1::interval and d = $2::date",
    ),
    (
        "select a from t where a > (b at time zone $3)::date - $4 or a < current_date + $5",
        "select a from t where a > (b at time zone $1)::date - $2::integer or a < current_date + $3::integer",
    ),
    (
        "select a - $1 from t where a > current_date - $2::interval and b = $3 - current_date and c > now() - $4",
        "select a - $1 from t where a > current_date - $2::interval and b = $3 - current_date and c > now() - $4",
    ),
    ("select a::date from t where b in ($1 /*, ... */)", "select a::date from t where b in ($1 )"),
    ("(select 1) union all (table t)", "(select 1) union all (table t)"),
]


@pytest.mark.parametrize(("given", "query"), SHORTENED, ids=[given[:40] for given, _ in SHORTENED])
def test_a_statement_is_explained_as_the_select_of_its_rows(given: str, query: str) -> None:
    found = statement(given).text.replace(" ;", "")
    assert found.split() == query.split()


REFUSED = [
    ("select 1; select 2", "more than one"),
    ("select 1 /* ; */ ; --\n drop table t", "more than one"),
    ("select 'abc", "cut"),
    ("select $a$ b", "cut"),
    ("select /* a /* b */", "cut"),
    ("select (a, b from t", "cut"),
    ("with q as (select 1)", "cut"),
    ("", "no statement"),
    ("-- nothing", "no statement"),
    ("select U&'\\0061'", "U&"),
    ("vacuum t", "VACUUM has no plan"),
    ("execute p(1)", "EXECUTE has no plan"),
    ("select * into u from t", "INTO"),
    ("insert into t values ($1, $2)", "given values"),
    ("insert into t default values", "given values"),
    ("with d as (delete from t returning *) select * from d", "changes rows"),
    ("with d as (with e as (select 1) insert into t select * from e returning *) select * from d", "changes rows"),
    ("update t set a = 1 where current of c", "cursor"),
]


@pytest.mark.parametrize(("text", "why"), REFUSED, ids=[text[:40] for text, _ in REFUSED])
def test_what_is_no_whole_query_is_refused(text: str, why: str) -> None:
    with pytest.raises(Trouble, match=why) as caught:
        statement(text)
    assert caught.value.kind is Kind.REFUSED


def test_parameters_keep_the_names_that_the_user_sees() -> None:
    found = statement("update t set a = $1 where b = $7 and c = $3 and d = $7")
    assert found.text.endswith("where b = $2 and c = $1 and d = $2")
    assert found.parameters == ("$3", "$7")


def test_the_same_statement_has_one_fingerprint_whatever_its_values_and_layout() -> None:
    kept = statement("SELECT * FROM t WHERE a = $1 AND b = 'x'")
    assert statement("select *\n  from T\n where a = 5 and b = 'y' -- z").fingerprint == kept.fingerprint
    assert statement("select * from u where a = 5 and b = 'y'").fingerprint != kept.fingerprint


@pytest.mark.parametrize(
    ("text", "limit", "cut"), [("x" * 1022, 1024, False), ("x" * 1023, 1024, True), ("ä" * 512, 1024, True)]
)
def test_a_text_as_long_as_the_server_keeps_is_cut(text: str, limit: int, cut: bool) -> None:
    assert is_cut(text, limit) is cut


def test_names_are_found_in_every_form_that_the_catalogs_may_hold() -> None:
    found = named(
        tokens('SELECT Boom(1), x."Dot", "a""b"(2) +-* 3, t.f, ' + "y" * 70 + "() FROM S.T WHERE ÄB LIKE 'c'")
    )
    assert {"boom", "Dot", 'a"b', "f", "y" * 63} <= set(found.called)
    assert {"s", "t", "Äb", "äb"} <= set(found.names)
    assert {"+-*", "+", "-*", "~~", "="} <= set(found.operators)
    assert "boom" not in found.operators
    assert found.runs_text == ""
    assert named(tokens("select xml.Query_To_XML_and_schema('select 1')")).runs_text


def test_a_no_break_space_is_part_of_a_name_as_for_the_server() -> None:
    assert [token.text for token in tokens("h\u00a0boom ()")] == ["h\u00a0boom", "(", ")"]


def test_a_run_of_signs_is_each_operator_that_the_server_may_take_it_for() -> None:
    plain, found = named(tokens("select a")), named(tokens("select a *-@ b"))
    assert set(found.operators) - set(plain.operators) == {"*", "*-", "*-@", "-", "-@", "@"}


def test_the_query_of_an_insert_may_stand_in_parentheses() -> None:
    assert statement("insert into t (a) (select a from u)").text == "(select a from u)"
