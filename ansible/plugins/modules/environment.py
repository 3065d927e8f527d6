#!/usr/bin/python
# Apache-2.0, as the whole project (see LICENSE)
"""One environment of orthancgen on a host: deployed, brought back, or taken away."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: environment
short_description: One environment of orthancgen on a host
version_added: "0.1.0"
author: the orthancgen contributors (@orthancgen)
description:
  - Deploys what an environment says, by the C(orthancgen) that is installed on the host.
  - Keeps the model and the program of the last two releases; a deploy that fails, or whose proofs fail, is taken back.
  - In check mode nothing is touched, and what would change is what C(orthancgen plan) says on the host.
options:
  name:
    description: Name of the environment.
    type: str
    required: true
  state:
    description:
      - V(present) deploys O(model).
      - V(rolled_back) deploys the release before the current one.
      - V(absent) stops the services and forgets the releases. Images, records and secrets stay, unless O(purge).
    type: str
    choices: [present, rolled_back, absent]
    default: present
  model:
    description: The environment, as C(site.json) of its bundle has it. For O(state=present).
    type: str
  lock:
    description: The environment's lock file of container images, where it has one.
    type: str
  tool:
    description: Folder of the virtual environment of orthancgen on the host. For O(state=present).
    type: path
  releases:
    description: Folder on the host in which releases are kept, in one folder an environment.
    type: path
    default: /etc/orthancgen
  tools:
    description: Folder on the host with one virtual environment a version; those that no release names are removed.
    type: path
    default: /opt/orthancgen/tools
  state_root:
    description: Folder of all state folders on the host.
    type: path
    default: /var/lib/orthancgen
  proofs:
    description: Whether the proofs of C(orthancgen verify) decide if a deploy was good.
    type: bool
    default: true
  timeout:
    description: Seconds a service has to get healthy.
    type: int
    default: 60
  reason:
    description: Why it is done, for the history.
    type: str
  pending:
    description: What tasks before this one would have changed, had they not run in check mode. Looked at there alone.
    type: list
    elements: str
    default: []
  purge:
    description: With O(state=absent), remove images, records and secrets too. They are gone.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: Nothing is touched, and what would change is told.
  diff_mode:
    support: full
    description: What C(orthancgen plan) shows.
"""

EXAMPLES = r"""
- name: Deploy an environment
  orthancgen.site.environment:
    name: prod
    model: "{{ lookup('ansible.builtin.file', 'build/prod/site.json') }}"
    tool: /opt/orthancgen/tools/0.1.0-0123456789ab
"""

RETURN = r"""
release:
  description: Digest of the release in use.
  type: str
  returned: always
previous:
  description: Digest of the release that a rollback goes to.
  type: str
  returned: always
started:
  description: Services that were started.
  type: list
  returned: when something was deployed
plan:
  description: Lines of C(orthancgen plan).
  type: list
  returned: when it was asked
proofs:
  description: How many proofs passed, and the titles of those that failed.
  type: dict
  returned: when proofs were run
taken_back:
  description: What became of the host after a failure.
  type: str
  returned: on failure
"""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

_NOTHING, _SOMETHING = 0, 1
_PROOFS_FAILED = 5


