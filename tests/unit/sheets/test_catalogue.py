from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orthancgen.errors import InputError
from orthancgen.plan.build import plan
from orthancgen.sheets import catalogue as module
from orthancgen.sheets.build import facts
from orthancgen.sheets.catalogue import LANGUAGES, Catalogue, Piece, catalogue, placeholders
from orthancgen.sheets.load import vendor_ids
from orthancgen.sheets.pages import card_page, index_page, network_page, sheet_page
from orthancgen.sheets.sheet import Message
from orthancgen.sheets.wanted import Wanted, sheet_set
from orthancgen.site.load import load
from scripts import catalogues

ENVIRONMENTS = Path(__file__).parents[2] / "golden"
TEXTS = catalogues.texts()
TRANSLATED = [(language, text) for language in catalogues.TRANSLATED for text in TEXTS]
QUOTES = {"en": r'"([^"]*)"', "de": "„([^“]*)“", "fr": "«\u00a0([^»]*)\u00a0»"}


def of_language(language: str, text: str) -> str:
    return catalogue(language).entries.get(text, "")


def prose(text: str) -> str:
    """What stands outside of backticks and quotes."""
    return re.sub("«[^»]*»|„[^“]*“", "", "".join(text.split("`")[::2]))


def test_the_catalogues_have_every_text_and_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["catalogues.py", "--check"])
        assert catalogues.main() == 0, capsys.readouterr().err


def test_a_text_that_is_new_or_left_over_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(catalogues, "FOLDER", tmp_path)
    monkeypatch.setattr(catalogues, "texts", lambda: {"Port": ["a.py"], "Old": ["a.py"]})
    monkeypatch.setattr("sys.argv", ["catalogues.py"])
    assert catalogues.main() == 0
    german = tmp_path / "de.po"
    german.write_text(german.read_text().replace('msgid "Port"\nmsgstr ""', 'msgid "Port"\nmsgstr "Anschluss"'))
    monkeypatch.setattr(catalogues, "texts", lambda: {"New": ["a.py"], "Port": ["a.py"]})
    monkeypatch.setattr("sys.argv", ["catalogues.py", "--check"])
    capsys.readouterr()
    assert catalogues.main() == 1
    said = capsys.readouterr().err
    assert "de.po: missing: New" in said
    assert "fr.po: not used: Old" in said
    monkeypatch.setattr("sys.argv", ["catalogues.py"])
    assert catalogues.main() == 0
    assert 'msgid "New"\nmsgstr ""\n\n#: a.py\nmsgid "Port"\nmsgstr "Anschluss"' in german.read_text()
    assert "Old" not in german.read_text()


def test_a_text_that_is_put_together_where_it_stands_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "some.py"
    file.write_text('Message("Port", {})\nMessage("on" if tls else "off")\nMessage(vendor.about)\n')
    assert list(catalogues._of_code(file)) == ["Port", "on", "off"]
    file.write_text('Message(f"Port {port}")\n')
    with pytest.raises(SystemExit, match=r"some\.py:1: .*must stand whole"):
        list(catalogues._of_code(file))


@pytest.mark.parametrize("language", catalogues.TRANSLATED)
def test_every_text_is_translated(language: str) -> None:
    assert [text for text in TEXTS if not of_language(language, text)] == []


@pytest.mark.parametrize(("language", "text"), TRANSLATED)
def test_a_translation_keeps_values_code_and_labels(language: str, text: str) -> None:
    translated = of_language(language, text)
    assert placeholders(translated) == placeholders(text)
    assert Counter(translated.split("`")[1::2]) == Counter(text.split("`")[1::2])
    assert translated.count("`") == text.count("`")
    labels = re.findall(QUOTES["en"], "".join(text.split("`")[::2]))
    assert sorted(re.findall(QUOTES[language], translated)) == sorted(labels)
    assert '"' not in prose(translated)
    assert translated == translated.strip()
    assert "  " not in translated


@pytest.mark.parametrize("text", TEXTS)
def test_french_has_its_apostrophes_and_its_spaces_that_do_not_break(text: str) -> None:
    french = prose(of_language("fr", text))
    assert "'" not in french
    assert re.findall(r"[^\u202f/ ][;!?](?=\s|$)", french) == []
    assert re.findall(r"[^\u00a0]:(?=\s|$)", french) == []
    assert re.findall(" [:;!?»]|« ", french) == []


def test_every_text_that_a_sheet_shows_is_in_the_catalogues() -> None:
    asked: set[str] = set()

    class Recording(dict[str, str]):
        def get(self, key: str, default: str | None = None) -> str | None:  # type: ignore[override]
            asked.add(key)
            return default

    words = Catalogue("de", Recording())
    for page in pages(words):
        assert page
    assert len(asked) > 250
    assert asked - set(TEXTS) == set()


def pages(words: Catalogue) -> Iterator[object]:
    """Every page of the golden environments, with each vendor for each caller."""
    for file in sorted(ENVIRONMENTS.glob("*-1.13.0.yaml")):
        loaded = load(file)
        made = plan(loaded.require(), loaded.version)
        site = facts(made, hosts=("pacs.example.org", "192.0.2.7"), release=3, date="2027-06-30")
        wanted = [Wanted(all_vendors=True), *(Wanted(tuple(made.site.modalities), (one,)) for one in vendor_ids())]
        for one in wanted:
            every = sheet_set(made, site, one)
            yield from (sheet_page(sheet, words) for sheet in every.sheets)
            yield card_page(every.card, words)
            yield index_page(every, {}, words)
            yield network_page(every, words)


def test_a_language_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(InputError) as raised:
        catalogue("../../etc/passwd")
    assert raised.value.hint == "choose one of en, de, fr"


def test_what_is_missing_or_fuzzy_stays_english(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "de.po").write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
        'msgid "Port"\nmsgstr "Anschluss"\n\n#, fuzzy\nmsgid "Host"\nmsgstr "Wirt"\n\nmsgid "TLS"\nmsgstr ""\n'
    )
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    words = catalogue.__wrapped__("de")
    assert [words.text(one) for one in ("Port", "Host", "TLS", "AE title")] == ["Anschluss", "Host", "TLS", "AE title"]


def test_a_value_is_put_in_as_it_stands_and_after_the_translation() -> None:
    words = Catalogue("de", {"Run `{command}` at {place}.": "Am {place}: `{command}`."})
    message = Message("Run `{command}` at {place}.", {"command": "a `b` {place}", "place": "{command}"})
    assert words.text(message) == "Am {command}: `a `b` {place}`."
    assert words.pieces(message) == (Piece("Am {command}: "), Piece("a `b` {place}", code=True), Piece("."))
    assert words.text(Message("{unknown} stays")) == "{unknown} stays"
    assert words.pieces("one ` alone") == (Piece("one ` alone"),)
    assert words.pieces("") == ()


@pytest.mark.parametrize(
    ("language", "shown"), [("en", "3 February 2027"), ("de", "3. Februar 2027"), ("fr", "3 février 2027")]
)
def test_a_day_is_said_in_words(language: str, shown: str) -> None:
    assert catalogue(language).date("2027-02-03") == shown
    assert catalogue(language).date("some day") == "some day"


def test_each_language_has_its_catalogue_and_is_read_once() -> None:
    assert {file.stem for file in module.FOLDER.glob("*.po")} == set(LANGUAGES) - {"en"}
    assert catalogue("fr") is catalogue("fr")
    assert catalogue("de").text(Message("Port of Orthanc")) == "Port von Orthanc"
    assert replace(catalogue("de"), entries={}).text("Port of Orthanc") == "Port of Orthanc"
