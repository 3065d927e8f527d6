from __future__ import annotations

from orthancgen.site.documentation import field_texts, sections
from orthancgen.site.modalities import Modality
from orthancgen.site.model import Site
from orthancgen.site.types import Section


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
