"""The configuration and how a TARGET becomes a connection string."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from console.model import Kind, Limit, Trouble
from console.settings.config import Settings, holds_password, load
from console.settings.targets import check, repeated, resolve, warnings
from console.sources.postgres import as_replica, parse_target

PANES = ("connections", "locks")


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """An environment without anything of the user who runs the tests."""
    return {"HOME": str(tmp_path)}


def read(home: dict[str, str], text: str, mode: int = 0o600) -> Settings:
    """The settings with `text` in the user's default file."""
    file = Path(home["HOME"]) / ".config" / "pipeline-console" / "console.yml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(mode)
    return load("", PANES, environ=home)


def refused(home: dict[str, str], text: str, mode: int = 0o600) -> str:
    """What is said about a bad user file, after its name."""
    with pytest.raises(Trouble) as caught:
        read(home, text, mode)
    assert caught.value.kind is Kind.USAGE
    name, _, said = str(caught.value).partition("console.yml")
    assert name.endswith("/pipeline-console/")
    return said.removeprefix(", ")


def test_the_bundled_defaults_stand_without_a_file_of_the_user(home: dict[str, str]) -> None:
    settings = load("", PANES, environ=home)
    assert settings.file == ""
    assert settings.thresholds["slow_query_ms"] == Limit(1000, 10000)
    assert settings.thresholds["bloat_percent"].warning == 15
    assert settings.thresholds["connection_usage_percent"].warning == 80
    assert {(policy.table, policy.months_ahead) for policy in settings.partitions} == {
        ("public.content_analytics", 3),
        ("public.api_usage", 3),
        ("public.user_activity_logs", 3),
    }
    assert [(policy.archive, policy.keep_months) for policy in settings.archives] == [
        ("public.content_analytics_archive", 24)
    ]
    assert [(policy.view, policy.every) for policy in settings.refreshes] == [
        ("public.mv_monthly_brand_performance", "day")
    ]
    assert settings.theme == "auto"


def test_mappings_are_merged_and_lists_are_replaced(home: dict[str, str]) -> None:
    settings = read(
        home,
        "theme: 16\nkeymap: {quit: y}\nthresholds: {bloat_percent: {warning: 20}}\nrefresh: {locks: 5}\narchives: []\n",
    )
    assert settings.theme == "16"
    assert settings.keymap == {"quit": "y"}
    assert settings.thresholds["bloat_percent"] == Limit(20, 40)
    assert settings.thresholds["slow_query_ms"] == Limit(1000, 10000)
    assert settings.refresh == {"locks": 5}
    assert settings.archives == ()
    assert len(settings.partitions) == 3


def test_an_empty_file_changes_nothing(home: dict[str, str]) -> None:
    assert read(home, "# nothing yet\n").thresholds == load("", PANES, environ={"HOME": "/nonexistent"}).thresholds


def test_the_file_named_comes_before_the_environment_before_xdg(home: dict[str, str], tmp_path: Path) -> None:
    for name in ("named", "environment"):
        (tmp_path / name).write_text(f"default_target: 'host={name}'\n")
    folder = tmp_path / "xdg" / "pipeline-console"
    folder.mkdir(parents=True)
    (folder / "console.yml").write_text("default_target: host=xdg\n")
    environ = {**home, "XDG_CONFIG_HOME": str(tmp_path / "xdg")}
    assert load("", PANES, environ=environ).default_target == "host=xdg"
    environ["PIPELINE_CONSOLE_CONFIG"] = str(tmp_path / "environment")
    assert load("", PANES, environ=environ).default_target == "host=environment"
    assert load(str(tmp_path / "named"), PANES, environ=environ).default_target == "host=named"


