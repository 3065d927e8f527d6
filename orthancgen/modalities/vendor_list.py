"""A vendor's list of modalities: which column is which field, and what each row says."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from orthancgen.importing.names import modality_name
from orthancgen.modalities.cells import Cell, Row, decoded, delimiter_of, rows
from orthancgen.modalities.change import FIELDS, SetFields
from orthancgen.modalities.values import is_nothing, read_field, wrong_fields
from orthancgen.site.explain import did_you_mean
from orthancgen.site.problems import HIDDEN, KeyPath, Mark, Problem, printable, sort_problems

MOST_ROWS: Final = 2000
"""More modalities than any hospital has; each is a line in Orthanc's configuration and in the firewall."""

HEADINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "name": ("name", "modality name", "symbolic name", "alias", "id", "device", "device name", "station",
             "station name", "gerät", "nom"),
    "aet": ("aet", "ae", "ae title", "aetitle", "calling aet", "calling ae title", "application entity",
            "application entity title", "local ae title", "dicom ae title", "dicom aet", "ae-titel", "titre ae"),
    "address": ("address", "ip", "ip address", "ip adress", "ipv4", "ip-adresse", "adresse ip", "host", "host name",
                "hostname", "fqdn", "adresse", "dicom ip", "ip-address", "network address"),
    "port": ("port", "dicom port", "tcp port", "port number", "listen port", "listening port", "scp port",
             "portnummer"),
    "vendor": ("vendor", "manufacturer", "make", "brand", "maker", "hersteller", "fabricant", "company"),
    "tls": ("tls", "secure", "encrypted", "dicom tls", "ssl", "encryption"),
    "may": ("may", "services", "permissions", "commands", "allowed", "roles", "rights"),
    "description": ("description", "comment", "remarks", "notes", "location", "room", "model", "modality description",
                    "beschreibung", "bemerkung", "raum"),
}  # fmt: skip
"""Field -> headings that vendors give it; without regard to case, blanks, hyphens and underscores."""
TEMPLATE: Final = (
    "name,aet,address,port,vendor,tls,may,description\r\n"
    'ct1,CT1,192.0.2.10,104,siemens,no,"echo, store",Example: replace this line\r\n'
)
"""An empty list with its headings and an example; addresses of RFC 5737."""

_LINE_BREAKS: Final = re.compile("[\x85\u2028\u2029]")
_FORMULA: Final = re.compile(r"[=@]|[-+](?=[A-Za-z(=@])")
"""What a spreadsheet takes for a formula: https://owasp.org/www-community/attacks/CSV_Injection"""


@dataclass(frozen=True, slots=True)
class Read:
    """What a list says.

    Attributes:
        changes: a modality a row, in order; none where something is wrong.
        places: name -> place of its row.
        problems: everything that is wrong, with its place.
        source: the text for excerpts.
    """

    changes: tuple[SetFields, ...]
    places: Mapping[str, Mark]
    problems: tuple[Problem, ...]
    source: str = field(repr=False, default="")


def read(content: bytes, file: str, present: Mapping[str, Mapping[str, Any]], *, update: bool, exact: bool) -> Read:
    """Read a list.

    Args:
        content: of the file.
        file: its name, for the places.
        present: name -> plain entry of each modality of the environment.
        update: a modality that is there already is changed; else that is a problem.
        exact: upper and lower case of AE titles differ.
    """
    text, problems = decoded(content, file)
    if text is None:
        return Read((), {}, tuple(problems))
    delimiter, start = delimiter_of(text)
    found: list[Row] = []
    broken = False
    for one in rows(text, file, delimiter, start):
        if isinstance(one, Problem):
            problems.append(one)
            broken = True
        elif len(found) > MOST_ROWS:
            problems.append(Problem(f"more than {MOST_ROWS} modalities", one[0].mark, hint="split the list"))
            break
        else:
            found.append(one)
    if not found:
        problems.append(Problem("the list is empty", Mark(file, 1, 1, 2), hint="--template prints an empty one"))
        return Read((), {}, tuple(problems))
    columns = _columns(found[0], problems)
    source = "" if broken else _source(text, found, set((columns or {}).values()))
    if columns is None:
        return Read((), {}, tuple(problems), source)
    reading = _Reading(columns, len(found[0]), present, update=update, exact=exact)
    changes = tuple(change for row in found[1:] if (change := reading.row(row)) is not None)
    problems += reading.problems
    if len(found) == 1:
        problems.append(Problem("the list has headings and no row", found[0][0].mark))
    good = not any(problem.severity == "error" for problem in problems)
    return Read(changes if good else (), reading.places, sort_problems(problems), source)


def _source(text: str, found: Sequence[Row], used: set[int]) -> str:
    """The text for excerpts: what stands in columns that are not read may be anything, and is hidden."""
    lines = [_LINE_BREAKS.sub(" ", line) for line in re.split(r"\r\n?|\n", text.replace(HIDDEN, " "))]
    for row in found[1:]:
        for number, cell in enumerate(row):
            if number not in used:
                line, start, end = lines[cell.mark.line - 1], cell.mark.column - 1, cell.mark.end_column - 1
                lines[cell.mark.line - 1] = line[:start] + HIDDEN * (end - start) + line[end:]
    return "\n".join(lines[: found[-1][-1].mark.line])


