#!/usr/bin/python
# Apache-2.0, as the whole project (see LICENSE)
"""The timer by which systemd proves an environment of orthancgen: there as its model says, or not there."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: verify_timer
short_description: The timer by which systemd proves an environment
version_added: "0.1.0"
author: the orthancgen contributors (@orthancgen)
description:
  - Has systemd run C(orthancgen verify) by the clock, and write its metrics for the node exporter.
  - What the units say is what C(orthancgen verify --install-timer) writes; they name the release in use.
options:
  name:
    description: Name of the environment.
    type: str
    required: true
  state:
    description:
      - V(present) writes the units that O(model) asks for and starts the timer.
      - V(renewed) writes them as O(release) asks for, where they are there. A timer that is stopped stays so.
      - V(absent) removes them.
    type: str
    choices: [present, renewed, absent]
    default: present
  release:
    description:
      - Whose model and program count, of the releases that M(orthancgen.site.environment) keeps. For O(state=renewed).
      - In check mode of a rollback, that is the one before the current one still.
    type: str
    choices: [current, previous]
    default: current
  model:
    description: The environment, as C(site.json) of its bundle has it. For O(state=present).
    type: str
  tool:
    description: Folder of the virtual environment of orthancgen on the host. For O(state=present).
    type: path
  releases:
    description: Folder on the host in which releases are kept, in one folder an environment.
    type: path
    default: /etc/orthancgen
  state_root:
    description: Folder of all state folders on the host.
    type: path
    default: /var/lib/orthancgen
  units:
    description: Where systemd reads units.
    type: path
    default: /etc/systemd/system
attributes:
  check_mode:
    support: full
    description: Nothing is touched, and what would change is told.
  diff_mode:
    support: full
    description: The units before and after.
"""

EXAMPLES = r"""
- name: Prove an environment by the clock
  orthancgen.site.verify_timer:
    name: prod
    model: "{{ lookup('ansible.builtin.file', 'build/prod/site.json') }}"
    tool: /opt/orthancgen/tools/0.1.0-0123456789ab

- name: Prove it as the release that is in use again wants it
  orthancgen.site.verify_timer:
    name: prod
    state: renewed
"""

RETURN = r"""
units:
  description: Names of the units that were written or removed.
  type: list
  returned: always
"""

import json
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule


def wanted(module: Any) -> dict[str, str]:
    """The units by name, as the tool of the host writes them for the model: empty where that tool is still to come."""
    params = module.params
    name, program = params["name"], Path(params["tool"]) / "bin/orthancgen"
    if module.check_mode and not program.is_file():
        return {}
    scratch = Path(module.tmpdir) / "units"
    file = Path(module.tmpdir) / f"{name}.yaml"
    file.touch(mode=0o600)
    file.write_text(params["model"], encoding="utf-8")
    command = [str(program), "verify", str(file), "--state", params["state_root"]]
    code, out, err = module.run_command([*command, "--install-timer", "--unit-folder", str(scratch)], cwd="/")
    if code != 0:
        module.fail_json(msg=f"the timer of {name} cannot be written: {err.strip() or out.strip()}", units=[])
    # A later release is then proven by its own program, without a word to systemd.
    current = f"{params['releases']}/{name}/current"
    replaced = {str(program): f"{current}/tool/bin/orthancgen", str(file): f"{current}/{name}.yaml"}
    found = {one.name: one.read_text(encoding="utf-8") for one in sorted(scratch.iterdir())}
    for before, after in replaced.items():
        found = {unit: text.replace(before, after) for unit, text in found.items()}
    return found


def systemctl(module: Any, *arguments: str) -> str:
    """Tell systemd something; what it says, or the module fails."""
    code, out, err = module.run_command(["systemctl", *arguments])
    if code != 0:
        module.fail_json(msg=f"systemctl {' '.join(arguments)}: {err.strip()}", units=[])
    return str(out)


def present(module: Any) -> None:
    """Write the units that differ, and have the timer run."""
    _write(module, start=True)


def renewed(module: Any) -> None:
    """Write the units that differ from what a release on the host wants, where there are any."""
    params = module.params
    release = Path(params["releases"]) / params["name"] / params["release"]
    unit = Path(params["units"]) / f"orthancgen-verify-{params['name']}.timer"
    if not (unit.is_file() and release.is_dir()):
        module.exit_json(changed=False, units=[])
    model = (release / f"{params['name']}.yaml").read_text(encoding="utf-8")
    params.update(model=model, tool=str((release / "tool").readlink()))
    _write(module, start=False)


def _write(module: Any, *, start: bool) -> None:
    folder, units = Path(module.params["units"]), wanted(module)
    metrics = Path(json.loads(module.params["model"])["observability"]["textfile_folder"])
    before = {unit: _text(folder / unit) for unit in units}
    differing = [unit for unit, text in units.items() if before[unit] != text]
    timer = f"orthancgen-verify-{module.params['name']}.timer"
    _, active, _ = module.run_command(["systemctl", "is-active", timer])
    stopped = start and active.strip() != "active"
    diff = [
        {"before_header": one, "before": before[one], "after_header": one, "after": units[one]} for one in differing
    ]
    # Where the node exporter is yet to come: the unit may write into what is there alone.
    homeless = not metrics.is_dir()
    changed = bool(differing) or stopped or homeless or not units
    if homeless:
        diff.append({"prepared": f"made: {metrics}\n"})
    if changed and not module.check_mode:
        metrics.mkdir(parents=True, exist_ok=True)
        for unit in differing:
            part = folder / f".{unit}.part"
            part.write_text(units[unit], encoding="utf-8")
            part.chmod(0o644)
            part.replace(folder / unit)
        systemctl(module, "daemon-reload")
        if start:
            systemctl(module, "enable", "--quiet", timer)
        systemctl(module, "restart" if start else "try-restart", timer)
    module.exit_json(changed=changed, units=differing, diff=diff)


def absent(module: Any) -> None:
    """Stop the timer and remove the units."""
    folder, name = Path(module.params["units"]), f"orthancgen-verify-{module.params['name']}"
    found = [unit for unit in (f"{name}.timer", f"{name}.service") if (folder / unit).is_file()]
    if found and not module.check_mode:
        if f"{name}.timer" in found:
            systemctl(module, "disable", "--quiet", "--now", f"{name}.timer")
        # A run that the timer began goes on without it.
        if f"{name}.service" in found:
            systemctl(module, "stop", f"{name}.service")
        for unit in found:
            (folder / unit).unlink()
        systemctl(module, "daemon-reload")
    module.exit_json(changed=bool(found), units=found, diff={"prepared": "".join(f"removed: {one}\n" for one in found)})


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.is_file() else ""


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "renewed", "absent"], "default": "present"},
            "release": {"type": "str", "choices": ["current", "previous"], "default": "current"},
            "model": {"type": "str"},
            "tool": {"type": "path"},
            "releases": {"type": "path", "default": "/etc/orthancgen"},
            "state_root": {"type": "path", "default": "/var/lib/orthancgen"},
            "units": {"type": "path", "default": "/etc/systemd/system"},
        },
        required_if=[["state", "present", ["model", "tool"]]],
        supports_check_mode=True,
    )
    {"present": present, "renewed": renewed, "absent": absent}[module.params["state"]](module)


if __name__ == "__main__":
    main()
