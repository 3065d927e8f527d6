"""Faults of services, files, storage and delivery are injected for real into a deployed native site, and named.

After each, what the remedy says is done, by its own command where it is one of orthancgen; then nothing is named.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orthancgen.cli.output import load_plan
from orthancgen.runtimes.native import database
from orthancgen.runtimes.native.programs import find_programs
from orthancgen.runtimes.native.supervisor import Supervisor
from orthancgen.runtimes.state import State
from orthancgen.secrets.value import SecretValue
from tests.support.breaking import (
    SETTINGS,
    again,
    edit,
    fill,
    listener,
    pid_of,
    refused_by_the_database,
    remove,
    small_disk,
    status_of,
    stop,
    store,
    wait_ended,
)
from tests.support.doctor import assert_healthy, assert_named, named
from tests.support.mending import made_well, mended, mended_by_signal
from tests.support.native import Native
from tests.support.servers import port_answers, wait_until

pytestmark = pytest.mark.live


@pytest.fixture
def site(site_for_faults: Native) -> Native:
    """A deployed site, well."""
    return made_well(site_for_faults)


# --- the environment and its files


def test_not_deployed(native_apps: Path) -> None:
    fresh = Native(native_apps.parent / "doctor-fresh", apps=native_apps)
    assert_named("not deployed, native", fresh.file, fresh.state, "not-deployed")


def test_environment_changed_and_not_deployed(site: Native) -> None:
    site.write({**SETTINGS, "orthanc.name": "Another"})
    found = assert_named("environment changed, native", site.file, site.state, "environment-not-deployed")
    [evidence] = found["environment-not-deployed"].evidence
    assert evidence.text == 'orthanc/orthanc.json: Name: "Orthanc (development)" -> "Another"'
    mended(site, found, "environment-not-deployed")


def test_file_changed_by_hand(site: Native) -> None:
    edit(site, "orthanc/orthanc.json", lambda it: it.update(StableAge=77))
    found = assert_named("file changed by hand, native", site.file, site.state, "file-changed-by-hand")
    assert "StableAge: 1 -> 77" in found["file-changed-by-hand"].evidence[0].text
    mended(site, found, "file-changed-by-hand")


def test_secret_files(site: Native) -> None:
    token = site.state / "secrets/operator_token"
    token.chmod(0o644)
    found = assert_named("secret open to others, native", site.file, site.state, "secret-file-open-to-others")
    subprocess.run(found["secret-file-open-to-others"].remedies[0].command.split(), check=True)  # type: ignore[union-attr]
    assert_healthy(site.file, site.state)
    token.unlink()
    found = assert_named("secret gone, native", site.file, site.state, "secret-file-unreadable")
    mended(site, found, "secret-file-unreadable")


# --- Orthanc's process


def test_wrong_type_in_the_configuration(site: Native) -> None:
    edit(site, "orthanc/orthanc.json", lambda it: it.update(DicomCheckCalledAet="true"))
    again(site, well=False)
    found = assert_named("configuration refused, native", site.file, site.state, "orthanc-refuses-configuration")
    one = found["orthanc-refuses-configuration"]
    assert one.title == "Orthanc refuses its configuration because of DicomCheckCalledAet"
    assert 'The configuration option "DicomCheckCalledAet" must be a Boolean' in one.evidence[0].text
    assert any('DicomCheckCalledAet: true -> "true"' in evidence.text for evidence in one.evidence)
    mended(site, found, "orthanc-refuses-configuration")


def test_broken_json(site: Native) -> None:
    file = site.state / "config/orthanc/orthanc.json"
    file.write_text(file.read_text().replace('"HttpPort"', 'HttpPort"', 1))
    again(site, well=False)
    found = assert_named("configuration is no JSON, native", site.file, site.state, "orthanc-refuses-configuration")
    assert "at line " in found["orthanc-refuses-configuration"].title
    mended(site, found, "orthanc-refuses-configuration")


def test_refused_setting_of_the_environment(site: Native) -> None:
    """What was deployed is refused by the Orthanc that is started next: the line of the environment's file is named."""
    refused = {"orthanc.settings": {"StableAge": 1, "Dictionary": {"zz,1": ["XX"]}}}
    site.write(refused)
    plan = load_plan(str(site.file))[1]
    from orthancgen.render.catalogue import render
    from orthancgen.render.write import write

    write(render(plan), site.state / "config")
    again(site, well=False)
    found = assert_named("setting refused, native", site.file, site.state, "orthanc-refuses-configuration")
    number = next(n for n, line in enumerate(site.file.read_text().splitlines(), 1) if "zz,1" in line)
    title = found["orthanc-refuses-configuration"].title
    assert "because of Dictionary.zz,1" in title
    assert f"t.yaml:{number}:" in title
    assert "orthanc.settings.Dictionary.zz,1" in title