@pytest.mark.parametrize("by", ["argument", "environment"])
def test_a_file_that_is_named_must_exist(home: dict[str, str], tmp_path: Path, by: str) -> None:
    missing = str(tmp_path / "missing.yml")
    environ = {**home, "PIPELINE_CONSOLE_CONFIG": missing if by == "environment" else ""}
    with pytest.raises(Trouble, match=r"no configuration file .*missing\.yml") as caught:
        load(missing if by == "argument" else "", PANES, environ=environ)
    assert caught.value.kind is Kind.USAGE


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("theme: dark\nthemes: x\n", "line 2: themes is not known. Accepted keys: default_target, targets, refresh,"),
        ("targets:\n  prod: {uri: h, pooler: x}\n", "line 2: targets.prod.pooler is not known. Accepted keys: uri,"),
        ("targets:\n  prod: {label: x}\n", "line 2: targets.prod.uri is missing."),
        ("targets:\n  prod: {uri: ''}\n", "line 2: targets.prod.uri must not be empty."),
        ("targets: [a]\n", "line 1: targets must be a mapping of keys to values."),
        ("\n\ntheme: pink\n", "line 3: theme must be one of: auto, dark, light, 16."),
        ("theme: {a: b}\n", "line 1: theme must be text."),
        ("refresh: {conections: 2}\n", "line 1: refresh.conections is not known. Accepted keys: connections, locks."),
        ("refresh: {locks: soon}\n", "line 1: refresh.locks must be a number from 0.2 to 86400."),
        ("refresh: {locks: .nan}\n", "line 1: refresh.locks must be a number from 0.2 to 86400."),
        (
            "thresholds: {bloat_percent: {warning: x}}\n",
            "line 1: thresholds.bloat_percent.warning must be a number from 0",
        ),
        ("partitions:\n- {table: t, key: k}\n- {table: t}\n", "line 3: partitions.2.key is missing."),
        (
            "partitions:\n- {table: t, key: k, months_ahead: 1.5}\n",
            "line 2: partitions.1.months_ahead must be a whole number from 1 to 1200.",
        ),
        ("partitions: x\n", "line 1: partitions must be a list."),
        ("theme: dark\ntheme: light\n", "line 2: theme is there twice, first in line 1."),
        ("- a\n", "line 1: the document must be a mapping of keys to values."),
        ("theme: dark\ntargets:\n  prod: {uri: [a\nkeymap: x\n", "line 4, column 7: at key keymap, this is not YAML:"),
        ("theme: 'dark\n", "line 2, column 1: at key theme, this is not YAML:"),
        ("theme: dark\nkeymap: {a: \x07}\n", "line 2: at key keymap, YAML does not allow a character."),
        ("keymap: *nowhere\n", "line 1, column 9: at key keymap, this is not YAML: found undefined alias."),
    ],
)
def test_whatever_is_wrong_is_told_with_file_line_and_key(home: dict[str, str], text: str, said: str) -> None:
    assert refused(home, text).startswith(said)


def test_a_file_that_is_not_utf8_is_told_with_its_line(home: dict[str, str]) -> None:
    read(home, "")
    file = Path(home["HOME"]) / ".config" / "pipeline-console" / "console.yml"
    file.write_bytes(b"theme: dark\nkeymap: {a: \xe9}\n")
    with pytest.raises(Trouble, match="line 2: this is not UTF-8"):
        load("", PANES, environ=home)


def test_a_value_is_never_repeated(home: dict[str, str]) -> None:
    said = refused(home, "targets:\n  prod: {uri: ['postgresql://u:hush@h/d']}\n")
    assert "hush" not in said


@pytest.mark.parametrize("uri", ["postgresql://u:hush@h/d", "host=h password=hush"])
def test_a_password_is_accepted_only_in_a_file_that_nobody_else_reads(home: dict[str, str], uri: str) -> None:
    text = f"targets:\n  prod: {{uri: '{uri}'}}\n"
    for mode in (0o600 | 1 << bit for bit in range(6)):
        said = refused(home, text, mode=mode)
        assert "holds a password (targets.prod)" in said
        assert "hush" not in said
    assert "(targets.p)" in refused(home, f"targets: {{p: {{uri: 'host=h', poolers: ['{uri}']}}}}", mode=0o640)
    assert "(targets.p)" in refused(home, f"targets: {{p: {{uri: 'host=h', replicas: {{r: '{uri}'}}}}}}", mode=0o640)
    settings = read(home, text)
    assert settings.targets["prod"].uri == uri
    assert "hush" not in repr(settings)


def test_a_file_without_a_password_may_be_read_by_all(home: dict[str, str]) -> None:
    text = "targets:\n  prod: {uri: postgresql://u@h/d, poolers: ['postgresql://s@h:6432/pgbouncer'], label: P}\n"
    assert read(home, text, mode=0o644).targets["prod"].label == "P"


def test_a_name_of_the_configuration_brings_its_label_and_poolers(home: dict[str, str]) -> None:
    settings = read(home, "targets: {prod: {uri: 'postgresql://u@h/d', poolers: ['postgresql://s@h:6432']}}\n")
    wanted = resolve(settings, "prod", environ=home)
    assert (wanted.target, wanted.label) == ("postgresql://u@h/d", "prod")
    assert wanted.poolers == ("postgresql://s@h:6432",)
    given = resolve(settings, "prod", ["postgresql://s@other"], environ=home)
    assert given.poolers == ("postgresql://s@other",)


