"""The second file of Orthanc's configuration, which holds its secrets; the first one is rendered."""

from __future__ import annotations

from collections.abc import Mapping

from orthancgen.plan.model import Plan
from orthancgen.render import bucket
from orthancgen.render.postgresql import section
from orthancgen.render.quoting import json_document
from orthancgen.secrets.value import SecretValue


def orthanc_secret_document(plan: Plan, secrets: Mapping[str, SecretValue]) -> bytes:
    """Its users with their passwords, the webhook's credential, and the logins of the index's database and the bucket.

    Raises:
        KeyError: a secret has no value.
    """
    values: dict[str, object] = {
        "RegisteredUsers": {account.user: secrets[account.secret].reveal() for account in plan.accounts}
    }
    if plan.site.webhook.enabled:
        values["OrthancGenSecrets"] = {"WebhookToken": secrets[plan.site.webhook.token.secret].reveal()}
    if plan.site.scale.index == "postgresql":
        database = plan.site.scale.postgresql
        values["PostgreSQL"] = section(plan, secrets[database.password.secret].reveal())
    if bucket.is_secret(plan.site, bucket.SECTION):
        login = {key: secrets[one.secret].reveal() for key, one in bucket.login(plan.site).items()}
        values[bucket.SECTION] = {**bucket.section(plan.site), **login}
    return json_document(values).encode("ascii")