def test_port_taken(site: Native) -> None:
    stop(site, "orthanc")
    with listener(site.ports["dicom"]):
        Supervisor(State(site.state)).start_service("orthanc")
        wait_ended(site, "orthanc")
        found = named(site.file, site.state)
        assert len(found) == 1
        assert_named(
            "port taken, native", site.file, site.state, set(found) & {"port-of-another-service", "orthanc-port-taken"}
        )
        assert str(os.getpid()) in str(found)
    wait_until(lambda: site.unhealthy() == {}, what="health")
    assert_healthy(site.file, site.state)


def test_index_locked(site: Native) -> None:
    stop(site, "orthanc")
    held = sqlite3.connect(site.state / "data/orthanc/index")
    held.execute("BEGIN EXCLUSIVE")
    Supervisor(State(site.state)).start_service("orthanc")
    wait_until(lambda: port_answers("127.0.0.1", site.ports["http"]), what="Orthanc")
    found = assert_named("index locked, native", site.file, site.state, "orthanc-index-locked")
    assert f"(process {os.getpid()})" in found["orthanc-index-locked"].title
    held.close()
    assert_healthy(site.file, site.state)


def test_index_too_new(site: Native) -> None:
    stop(site, "orthanc")
    index = site.state / "data/orthanc/index"
    with sqlite3.connect(index) as connection:
        connection.execute("UPDATE GlobalProperties SET value = '7' WHERE property = 1")
    connection.close()
    Supervisor(State(site.state)).start_service("orthanc")
    wait_ended(site, "orthanc")
    assert_named("index too new, native", site.file, site.state, "orthanc-index-too-new")
    with sqlite3.connect(index) as connection:
        connection.execute("UPDATE GlobalProperties SET value = '6' WHERE property = 1")
    connection.close()
    wait_until(lambda: site.unhealthy() == {}, what="health")
    assert_healthy(site.file, site.state)


def test_orthanc_stopped(site: Native) -> None:
    stop(site, "orthanc")
    found = assert_named("Orthanc stopped, native", site.file, site.state, "orthanc-stopped")
    mended(site, found, "orthanc-stopped")


def test_orthanc_hangs(site: Native) -> None:
    os.kill(pid_of(site, "orthanc"), signal.SIGSTOP)
    found = assert_named("Orthanc halted, native", site.file, site.state, "orthanc-hangs")
    command = found["orthanc-hangs"].remedies[0].command
    assert command is not None
    subprocess.run(command.split(), check=True)
    assert_healthy(site.file, site.state)


def test_plugin_missing(site: Native) -> None:
    edit(site, "orthanc/orthanc.json", lambda it: it.update(Plugins=["/usr/share/orthanc/plugins/libNothing.so"]))
    again(site)
    found = assert_named("plugin missing, native", site.file, site.state, "plugin-missing")
    mended(site, found, "plugin-missing")


def test_version_too_old(site: Native) -> None:
    site.write({**SETTINGS, "orthanc.version": "1.12.7"})
    site.started()
    found = assert_named("Orthanc too old, native", site.file, site.state, "version-too-old")
    assert "Orthanc 1.10.1 runs, and 1.12.7 is wanted" in found["version-too-old"].title


def test_supervisor_killed(site: Native) -> None:
    os.kill(site.supervisor_pid(), signal.SIGKILL)
    found = assert_named("supervisor killed, native", site.file, site.state, "supervisor-gone")
    assert any("run without it" in one.text for one in found["supervisor-gone"].evidence)
    mended(site, found, "supervisor-gone")


def test_all_down(site: Native) -> None:
    site.run("down")
    found = assert_named("everything down, native", site.file, site.state, "supervisor-gone")
    mended(site, found, "supervisor-gone")