def _columns(headings: Row, problems: list[Problem]) -> dict[str, int] | None:
    """Field -> column, or None where the list cannot be read without more."""
    known = {_folded(word): name for name, words in HEADINGS.items() for word in (name, *words)}
    columns: dict[str, int] = {}
    first: dict[str, str] = {}
    good = True
    for number, cell in enumerate(headings):
        word = _folded(cell.text)
        name = known.get(word)
        if not word:
            continue
        if name is None:
            hint = did_you_mean(word, list(known)) if len(word) <= 40 else None
            hint = hint or f"known are: {', '.join(HEADINGS)}, and other words for them"
            problems.append(Problem(f'column "{printable(cell.text, 60)}" is not read', cell.mark, (), hint, "warning"))
        elif name in columns and name != "description":
            said = f'"{printable(cell.text, 60)}" is the {name}, as "{first[name]}" is'
            problems.append(Problem(said, cell.mark, hint="leave one of the two out"))
            good = False
        elif name not in columns:
            columns[name], first[name] = number, printable(cell.text, 60)
    missing = [name for name in ("aet", "address") if name not in columns]
    if missing and not ("name" in columns and len(columns) > 1):
        problems.append(
            Problem(
                f"no column for {' and '.join(missing)}", headings[0].mark,
                hint='the first line has headings, such as "AE Title" and "IP address"; --template prints them',
            )
        )  # fmt: skip
        good = False
    return columns if good else None


def _folded(heading: str) -> str:
    return re.sub(r"[\s_.:-]+", " ", heading[:200]).strip().casefold()


class _Reading:
    """Reads rows, and knows those before."""

    def __init__(
        self,
        columns: Mapping[str, int],
        width: int,
        present: Mapping[str, Mapping[str, Any]],
        *,
        update: bool,
        exact: bool,
    ) -> None:
        self.columns = columns
        self.width = width
        self.present = present
        self.update = update
        self.problems: list[Problem] = []
        self.places: dict[str, Mark] = {}
        self._fold = (lambda aet: aet) if exact else str.casefold
        self._by_aet = {self._fold(str(entry.get("aet"))): name for name, entry in present.items()}
        self._aets: dict[str, Mark] = {}
        self._numbers: dict[str, int] = {}
        self._errors = 0

    def row(self, row: Row) -> SetFields | None:
        """The modality of a row; None where it is none, and the problems say why."""
        before = self._errors
        if len(row) > self.width and any(cell.text.strip() for cell in row[self.width :]):
            self._say(row[self.width], "a cell without a heading", "a value with the separator in it stands in quotes")
        cells = {key: row[number] for key, number in self.columns.items() if number < len(row)}
        cells = {key: cell for key, cell in cells.items() if not is_nothing(cell.text)}
        formulas = {key for key, cell in cells.items() if _FORMULA.match(cell.text.strip())}
        for key in formulas:
            self._say(cells[key], "a formula, not a value", "write the value itself")
        written, cells = cells, {key: cell for key, cell in cells.items() if key not in formulas}
        fields = {key: value for key in FIELDS if (value := self._field(key, cells)) is not None}
        name = "stand-in" if formulas else self._name(cells, fields, row[0])
        if name is None:
            return None
        known = name in self.present
        if known and not self.update:
            at = cells.get("name") or cells.get("aet") or row[0]
            self._say(at, f"{name} is in the environment already", "--update changes what is there")
        for wrong in wrong_fields(name, fields, complete=not known):
            if wrong.field in fields or wrong.field not in written:  # else it was told that it cannot be read
                self._say(cells.get(wrong.field, row[0]), wrong.message, wrong.hint, ("modalities", name, wrong.field))
        if not formulas:
            self._once(name, cells, row[0])
        return SetFields(name, fields) if self._errors == before else None

    def _field(self, name: str, cells: Mapping[str, Cell]) -> Any:
        cell = cells.get(name)
        if cell is None:
            return None
        value, wrong = read_field(name, cell.text)
        if wrong is not None:
            self._say(cell, wrong.message, wrong.hint, (name,), wrong.severity)
        return value

    def _name(self, cells: Mapping[str, Cell], fields: Mapping[str, Any], first: Cell) -> str | None:
        """Its name: as it is written, or of the modality with its AE title, or made of that, or of the description."""
        cell = cells.get("name")
        if cell is not None and cell.text.strip() in self.present:
            return cell.text.strip()
        if cell is not None:
            name = modality_name(cell.text.strip(), ())
            if name != cell.text.strip():
                return self._first_free(name)
            return name
        aet = fields.get("aet")
        if aet is not None and self._fold(aet) in self._by_aet:
            return self._by_aet[self._fold(aet)]
        words = aet or fields.get("description")
        if not words:
            self._say(first, "neither a name nor an AE title", "fill in the AE title")
            return None
        return self._first_free(modality_name(str(words), ()).lower())

    def _first_free(self, name: str) -> str:
        wanted = name
        while wanted in self.present or wanted in self.places:
            self._numbers[name] = self._numbers.get(name, 1) + 1
            wanted = f"{name[:58]}-{self._numbers[name]}"
        return wanted

    def _once(self, name: str, cells: Mapping[str, Cell], first: Cell) -> None:
        at = cells.get("name", first)
        if name in self.places and "name" in cells:
            self._say(at, f"{printable(name)} stands in line {self.places[name].line} already", "one row a modality")
        self.places.setdefault(name, at.mark)
        aet = cells.get("aet")
        if aet is None:
            return
        key = self._fold(aet.text.strip())
        if key in self._aets:
            said = f"the AE title {printable(aet.text.strip(), 40)} stands in line {self._aets[key].line} already"
            self._say(aet, said, "each device has an AE title of its own")
        self._aets.setdefault(key, aet.mark)

    def _say(
        self, cell: Cell, message: str, hint: str | None = None, path: KeyPath = (), severity: Any = "error"
    ) -> None:
        self._errors += severity == "error"
        self.problems.append(Problem(message, cell.mark, path, hint, severity))
