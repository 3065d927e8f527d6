"""What is wanted on an engine, down to each byte: nothing is touched before all of this is known."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from orthancgen import __version__
from orthancgen.plan.model import Plan, ServiceName
from orthancgen.release.model import Draft, Image, Source, Who
from orthancgen.release.store import ReleaseStore
from orthancgen.render.account_json import PREVIOUS_ROOT_PASSWORD
from orthancgen.render.artifact import Bundle
from orthancgen.render.catalogue import render
from orthancgen.render.container_files import SecretFile, mounts, users
from orthancgen.runtimes.compose.engine import Engine
from orthancgen.runtimes.compose.folders import (
    ServiceFolder,
    blind,
    rendered_files,
    secret_contents,
    service_folder,
    state_key,
)
from orthancgen.runtimes.compose.project import ACCOUNT_SERVICE, Project, definition
from orthancgen.runtimes.state import State
from orthancgen.secrets.store import SecretStore
from orthancgen.secrets.value import SecretValue

_ID_CHARACTERS: Final = 12


@dataclass(frozen=True, slots=True)
class Target:
    """What is wanted.

    Attributes:
        plan: of the environment.
        state: its folders.
        bundle: its rendered files.
        secrets: every value.
        folders: what each service reads.
        draft: the release as it will be recorded.
    """

    plan: Plan
    state: State
    bundle: Bundle
    secrets: Mapping[str, SecretValue]
    folders: Mapping[str, ServiceFolder]
    draft: Draft

    @property
    def plan_id(self) -> str:
        """A name for exactly this: the same files, images and secrets give the same one.

        Secrets that are not made yet count as such: each look at them would make others. So do all of them before the
        first deploy makes the key by which they are told apart, and images that are not on the engine.
        """
        store = SecretStore(self.state.secrets)
        keyed = self.state.key.exists()
        made = {
            name: value if keyed else ""
            for name, value in self.draft.secrets.items()
            if name in self.plan.site.secrets or store.read(name) or store.waiting(name)
        }
        digest = hashlib.sha256()
        for file in self.bundle.files:
            digest.update(f"{file.path}\0{file.mode:o}\0{len(file.content)}\0".encode() + file.content)
        said = [made, {service: [image.reference, image.id] for service, image in self.draft.images.items()}]
        digest.update(json.dumps(said, sort_keys=True).encode())
        return digest.hexdigest()[:_ID_CHARACTERS]

    def restoring(self, number: int, left: int) -> Target:
        """The same as a rollback from one release to an earlier one."""
        return replace(self, draft=replace(self.draft, restores=number, rolled_back_from=left))

    def definition_digest(self, service: str) -> str:
        """A digest of what the compose file says of a service."""
        return definition_digest(self.bundle, service)

    def project(self, engine: Engine, release: int) -> Project:
        """The containers as this target wants them; its bundle lies in that release's folder."""
        return Project.of(
            engine,
            self.plan.site.environment,
            ReleaseStore(self.state.root).bundle_folder(release),
            self.bundle,
            {service: folder.digest for service, folder in self.folders.items()},
            self.state.run,
        )


def resolve(
    plan: Plan,
    state: State,
    secrets: Mapping[str, SecretValue],
    images: Mapping[str, Image],
    *,
    who: Who,
    source: Source,
    reason: str = "",
    bundle: Bundle | None = None,
    looking: bool = False,
) -> Target:
    """Everything that is wanted, as values.

    Args:
        plan: of the environment.
        state: its folders.
        secrets: every value of the plan.
        images: what each service of the compose file runs.
        who: who deploys.
        source: the environment file.
        reason: why.
        bundle: the rendered files of an earlier release; without it, those of the plan.
        looking: whether it is only shown: then nothing is written.

    Raises:
        RenderError: a syntax cannot carry a value.
        OSError: the state folder cannot be read.
    """
    bundle = bundle or render(plan)
    key = state_key(state.key, looking=looking)
    store = SecretStore(state.secrets)
    files = mounts(plan)
    folders = {
        service: _folder(plan, bundle, service, files.get(service, ()), secrets, store, key, state)
        for service in definition(bundle)["services"]
    }
    draft = Draft(
        environment=plan.site.environment,
        who=who,
        source=source,
        reason=reason,
        orthancgen=__version__,
        orthanc=str(plan.version),
        runtime="compose",
        # The job's folder holds the password that is left: it is not what the release is.
        digests={service: folder.digest for service, folder in folders.items() if service != ACCOUNT_SERVICE},
        images=dict(images),
        secrets={name: blind(key, value) for name, value in secrets.items()},
        secret_users={secret.name: tuple(secret.used_by) for secret in plan.secrets},
    )
    return Target(plan, state, bundle, secrets, folders, draft)


def _folder(
    plan: Plan,
    bundle: Bundle,
    service: ServiceName,
    files: tuple[SecretFile, ...],
    secrets: Mapping[str, SecretValue],
    store: SecretStore,
    key: bytes,
    state: State,
) -> ServiceFolder:
    contents = secret_contents(plan, files, secrets)
    if service == ACCOUNT_SERVICE:
        contents |= previous_root_password(plan, secrets, store)
    rendered = rendered_files(bundle, service)
    owner = users(plan)[service]
    return service_folder(service, rendered, contents, owner=owner, key=key, run=state.run)


def previous_root_password(plan: Plan, secrets: Mapping[str, SecretValue], store: SecretStore) -> dict[str, bytes]:
    """The root password in use, for the job that sets the new one; nothing where they are the same."""
    name = plan.site.backend.database.root_password.secret
    in_use = store.read(name)
    changed = in_use is not None and in_use != secrets[name]
    return {PREVIOUS_ROOT_PASSWORD: in_use.reveal().encode() if in_use is not None and changed else b""}


def definition_digest(bundle: Bundle, service: str) -> str:
    """A digest of what the compose file says of a service and of the networks."""
    document = definition(bundle)
    said = json.dumps([document["services"][service], document["networks"]], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()[:_ID_CHARACTERS]