def test_a_name_of_the_configuration_brings_its_replicas_by_name(home: dict[str, str]) -> None:
    settings = read(home, "targets: {prod: {uri: host=a, replicas: {near: host=b, far: 'postgresql://c'}}}\n")
    assert resolve(settings, "prod", environ=home).replicas == (("near", "host=b"), ("far", "postgresql://c"))
    given = resolve(settings, "prod", replicas=["host=d"], environ=home)
    assert given.replicas == (("", "host=d"),)
    assert "host=" not in repr(given)
    with pytest.raises(Trouble, match="The replica is a URI of another kind"):
        resolve(settings, "prod", replicas=["mysql://d"], environ=home)


def test_heavy_reads_go_to_a_replica_of_the_target_or_are_refused(home: dict[str, str]) -> None:
    target = "uri: host=a, replicas: {near: host=b}"
    settings = read(home, f"targets: {{good: {{{target}, heavy_reads: near}}, bad: {{{target}, heavy_reads: far}}}}\n")
    assert resolve(settings, "good", environ=home).heavy_reads == "near"
    assert resolve(settings, "good", replicas=["host=c"], environ=home).heavy_reads == ""
    with pytest.raises(Trouble, match="heavy_reads names no replica of the target: far") as caught:
        resolve(settings, "bad", environ=home)
    assert caught.value.remedy == "Replicas: near."


@pytest.mark.parametrize(
    ("replica", "expected"),
    [
        ("host=b", "host=b user=dba dbname=shop sslmode=verify-full"),
        (
            "postgresql://report@b:5433/other?sslmode=disable",
            "host=b port=5433 user=report dbname=other sslmode=disable",
        ),
        ("service=b", "service=b user=dba dbname=shop sslmode=verify-full"),
    ],
)
def test_a_replica_has_user_database_and_tls_of_its_primary_and_never_its_password(replica: str, expected: str) -> None:
    made = as_replica(replica, "postgresql://dba:hush@a:5432/shop?sslmode=verify-full&connect_timeout=3")
    assert parse_target(made) == parse_target(expected)


def test_without_a_target_the_default_then_the_environment_then_libpq_decide(home: dict[str, str]) -> None:
    environ = {**home, "PIPELINE_CONSOLE_TARGET": "host=environment"}
    assert resolve(load("", PANES, environ=home), environ=home).target == ""
    assert resolve(load("", PANES, environ=home), environ=environ).target == "host=environment"
    settings = read(home, "default_target: prod\ntargets: {prod: {uri: host=default}}\n")
    assert resolve(settings, environ=environ).target == "host=default"
    assert resolve(settings, "host=given", environ=environ).target == "host=given"


@pytest.mark.parametrize("place", ["PGSERVICEFILE", "HOME", "PGSYSCONFDIR"])
def test_a_name_may_be_a_service_of_libpq(home: dict[str, str], tmp_path: Path, place: str) -> None:
    environ = dict(home)
    file = {"PGSERVICEFILE": "s.conf", "HOME": ".pg_service.conf", "PGSYSCONFDIR": "pg_service.conf"}[place]
    (tmp_path / file).write_text("# services\n[other]\nhost=a\n[it's]\nhost=b\n")
    environ[place] = str(tmp_path / file) if place == "PGSERVICEFILE" else str(tmp_path)
    assert resolve(load("", PANES, environ=home), "it's", environ=environ).target == r"service='it\'s'"


def test_a_name_of_the_configuration_comes_before_a_service(home: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / ".pg_service.conf").write_text("[prod]\nhost=service\n")
    settings = read(home, "targets: {prod: {uri: host=configuration}}\n")
    assert resolve(settings, "prod", environ=home).target == "host=configuration"


def test_an_unknown_name_is_told_with_the_known_ones(home: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / ".pg_service.conf").write_text("[reporting]\nhost=service\n")
    settings = read(home, "targets: {prod: {uri: host=h}}\n")
    with pytest.raises(Trouble, match=r"prodd is neither .* Known names: prod, reporting") as caught:
        resolve(settings, "prodd", environ=home)
    assert caught.value.kind is Kind.USAGE


def test_a_mistyped_uri_is_not_taken_for_a_name_and_repeated(home: dict[str, str]) -> None:
    with pytest.raises(Trouble) as caught:
        resolve(load("", PANES, environ=home), "postgresql:/u:hush@h/d", environ=home)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    "uri",
    [
        "postgresql://u:hu/sh@h/d",  # libpq takes u for the host and hu for the port, and says so
        "postgresql://u:1/hush@h/d",
        "postgresql://u:hu@sh@h/d",  # … sh@h for the host
        "postgresql://u:hush@h:port/d",
        "mysql://u:hush@h/d",
    ],
)
def test_a_uri_that_libpq_would_cut_in_the_wrong_place_is_refused(uri: str) -> None:
    with pytest.raises(Trouble) as caught:
        check(uri, "target")
    assert caught.value.kind is Kind.USAGE
    assert "hu" not in str(caught.value).replace("characters", "")


