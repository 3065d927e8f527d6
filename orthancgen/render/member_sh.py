"""member.sh: starts a member of the records' replica set by the image mongo."""

from __future__ import annotations

from typing import Final

from orthancgen.plan.model import Plan
from orthancgen.render.account_json import ROOT_USER
from orthancgen.render.container_files import SECRETS_FOLDER
from orthancgen.render.engine import render_template
from orthancgen.render.replica_set import own_members

SCRIPT: Final = "member.sh"


def build(plan: Plan) -> str:
    """The text of member.sh, the same for each member: the container's host name is the member's."""
    site = plan.site
    return render_template(
        f"database/{SCRIPT}",
        first=own_members(site)[0].name,
        port=site.backend.database.port,
        replica_set=site.scale.mongodb.replica_set,
        key=f"{SECRETS_FOLDER}/{site.scale.mongodb.key.secret}",
        user=ROOT_USER,
        password=f"{SECRETS_FOLDER}/{site.backend.database.root_password.secret}",
    )
