"""What the doctor says of single settings, of a pending restart, and of the room for pools."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from console.doctor.check import Status
from console.doctor.settings import WISHES, assign, judge, restart
from tests.test_doctor import POOL, pooled

GOOD = {
    "track_activity_query_size": ("4096", "4095"),
    "compute_query_id": ("auto", "off"),
    "log_min_duration_statement": ("0", "-1"),
    "log_temp_files": ("0", "-1"),
    "log_autovacuum_min_duration": ("0", "-1"),
    "password_encryption": ("scram-sha-256", "md5"),
}


@pytest.mark.parametrize("name", [wish.name for wish in WISHES])
def test_a_setting_is_good_or_comes_with_what_changes_it(name: str) -> None:
    good, bad = GOOD.get(name, ("on", "off"))
    (fine,) = judge({name: good}, managed=False, waiting={})
    assert (fine.state, fine.remedy) == (Status.OK, "")
    (poor,) = judge({name: bad}, managed=False, waiting={})
    assert poor.state is not Status.OK
    assert poor.remedy
    assert f"{name} = {bad}" in poor.why
    (known,) = judge({name: bad}, managed=False, waiting={name: "Wait."})
    assert known.remedy == "Wait."
    assert judge({}, managed=False, waiting={}) == []


@pytest.mark.parametrize(
    ("needs_restart", "managed", "remedy"),
    [
        (False, False, "ALTER SYSTEM SET x = 'y';\nSELECT pg_reload_conf();"),
        (True, False, "ALTER SYSTEM SET x = 'y';\nThen restart the server."),
        (False, True, "x = 'y' in the parameters of the service."),
        (True, True, "x = 'y' in the parameters of the service, then a restart."),
    ],
)
def test_a_value_is_set_as_the_server_is_run(needs_restart: bool, managed: bool, remedy: str) -> None:
    assert assign("x", "'y'", needs_restart, managed) == remedy


@pytest.mark.parametrize(
    ("names", "overridden", "dangers", "state", "remedy"),
    [
        ((), (), (), Status.OK, ""),
        ((), (), None, Status.OK, ""),
        (("a",), (), (), Status.LIMITED, "Restart the server."),
        (("a", "b"), ("c",), (), Status.LIMITED, "Restart the server."),
        (("a",), (), None, Status.LIMITED, "First check"),
        (("a",), (), ("It would not start.",), Status.CANNOT, "Correct the value"),
        ((), (), ("It would not start.",), Status.CANNOT, "Correct the value"),
        ((), ("c",), (), Status.LIMITED, "The server's command line takes precedence"),
        ((), ("c",), None, Status.LIMITED, "The server's command line takes precedence"),
    ],
)
def test_a_restart_is_advised_only_where_the_server_would_come_back(
    names: Collection[str],
    overridden: Collection[str],
    dangers: Collection[str] | None,
    state: Status,
    remedy: str,
) -> None:
    found = restart(names, overridden, dangers)
    assert found.state is state
    assert found.remedy.startswith(remedy)
    assert bool(found.remedy) is bool(remedy)


@pytest.mark.parametrize(("usable", "state"), [(44, Status.LIMITED), (45, Status.OK), (None, Status.OK)])
def test_pools_fit_up_to_the_last_connection(usable: int | None, state: Status) -> None:
    assert pooled(POOL, usable=usable)["pools"].state is state
