"""site.json: the whole model as it was read, every default written out. A release is brought back from it."""

from __future__ import annotations

import json

from orthancgen.plan.model import Plan
from orthancgen.render.artifact import Bundle
from orthancgen.render.quoting import json_document
from orthancgen.site.model import Site

SITE_FILE = "site.json"


def build(plan: Plan) -> str:
    """The text of site.json. Secrets stand in it by name, as in the model."""
    return json_document(plan.site.model_dump(mode="json"))


def site_of(bundle: Bundle) -> Site:
    """The site that a bundle was rendered from.

    Raises:
        KeyError: the bundle has no such file.
        pydantic.ValidationError: it is not one of this version's model.
    """
    return Site.model_validate(json.loads(bundle.file(SITE_FILE).content))
