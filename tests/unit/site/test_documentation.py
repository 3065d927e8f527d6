from __future__ import annotations

from orthancgen.site.documentation import described, field_texts, sections
from orthancgen.site.explain import section_of
from orthancgen.site.modalities import Modality
from orthancgen.site.model import Site
from orthancgen.site.schema import json_schema
from orthancgen.site.types import SecretRef, Section


def test_the_text_under_a_field_is_found_and_no_other() -> None:
    class Example(Section):
        """Text of the section."""

        first: int = 1
        """Text of the first,
        on two lines."""
        second: int = 2
        third: int = 3
        """Text of the third."""

    assert field_texts(Example) == {"first": "Text of the first,\non two lines.", "third": "Text of the third."}


def test_every_section_is_known_by_a_name_of_its_own() -> None:
    found = [section for section in sections() if section.__module__.startswith("orthancgen.")]
    assert {Site, Modality} <= set(found)
    assert len({section.__name__ for section in found}) == len(found)


def is_explained_by_itself(annotation: object) -> bool:
    held = section_of(annotation)
    return isinstance(held, type) and issubclass(held, Section) and held is not SecretRef and bool(held.__doc__)


def test_every_key_is_explained_by_its_own_text_first() -> None:
    missing = [
        f"{section.__name__}.{name}"
        for section in sections()
        if section.__module__.startswith("orthancgen.site.")
        for name, field in section.model_fields.items()
        if not described(field_texts(section).get(name), field.description)
        and not is_explained_by_itself(field.annotation)
    ]
    assert missing == []
    properties = json_schema()["$defs"]["Http"]["properties"]
    assert properties["port"]["description"] == "On which Orthanc listens for HTTP, or HTTPS. 1 to 65535."
    assert "0.0.0.0 or :: for every address" in properties["listen_on"]["description"]