class Release:
    """One release on the host: the model, the lock file of its images, and which orthancgen deploys it."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.id = folder.name
        self.file = str(folder / f"{name}.yaml")

    @property
    def tool(self) -> Path:
        """Folder of its virtual environment."""
        return (self.folder / "tool").readlink()


class Environment:
    """An environment on this host."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.name: str = module.params["name"]
        self.folder = Path(module.params["releases"]) / self.name
        self.state = Path(module.params["state_root"]) / self.name

    def named(self, link: str) -> Release | None:
        """The release that `current` or `previous` names, or None."""
        try:
            release = Release(self.folder / (self.folder / link).readlink(), self.name)
        except OSError:
            return None
        return release if Path(release.file).is_file() else None

    def point(self, link: str, release: Release) -> None:
        """Have a link name a release, in one step."""
        fresh = self.folder / f"{link}.new"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(Path("releases") / release.id)
        fresh.rename(self.folder / link)

    def wanted_id(self) -> str:
        """Digest of what the task wants: the model, the lock file and the program."""
        params = self.module.params
        text = "\0".join((params["model"], params["lock"] or "", params["tool"]))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def write(self, folder: Path) -> str:
        """Write model and lock file into a folder, readable by root alone; returns the environment file."""
        params = self.module.params
        files = {f"{self.name}.yaml": params["model"]}
        if params["lock"]:
            files[f"{self.name}.lock.yaml"] = params["lock"]
        for name, text in files.items():
            (folder / name).touch(mode=0o600)
            (folder / name).write_text(text, encoding="utf-8")
        return str(folder / f"{self.name}.yaml")

    def place(self) -> Release:
        """The release that the task wants, written whole or not at all."""
        folder = self.folder / "releases" / self.wanted_id()
        if not folder.is_dir():
            folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            part = folder.with_name(f"{folder.name}.part")
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(mode=0o700)
            self.write(part)
            (part / "tool").symlink_to(self.module.params["tool"])
            part.rename(folder)
        return Release(folder, self.name)

    def orthancgen(self, tool: Path, *arguments: str) -> tuple[int, str, str]:
        """Run a verb: exit code, standard output, standard error."""
        command = [str(tool / "bin/orthancgen"), *arguments, "--state", self.module.params["state_root"]]
        code, out, err = self.module.run_command(command, cwd="/", environ_update={"COLUMNS": "120", "NO_COLOR": "1"})
        return code, out, err.strip()

    def warn_of_volumes(self) -> None:
        """Name the volumes that nobody can tell the owner of any more: what knew that was uninstalled before."""
        docker = self.module.get_bin_path("docker")
        if docker is None:
            return
        asked = [docker, "volume", "ls", "--quiet", "--filter", f"label=org.orthancgen.environment={self.name}"]
        code, out, _ = self.module.run_command(asked)
        if code == _NOTHING and out.split():
            self.module.warn(
                f"volumes of {self.name} stay; where nobody needs them: docker volume rm {' '.join(out.split())}"
            )

    def prune(self) -> None:
        """Remove releases that are neither current nor previous, and programs that no release names."""
        keep = {one.id for one in (self.named("current"), self.named("previous")) if one}
        for release in self.folder.glob("releases/*"):
            if release.name not in keep:
                shutil.rmtree(release, ignore_errors=True)
        used = {str(one.readlink()) for one in Path(self.module.params["releases"]).glob("*/releases/*/tool")}
        for tool in Path(self.module.params["tools"]).glob("*"):
            if str(tool) not in used:
                shutil.rmtree(tool, ignore_errors=True)


def present(module: Any) -> None:
    """Deploy the model."""
    environment = Environment(module)
    current, wanted = environment.named("current"), environment.wanted_id()
    tool = Path(module.params["tool"])
    result = _result(environment)
    if not (tool / "bin/orthancgen").is_file():
        if not module.check_mode:
            module.fail_json(msg=f"there is no orthancgen in {tool}", **result)
        first = "".join(f"first: {one}\n" for one in module.params["pending"])
        result.update(changed=True, diff={"prepared": f"{first}then all of it is deployed\n"})
        module.exit_json(**result)
    something = _look(environment, tool, environment.write(Path(module.tmpdir)), result)
    result["changed"] = something or current is None or current.id != wanted
    if module.check_mode or not result["changed"]:
        module.exit_json(**result)
    release = environment.place()
    _deploy(environment, release, current, result)
    if current is not None and current.id != release.id:
        environment.point("previous", current)
    environment.point("current", release)
    environment.prune()
    result.update(_names(environment))
    module.exit_json(**result)


def rolled_back(module: Any) -> None:
    """Deploy the release before the current one; the current one becomes the one before."""
    environment = Environment(module)
    current, previous = environment.named("current"), environment.named("previous")
    result = _result(environment)
    if current is None or previous is None:
        module.fail_json(msg=f"there is no release of {environment.name} to go back to", **result)
        return
    _look(environment, previous.tool, previous.file, result)
    result["changed"] = True
    if module.check_mode:
        module.exit_json(**result)
    _deploy(environment, previous, current, result)
    environment.point("current", previous)
    environment.point("previous", current)
    result.update(_names(environment))
    module.exit_json(**result)


def absent(module: Any) -> None:
    """Stop the services and forget the releases; with `purge`, remove what they kept too."""
    environment = Environment(module)
    current = environment.named("current")
    result = _result(environment)
    gone = [f"releases of {environment.name}"] if environment.folder.is_dir() else []
    if module.params["purge"] and environment.state.is_dir():
        gone.append(f"images, records and secrets in {environment.state}")
    result.update(changed=bool(gone), diff={"prepared": "".join(f"removed: {one}\n" for one in gone)})
    if module.check_mode or not gone:
        module.exit_json(**result)
    if current is not None:
        purge = ["--purge", "--yes"] if module.params["purge"] else []
        code, _, err = environment.orthancgen(current.tool, "down", current.file, *purge)
        if code != _NOTHING:
            module.fail_json(msg=f"the services could not be stopped: {err}", **result)
    elif module.params["purge"]:
        environment.warn_of_volumes()
    shutil.rmtree(environment.folder, ignore_errors=True)
    if module.params["purge"]:
        shutil.rmtree(environment.state, ignore_errors=True)
    environment.prune()
    result.update(_names(environment))
    module.exit_json(**result)


