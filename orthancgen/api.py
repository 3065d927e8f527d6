"""What programs may call: the same steps that the commands take, as values instead of files and exit codes.

Nothing here prints, writes or changes anything, but for `verify`, which stores an image of a test patient and removes
it again. What is returned is frozen. Every error that is raised on purpose is an
`orthancgen.errors.OrthancgenError`, with `message`, `hint` and the `exit_code` that the command would end with.

    >>> import orthancgen
    >>> environment = orthancgen.load("prod")
    >>> bundle = orthancgen.render(orthancgen.plan(environment))
    >>> bundle.file("orthanc/orthanc.json").mode == 0o644
    True
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from orthancgen.errors import InputError
from orthancgen.orthanc.keys import Version, named_version
from orthancgen.plan.build import plan as build_plan
from orthancgen.plan.model import Plan
from orthancgen.site.explain import did_you_mean
from orthancgen.site.load import load as read_environment
from orthancgen.site.load import resolve
from orthancgen.site.model import Site
from orthancgen.site.problems import Problem, printable

if TYPE_CHECKING:
    from orthancgen.audit.run import Report
    from orthancgen.foreign.model import Publisher
    from orthancgen.render.artifact import Bundle
    from orthancgen.verify.result import CheckResult
    from orthancgen.verify.run import Progress

__all__ = ["Environment", "Plan", "Site", "Version", "audit", "load", "plan", "render", "verify"]


@dataclass(frozen=True, slots=True)
class Environment:
    """A valid environment, and what was found out about it.

    Attributes:
        path: its file.
        site: what its owner wants: the sections of the file, checked, with every default.
        version: the Orthanc that it was checked against: the one it names or, with `auto`, the one that is installed.
        warnings: what is odd about it and does not make it invalid.
        image_digests: image -> `sha256:...`, as `orthancgen pin` wrote down.
    """

    path: Path
    site: Site
    version: Version | None
    warnings: tuple[Problem, ...] = ()
    image_digests: Mapping[str, str] = field(default_factory=dict)


def load(env: str | os.PathLike[str]) -> Environment:
    """Read an environment with everything that it extends, and check it.

    Args:
        env: a name, which stands for `environments/NAME.yaml` below the working folder, or the path of a file.

    Raises:
        InputError: there is no such environment, or it is invalid; `problems` has every problem at once, each with its
            place (`mark`, `key_path`), `message` and `hint`.

    Examples:
        >>> import orthancgen
        >>> prod = orthancgen.load("prod")
        >>> prod.site.orthanc.aet, str(prod.version), prod.site.modalities["ct1"].may
        ('ORTHANC_PROD_AE', '1.13.0', ('echo', 'store'))

        >>> from orthancgen.errors import InputError
        >>> try:
        ...     orthancgen.load("pord")
        ... except InputError as error:
        ...     print(error.message, error.hint, int(error.exit_code), sep="; ")
        no environment pord: environments/pord.yaml is not a file; did you mean prod?; 2
    """
    from orthancgen.runtimes.native.installed import installed_version

    loaded = read_environment(resolve(os.fspath(env)), installed_version)
    site = loaded.require()
    pins: Mapping[str, str] = {}
    if site.runtime != "native":
        from orthancgen.runtimes.compose.pins import pinned

        pins = pinned(loaded.path)
    return Environment(loaded.path, site, loaded.version, loaded.problems, pins)


def plan(environment: Environment | Site) -> Plan:
    """Derive what will exist: services, permitted flows with the reason for each, secrets by reference, accounts.

    Args:
        environment: as `load` gave it; or a site alone, for the version that it names, without pinned images.

    Examples:
        >>> import orthancgen
        >>> prod = orthancgen.plan(orthancgen.load("prod"))
        >>> [service.name for service in prod.services]
        ['database', 'orthanc', 'backend', 'viewer', 'gateway']
        >>> for flow in prod.flows:
        ...     if flow.source == "192.168.10.21/32":
        ...         print(flow.service, flow.port, flow.reason, sep=", ")
        orthanc, 2762, modality ct1
    """
    if isinstance(environment, Site):
        return build_plan(environment)
    return build_plan(environment.site, environment.version, environment.image_digests)


def render(plan: Plan) -> Bundle:
    """The files of a plan: the same plan gives the same bytes on every machine, and no secret is in them.

    Args:
        plan: as the function `plan` gave it.

    Returns:
        `files`, each with `path`, `content` and `mode`; `file(path)` is one of them.

    Raises:
        RenderError: a syntax cannot carry a value, or a firewall cannot express what is wanted.

    Examples:
        >>> import json, orthancgen
        >>> bundle = orthancgen.render(orthancgen.plan(orthancgen.load("prod")))
        >>> [file.path for file in bundle.files][:3]
        ['orthanc/orthanc.json', 'orthanc/orthancgen.lua', 'orthanc/health.sh']
        >>> json.loads(bundle.file("orthanc/orthanc.json").content)["DicomAet"]
        'ORTHANC_PROD_AE'
    """
    from orthancgen.render.catalogue import render as render_plan

    return render_plan(plan)


def audit(
    *targets: str | os.PathLike[str],
    rules: Iterable[str] | None = None,
    version: str | None = None,
    publisher: Publisher | None = None,
    today: datetime.date | None = None,
) -> Report:
    """Find what is dangerous in an environment, or in any set-up of Orthanc.

    Args:
        targets: one environment (a name or its file), or files and folders of other people that are one set-up.
        rules: ids of the rules to ask; without it, every one.
        version: the Orthanc that reads other people's files, where nothing in them says so, such as `1.12.7`.
        publisher: whose image it runs in, where nothing says so: `orthancteam`, `jodogne` or `debian`.
        today: the day by which certificates and waivers are judged; without it, the present one (UTC).

    Returns:
        `findings`, the worst first: those that a waiver accepts are among them, with `counts` False; and `problems` of
        the files themselves.

    Raises:
        InputError: an environment is invalid, a path is not there, or there is no such rule; more than one set-up was
            named.
        RenderError: an environment cannot be rendered.

    Examples:
        >>> import orthancgen
        >>> report = orthancgen.audit("prod", rules=["no-backup", "dicom-without-tls"])
        >>> for finding in report.findings:
        ...     print(finding.rule.id, finding.severity.word, finding.file)
        no-backup low environments/prod.yaml
    """
    from orthancgen.audit.judged import judged
    from orthancgen.audit.run import load_rules
    from orthancgen.audit.targets import subjects_of
    from orthancgen.runtimes.native.installed import installed_version

    asked = load_rules()
    if rules is not None:
        wanted = frozenset(rules)
        unknown = sorted(wanted - {rule.id for rule in asked})
        if unknown:
            hint = did_you_mean(unknown[0], [rule.id for rule in asked]) or "`orthancgen audit --list-rules` lists them"
            raise InputError(f"there is no audit rule {printable(unknown[0])}", hint=hint)
        asked = tuple(rule for rule in asked if rule.id in wanted)
    subjects = subjects_of(
        [os.fspath(target) for target in targets],
        today=today or datetime.datetime.now(datetime.UTC).date(),
        version=named_version(version),
        publisher=publisher,
        ask_installed=installed_version,
    )
    if len(subjects) != 1:
        raise InputError(
            f"{len(subjects)} set-ups were named, and one is audited at a time",
            hint="name one environment, or the files and folders of one set-up",
        )
    return judged(subjects[0], asked)


def verify(
    environment: str | os.PathLike[str] | Environment,
    *,
    state: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> tuple[CheckResult, ...]:
    """Prove that what runs on this host is what was asked for: with real calls, allowed ones and refused ones.

    Stores an image of a test patient and removes it again, whatever happens in between.

    Args:
        environment: a name, a path, or what `load` gave; it has been deployed from this host.
        state: folder of all state folders; without it `$ORTHANCGEN_STATE`, else `/var/lib/orthancgen` for root.
        progress: is told of each check as it begins (`started(title)`) and ends (`done(result)`).

    Returns:
        A result for each check, in their order; a check that fails is a result (`passed` is False), not an error.

    Raises:
        InputError: the environment is invalid.
        DeployError: it was not deployed here, or its container engine cannot be reached.
        VerifyError: nothing of it answers, so nothing can be proven.
    """
    from orthancgen.runtimes.proofs import noted
    from orthancgen.runtimes.runtime import runtime_of
    from orthancgen.runtimes.state import state_of
    from orthancgen.verify.run import run

    found = environment if isinstance(environment, Environment) else load(environment)
    folder = state_of(found.site.environment, Path(state) if state is not None else None)
    runtime = runtime_of(plan(found), folder, found.path)
    access = runtime.access()
    with noted(folder):
        return run(runtime.plan, access, progress=progress)
