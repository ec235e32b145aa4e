"""`check` and `explain-rule`: levels, formats and exit codes, on a real server."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from console.cli import main
from console.rules.diagnoses import DIAGNOSES
from console.running.trail.audit import Trail
from console.sources.registry import OPTIONAL
from console.watching.asks import applicable
from tests.acting import Desk
from tests.activity import Sessions, other_sessions  # noqa: F401  a fixture, found by name
from tests.command import run
from tests.faults import Stage, blocking
from tests.servers import PostgresServer as Cluster
from tests.waiting import wait

FORMS = ("text", "json", "nagios", "openmetrics")


@pytest.fixture
def stage(pg: Cluster, database: str, sessions: Sessions, tmp_path: Path) -> Stage:
    return Stage(Desk(pg, database, Trail(tmp_path / "audit.jsonl")), sessions)


def test_a_culprit_is_named_in_every_format_with_the_exit_code_of_its_level(stage: Stage, tmp_path: Path) -> None:
    target = ("-t", stage.desk.uri, "--only", "blocking-session")
    with blocking.row_locked_by_an_idle_session(stage) as name:
        wait(lambda: run(tmp_path, "check", *target).code == 1)
        done = {form: run(tmp_path, "check", *target, "--format", form) for form in FORMS}
    assert {form: one.code for form, one in done.items()} == dict.fromkeys(FORMS, 1)
    assert all(name in one.out for form, one in done.items() if form != "openmetrics")
    document = json.loads(done["json"].out)
    assert document["level"] == "warning"
    (finding,) = document["findings"]
    assert {"rule", "subject", "level", "sentence", "since", "evidence", "explains", "fixes"} <= set(finding)
    assert finding["fixes"][0]["action"] == "terminate-backend"
    assert finding["fixes"][0]["parameters"]["pid"] in done["text"].out
    assert finding["evidence"][0].keys() == {"label", "value", "pane"}
    assert re.fullmatch(r"WARNING: .+ \| critical=0 warning=1 rules=1 unknown=0 muted=0\n", done["nagios"].out)
    assert done["openmetrics"].out.endswith("# EOF\n")
    counted = r'^pipeline_console_findings\{server="[^"]+",level="warning"\} 1$'
    assert re.search(counted, done["openmetrics"].out, re.MULTILINE)


def test_a_server_without_findings_is_fine(stage: Stage, tmp_path: Path) -> None:
    done = run(tmp_path, "check", "-t", stage.desk.uri, "--only", "blocking-session", "--format", "json")
    assert (done.code, json.loads(done.out)["level"]) == (0, "ok")


@pytest.mark.parametrize("form", FORMS)
def test_a_server_that_does_not_answer_cannot_be_told_of(tmp_path: Path, form: str) -> None:
    done = run(tmp_path, "check", "-t", "host=127.0.0.1 port=1", "--format", form)
    assert done.code == 3
    assert "Traceback" not in done.out + done.err


def test_each_reason_why_rules_cannot_be_evaluated_is_printed_once(stage: Stage, tmp_path: Path) -> None:
    done = run(tmp_path, "check", "-t", stage.desk.uri, "--only", "pool-exhausted", "--only", "pgbouncer-cve")
    assert done.out.count("There is no pooler to look at.") == 1
    assert "   pool-exhausted, pgbouncer-cve: There is no pooler" in done.out


def test_missing_privileges_are_printed_as_statements_for_the_role(stage: Stage, tmp_path: Path) -> None:
    desk = stage.desk
    desk.do("CREATE ROLE \"Watch 1\" LOGIN PASSWORD 'x'")
    try:
        uri = desk.cluster.uri(desk.database, "Watch 1")
        done = run(tmp_path, "check", "-t", uri, "--only", "settings-file-error", PGPASSWORD="x")
        statement = 'GRANT SELECT ON pg_catalog.pg_file_settings TO "Watch 1";'
        assert statement in done.out
        assert "TO the role" not in done.out
        desk.do(statement)
    finally:
        desk.do('DROP OWNED BY "Watch 1"', 'DROP ROLE "Watch 1"')


def test_rules_for_what_a_target_has_not_count_neither_as_evaluated_nor_as_unknown(
    stage: Stage, tmp_path: Path
) -> None:
    whole = json.loads(run(tmp_path, "check", "-t", stage.desk.uri, "--format", "json").out)
    assert not any("There is no" in each["why"] for each in whole["cannot_tell"])
    done = run(tmp_path, "check", "-t", stage.desk.uri, "--format", "nagios").out
    counts = dict(re.findall(r"(\w+)=(\d+)", done))
    judged = applicable(DIAGNOSES, OPTIONAL)
    assert int(counts["rules"]) + int(counts["unknown"]) == len(judged) < len(DIAGNOSES)
    assert {"redis-gone", "replica-gone", "pool-exhausted"}.isdisjoint(rule.name for rule in judged)
    assert "replication-lag" in {rule.name for rule in judged}, "it needs no named replica"


@pytest.mark.parametrize("form", FORMS)
def test_without_room_for_its_state_the_verdict_is_printed_all_the_same(
    stage: Stage, tmp_path: Path, tiny: Path, form: str
) -> None:
    filler = tiny / "filler"
    filler.write_bytes(bytes(os.statvfs(tiny).f_bavail * os.statvfs(tiny).f_bsize))
    arguments = ("check", "-t", stage.desk.uri, "--only", "blocking-session", "--format", form)
    full, roomy = run(tmp_path, *arguments, XDG_STATE_HOME=str(tiny)), run(tmp_path, *arguments)
    assert (full.code, full.out[:20]) == (roomy.code, roomy.out[:20]) == (0, roomy.out[:20])
    assert "There is no space left" in full.err
    assert "Traceback" not in full.err


def test_an_unknown_rule_is_wrong_usage_and_lists_those_there_are(tmp_path: Path) -> None:
    for arguments in (("check", "--only", "nosuch", "-t", "host=127.0.0.1 port=1"), ("explain-rule", "nosuch")):
        done = run(tmp_path, *arguments)
        assert done.code == 2
        assert "blocking-session" in done.err


def test_a_rule_is_explained_without_a_target(tmp_path: Path) -> None:
    done = run(tmp_path, "explain-rule", "blocking-session")
    assert (done.code, done.err) == (0, "")
    assert "Privileges: " in done.out


@pytest.mark.parametrize("rule", [diagnosis.name for diagnosis in DIAGNOSES])
def test_a_rule_explains_what_it_reads_its_limits_and_its_privileges(
    tmp_path: Path, rule: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith(("PG", "PIPELINE_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert main(["explain-rule", rule]) == 0
    explained = capsys.readouterr().out
    assert main(["explain-rule", rule, "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["name"] == rule
    assert all(limit["name"] in explained for limit in document["limits"])
    assert all(f"-- {query} " in explained for query in document["queries"])
    assert "Privileges: " in explained


def test_all_targets_of_the_configuration_are_checked_at_once(any_pg: Cluster, tmp_path: Path) -> None:
    config = tmp_path / "console.yml"
    config.write_text(f"targets:\n  here: {{uri: '{any_pg.uri()}'}}\n  gone: {{uri: 'host=127.0.0.1 port=1'}}\n")
    config.chmod(0o600)
    done = run(tmp_path, "check", "--all", "--config", str(config), "--format", "json", "--only", "blocking-session")
    document = json.loads(done.out)
    assert done.code == 3
    assert [one["level"] for one in document["targets"]] == ["ok", "unknown"]


def test_what_is_kept_between_two_calls_is_private(stage: Stage, tmp_path: Path) -> None:
    run(tmp_path, "check", "-t", stage.desk.uri)
    (kept,) = tmp_path.rglob("rules/*.json")
    assert kept.stat().st_mode & 0o777 == 0o600
    kept.write_text("{")
    assert run(tmp_path, "check", "-t", stage.desk.uri).code in {0, 1, 2}