def _names(environment: Environment) -> dict[str, str | None]:
    current, previous = environment.named("current"), environment.named("previous")
    return {"release": current.id if current else None, "previous": previous.id if previous else None}


def _result(environment: Environment) -> dict[str, Any]:
    return {"changed": False, "environment": environment.name, **_names(environment)}


def _look(environment: Environment, tool: Path, file: str, result: dict[str, Any]) -> bool:
    """Ask what a deploy would change; returns whether there is something."""
    module = environment.module
    pending = list(module.params["pending"]) if module.check_mode else []
    code, out, err = environment.orthancgen(tool, "plan", file)
    if code not in (_NOTHING, _SOMETHING) and not pending:
        module.fail_json(msg=f"the environment cannot be deployed here: {err}", **result)
    # The last line names the plan's id, and a file that is gone when somebody reads it.
    lines = out.splitlines()[:-1] if code in (_NOTHING, _SOMETHING) else []
    result["plan"] = [*(f"first: {one}" for one in pending), *lines]
    if code != _NOTHING or pending:
        result["diff"] = {"prepared": "".join(f"{line}\n" for line in result["plan"])}
    return code != _NOTHING or bool(pending)


def _deploy(environment: Environment, release: Release, current: Release | None, result: dict[str, Any]) -> None:
    """Deploy a release; on failure, bring the current one back and fail."""
    module = environment.module
    options = ["--json", "--timeout", str(module.params["timeout"])]
    options += [] if module.params["proofs"] else ["--no-verify"]
    options += ["--reason", module.params["reason"]] if module.params["reason"] else []
    code, out, err = environment.orthancgen(release.tool, "deploy", release.file, *options)
    try:
        told = json.loads(out)
    except ValueError:
        told = {}
    result["started"] = told.get("started", [])
    why = err
    if "checks" in told:
        failed = [f"{one['title']}: {one.get('seen')}" for one in told["checks"] if one["outcome"] == "failed"]
        passed = sum(one["outcome"] == "passed" for one in told["checks"])
        result["proofs"] = {"passed": passed, "failed": failed}
        if code == _PROOFS_FAILED:
            why = f"proofs failed: {'; '.join(failed)}"
    if code == _NOTHING:
        return
    result["taken_back"] = _take_back(environment, release, current)
    result.update(_names(environment))
    module.fail_json(msg=f"deploy of {environment.name} failed: {why}", exit_code=code, **result)


def _take_back(environment: Environment, release: Release, current: Release | None) -> str:
    """What failed is stopped, or replaced by the current release; says what became of it."""
    if current is not None and current.id == release.id:
        return "the release in use is the one that failed: there is nothing else to go back to"
    if current is not None:
        code, _, err = environment.orthancgen(current.tool, "deploy", current.file, "--no-verify", "--json")
        said = f"release {current.id} is in use again"
    else:
        code, _, err = environment.orthancgen(release.tool, "down", release.file)
        said = "there was none before: what was started is stopped"
    if environment.named("previous") is None or environment.named("previous").id != release.id:
        shutil.rmtree(release.folder, ignore_errors=True)
    return said if code == _NOTHING else f"incomplete: {err}"


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "rolled_back", "absent"], "default": "present"},
            "model": {"type": "str"},
            "lock": {"type": "str"},
            "tool": {"type": "path"},
            "releases": {"type": "path", "default": "/etc/orthancgen"},
            "tools": {"type": "path", "default": "/opt/orthancgen/tools"},
            "state_root": {"type": "path", "default": "/var/lib/orthancgen"},
            "proofs": {"type": "bool", "default": True},
            "timeout": {"type": "int", "default": 60},
            "reason": {"type": "str"},
            "pending": {"type": "list", "elements": "str", "default": []},
            "purge": {"type": "bool", "default": False},
        },
        required_if=[["state", "present", ["model", "tool"]]],
        supports_check_mode=True,
    )
    {"present": present, "rolled_back": rolled_back, "absent": absent}[module.params["state"]](module)


if __name__ == "__main__":
    main()