# --- database and backend


def test_database_stopped(site: Native) -> None:
    stop(site, "database")
    found = assert_named("database stopped, native", site.file, site.state, "database-stopped")
    mended(site, found, "database-stopped")


def test_database_hangs(site: Native) -> None:
    os.kill(pid_of(site, "database"), signal.SIGSTOP)
    found = assert_named("database halted, native", site.file, site.state, "database-hangs")
    mended_by_signal(site, found["database-hangs"])


def test_database_password_changed(site: Native) -> None:
    stop(site, "backend", "database")
    program = find_programs(site.plan()).secantusd
    assert program is not None
    database.ensure_account(program, State(site.state), "orthancgen", SecretValue("another-password-0123456789"))
    for name in ("database", "backend"):
        Supervisor(State(site.state)).start_service(name)
    wait_until(lambda: refused_by_the_database(site), what="a refusal")
    found = assert_named("database password changed, native", site.file, site.state, "database-password-rotated")
    assert "the account was changed in the database" in found["database-password-rotated"].evidence[1].text
    mended(site, found, "database-password-rotated")


def test_backend_stopped(site: Native) -> None:
    stop(site, "backend")
    found = assert_named("backend stopped, native", site.file, site.state, "backend-stopped")
    mended(site, found, "backend-stopped")


def test_backend_hangs(site: Native) -> None:
    os.kill(pid_of(site, "backend"), signal.SIGSTOP)
    found = assert_named("backend halted, native", site.file, site.state, "backend-hangs")
    mended_by_signal(site, found["backend-hangs"])


def test_backend_refuses_its_configuration(site: Native) -> None:
    edit(site, "backend/backend.json", lambda it: it["listen"].update(port="many"))
    again(site, "backend", well=False)
    found = assert_named("backend.json broken, native", site.file, site.state, "backend-refuses-configuration")
    mended(site, found, "backend-refuses-configuration")


def test_orthanc_refuses_the_backend(site: Native) -> None:
    (site.state / "secrets/backend_orthanc_password").write_text("another-password-0123456789")
    os.kill(pid_of(site, "backend"), signal.SIGKILL)
    wait_until(lambda: "unauthorized" in str(status_of(site)), what="a refusal")
    found = assert_named("backend's password changed, native", site.file, site.state, "backend-refused-by-orthanc")
    mended(site, found, "backend-refused-by-orthanc")


def test_operator_token_changed(site: Native) -> None:
    (site.state / "secrets/operator_token").write_text("another-token-0123456789")
    found = assert_named("operator's token changed, native", site.file, site.state, "operator-token-refused")
    mended(site, found, "operator-token-refused")


def test_another_backend_has_the_lead(site: Native) -> None:
    remove(site)
    with site.database() as client:
        client.orthancgen.state.update_one(
            {"_id": "delivery"},
            {"$set": {"lease_holder": "nobody", "lease_expires_at": datetime.now(UTC) + timedelta(hours=1)}},
        )
    wait_until(lambda: status_of(site)["worker"]["role"] == "standby", what="standby")
    store(site, "lead")
    time.sleep(21)
    found = assert_named("deliveries stand still, native", site.file, site.state, "backlog-growing")
    assert "another backend holds the lead" in found["backlog-growing"].title
    with site.database() as client:
        client.orthancgen.state.update_one({"_id": "delivery"}, {"$set": {"lease_holder": None}})
    wait_until(lambda: status_of(site)["delivery"]["cursor"] >= 4, what="the delivery")
    assert_healthy(site.file, site.state)


# --- scripts and the webhook


def test_webhook_token_changed(site: Native) -> None:
    edit(
        site,
        "orthanc/orthanc.secret.json",
        lambda it: it["OrthancGenSecrets"].update(WebhookToken="another-0123456789"),
    )
    again(site)
    store(site, "token")
    found = assert_named("webhook's token changed, native", site.file, site.state, "webhook-silent")
    one = found["webhook-silent"]
    assert "HTTP 401" in one.evidence[0].text
    assert "another-0123456789" not in str(one)
    mended(site, found, "webhook-silent")