@pytest.mark.parametrize(
    "uri",
    [
        "postgresql://",
        "postgres://h",
        "postgresql://u@h:5432/d?sslmode=require&options=-c%20a%3Db@c",
        "postgresql://u:p%40%2F@[::1]:5432,h2:5433/d",
        "postgresql:///d?host=/run/postgresql",
        "host=h port=5432",
    ],
)
def test_a_good_uri_passes(uri: str) -> None:
    check(uri, "target")


@pytest.mark.parametrize(
    ("given", "holds"),
    [
        ("postgresql://u:hush@h/d", True),
        ("postgresql://u@h/d?password=hush", True),
        ("host=h password = hush", True),
        ("postgresql://u@h:5432/d", False),
        ("postgresql://h:5432/d", False),
        ("production", False),
    ],
)
def test_a_password_in_an_argument_is_noticed(given: str, holds: bool) -> None:
    assert holds_password(given) is holds
    assert bool(warnings(given, ())) is holds
    assert bool(warnings("", [given])) is holds
    assert not any("hush" in warning for warning in warnings(given, ()))


@pytest.mark.parametrize(
    ("target", "parts", "label", "connects"),
    [
        ("prod", {}, "P", "postgresql://u@h/d"),
        ("prod", {"user": "v"}, "P", "postgresql://u@h/d?user=v"),
        ("prod", {"dbname": "e f"}, "P", "postgresql://u@h/d?dbname=e%20f"),
        ("prod", {"host": "i"}, "", "postgresql://u@h/d?host=i"),
        ("prod", {"port": "7"}, "", "postgresql://u@h/d?port=7"),
        ("", {"user": "v"}, "P", "postgresql://u@h/d?user=v"),
        ("", {"host": "i"}, "", "host='i'"),
        ("host=h", {"dbname": "it's"}, "", "host=h dbname='it\\'s'"),
        ("host=h", {"dbname": "a\\b"}, "", "host=h dbname='a\\\\b'"),
        ("host=h", {"dbname": ""}, "", "host=h"),
    ],
)
def test_parts_replace_those_of_the_target_and_another_server_has_no_label(
    home: dict[str, str], target: str, parts: dict[str, str], label: str, connects: str
) -> None:
    settings = read(home, "default_target: prod\ntargets: {prod: {uri: 'postgresql://u@h/d', label: P}}\n")
    wanted = resolve(settings, target, environ=home, parts=parts)
    assert (wanted.label, wanted.target) == (label, connects)


@pytest.mark.parametrize(
    ("given", "again"),
    [
        ("prod", "prod"),
        ("postgresql://dba@db.example/shop?sslmode=require", None),
        ("host=db.example dbname='my shop'", None),
        ("postgresql://dba:s3cret@db.example/shop", "postgresql://dba@db.example/shop"),
        ("postgresql://dba:s3:cret@db.example:5432/shop?a=1", "postgresql://dba@db.example:5432/shop?a=1"),
        (
            "postgresql://db.example/shop?password=s3cret&sslmode=require",
            "postgresql://db.example/shop?sslmode=require",
        ),
        ("postgresql://db.example/shop?password=s3cret", "postgresql://db.example/shop"),
        ("host=db.example password='s3 c\\'ret' dbname=shop", "host=db.example dbname=shop"),
        ("host=db.example dbname=shop password = s3cret", "host=db.example dbname=shop"),
    ],
)
def test_the_options_of_a_command_are_repeated_without_a_password(given: str, again: str | None) -> None:
    words = shlex.split(repeated(given))
    assert words == ["-t", given if again is None else again]
    assert "s3" not in "".join(words)


def test_all_that_names_servers_is_repeated() -> None:
    given = repeated(
        *("", {"host": "a", "port": "", "user": "it's me", "dbname": "d"}),
        poolers=("postgresql://admin:s3cret@p/pgbouncer",),
        replicas=("postgresql://r/d",),
        redis="redis://:s3cret@cache:6379/0",
        config="my file.yml",
    )
    assert shlex.split(given) == [
        *("-h", "a", "-U", "it's me", "-d", "d", "--pooler", "postgresql://admin@p/pgbouncer"),
        *("--replica", "postgresql://r/d", "--redis", "redis://@cache:6379/0", "--config", "my file.yml"),
    ]
    assert not repeated("")
