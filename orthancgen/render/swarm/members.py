"""The members of the records' replica set in a stack: a service each, with a volume on a node of its own. Pure."""

from __future__ import annotations

import copy
from typing import Any

from orthancgen.plan.model import Plan
from orthancgen.render.container_files import CONFIGURATION_FOLDER, project_name
from orthancgen.render.member_sh import SCRIPT
from orthancgen.render.replica_set import has_members, own_members


def program(plan: Plan) -> dict[str, Any]:
    """What a member runs, or nothing where the database is no replica set."""
    return {"entrypoint": ["bash"], "command": [f"{CONFIGURATION_FOLDER}/{SCRIPT}"]} if has_members(plan) else {}


def services(plan: Plan, first: dict[str, Any]) -> dict[str, Any]:
    """Name -> service, of each member; `first` is the service of a database that is one alone."""
    return {one.name: _member(plan, first, one.name) for one in own_members(plan.site)}


def volumes(plan: Plan) -> list[str]:
    """The volumes of the members beside the first."""
    return [f"{one.name}-data" for one in own_members(plan.site)[1:]]


def _member(plan: Plan, first: dict[str, Any], name: str) -> dict[str, Any]:
    member = copy.deepcopy(first)
    # By it the script knows which member it starts, and a member itself in the list of all.
    member["hostname"] = name
    if name == "database":
        return member
    key = plan.site.scale.mongodb.key.secret
    member["secrets"] = [one for one in member["secrets"] if one["source"] == f"database-{key}"]
    for volume in member["volumes"]:
        if volume["type"] == "volume":
            volume["source"] = f"{name}-data"
    member["deploy"]["placement"]["constraints"] = [f"node.labels.{project_name(plan.site.environment)}.{name} == true"]
    return member