def test_webhook_disabled_by_hand(site: Native) -> None:
    edit(site, "orthanc/orthanc.json", lambda it: it["OrthancGen"].pop("Webhook"))
    again(site)
    found = assert_named("webhook disabled by hand, native", site.file, site.state, "webhook-silent")
    mended(site, found, "webhook-silent")


def test_lua_script_fails(site: Native) -> None:
    script = site.state / "config/orthanc/orthancgen.lua"
    script.write_text(script.read_text() + "\nfunction OnStoredInstance(id)\n  local x\n  x.y = 1\nend\n")
    again(site)
    store(site, "lua")
    wait_until(lambda: "lua-script-failing" in named(site.file, site.state), what="an error")
    found = assert_named("Lua script fails, native", site.file, site.state, "lua-script-failing")
    texts = [one.text for one in found["lua-script-failing"].evidence]
    assert "x.y = 1" in texts
    mended(site, found, "lua-script-failing")


def test_lua_script_stops_the_start(site: Native) -> None:
    script = site.state / "config/orthanc/orthancgen.lua"
    script.write_text(script.read_text() + "\nfunction (\n")
    again(site, well=False)
    found = assert_named("Lua script is no Lua, native", site.file, site.state, "lua-script-failing")
    mended(site, found, "lua-script-failing")


def test_lua_script_gone(site: Native) -> None:
    (site.state / "config/orthanc/orthancgen.lua").unlink()
    again(site, well=False)
    found = assert_named("Lua script gone, native", site.file, site.state, "lua-script-missing")
    mended(site, found, "lua-script-missing")


# --- storage


def test_storage_full_and_recycling(site: Native) -> None:
    remove(site)
    limited = {**SETTINGS, "orthanc.storage": {"limit_megabytes": 1, "when_full": "recycle"}}
    site.write(limited)
    site.started()
    store(site, "full", 3, size=512)
    found = assert_named("storage full, native", site.file, site.state, "storage-full")
    assert "0xA700" in found["storage-full"].title
    remove(site)
    site.write({**SETTINGS, "orthanc.storage": {"limit_megabytes": 2000, "when_full": "recycle"}})
    mended(site, found, "storage-full")
    site.write(limited)
    site.started()
    for number in range(4):
        store(site, f"patient{number}", 1, size=500)
    found = assert_named("storage recycles, native", site.file, site.state, "storage-recycling")
    remove(site)
    assert_healthy(site.file, site.state)


def test_disk_full(site: Native) -> None:
    folder = site.root / "images"
    with small_disk(folder, "60m"):
        folder.chmod(0o777)
        site.write({**SETTINGS, "orthanc.storage": {"path": str(folder)}})
        site.started()
        assert_healthy(site.file, site.state)
        fill(folder / "filler")
        found = assert_named("disk full, native", site.file, site.state, "disk-full")
        assert found["disk-full"].evidence[0].where == str(folder)
        (folder / "filler").unlink()
        assert_healthy(site.file, site.state)
        site.write(SETTINGS)
        site.started()


# --- two at once


def test_database_and_orthanc_stopped(site: Native) -> None:
    stop(site, "database", "orthanc")
    expected = {"database-stopped", "orthanc-stopped"}
    found = assert_named("database and Orthanc stopped, native", site.file, site.state, expected)
    mended(site, found, "orthanc-stopped")


def test_backend_stopped_and_script_fails(site: Native) -> None:
    script = site.state / "config/orthanc/orthancgen.lua"
    script.write_text(script.read_text() + "\nfunction OnStoredInstance(id)\n  local x\n  x.y = 1\nend\n")
    again(site)
    store(site, "pair")
    stop(site, "backend")
    wait_until(lambda: "lua-script-failing" in named(site.file, site.state), what="an error")
    expected = {"backend-stopped", "lua-script-failing"}
    found = assert_named("backend stopped and Lua script fails, native", site.file, site.state, expected)
    mended(site, found, "lua-script-failing")


# --- no fault


def test_a_busy_site_is_healthy(site: Native) -> None:
    remove(site)
    sender = threading.Thread(target=store, args=(site, "busy", 2000))
    sender.start()
    try:
        while sender.is_alive():
            assert_healthy(site.file, site.state)
            time.sleep(0.5)
    finally:
        sender.join()
    assert_healthy(site.file, site.state)
    remove(site)
