"""The picture of an environment: who calls, by which port of this host, which service. Pure layout, in whole pixels."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from orthancgen.access import words
from orthancgen.access.model import COMMANDS, EVERYBODY, Port, Report, Row
from orthancgen.orthanc.access import Command

WIDTH: Final = 1180
_LEFT, _NODE = 10, 265
_LANE, _WALL = 285, 512
_PORT_LEFT, _PORT = 560, 190
_SERVICE_LEFT, _SERVICE = 838, 300
_TOP, _ROW, _GAP, _TITLE = 64, 40, 8, 26
_CHARACTERS_OF_LANE: Final = 34
_MOST_MODALITIES: Final = 10
"""More than these are shown in groups that may do the same."""
_MOST_REASONS: Final = 3

Zone = Literal["Modalities", "This host", "Users", "Administrators", "Anyone else"]
_ZONES: Final[tuple[Zone, ...]] = ("Modalities", "Anyone else", "This host", "Users", "Administrators")
_ZONE_OF: Final[dict[str, Zone]] = {
    "this_host": "This host",
    "users": "Users",
    "administrators": "Administrators",
    "anyone": "Anyone else",
}


@dataclass(frozen=True, slots=True)
class Label:
    """A line of text; ``whole`` is it uncut."""

    x: int
    y: int
    text: str
    kind: str
    whole: str


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle with lines of text."""

    x: int
    y: int
    width: int
    height: int
    kind: str
    labels: tuple[Label, ...]


@dataclass(frozen=True, slots=True)
class Arrow:
    """A line with its end at what is reached, or before it where it is refused."""

    path: str
    kind: Literal["allowed", "refused", "inner"]
    says: str


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything that is drawn, and the same in words."""

    width: int
    height: int
    wall: int
    wall_text: str
    walled: bool
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    labels: tuple[Label, ...]
    description: str


@dataclass(frozen=True, slots=True)
class _Flow:
    """From a node to a port: what passes; nothing where it is refused."""

    port: int
    says: str
    allowed: bool
    at_firewall: bool = False


@dataclass(slots=True)
class _Node:
    """Somebody who calls."""

    zone: Zone
    title: str
    subtitle: str
    flows: list[_Flow] = field(default_factory=list)
    members: list[str] = field(default_factory=list)


def picture(report: Report) -> Picture:
    """Lay out a report."""
    ports = _ports(report)
    nodes = _grouped([*_dicom(report), *_web(report)])
    boxes: list[Box] = []
    arrows: list[Arrow] = []
    labels: list[Label] = []
    starts: list[tuple[int, _Flow, _Node]] = []
    y = _TOP
    for zone in _ZONES:
        of_zone = [node for node in nodes if node.zone == zone]
        if of_zone:
            labels.append(_label(_LEFT, y + 16, zone, "zone", _NODE))
            y += _TITLE
        for node in of_zone:
            height = max(1, len(node.flows)) * _ROW
            boxes.append(_node_box(node, y, height))
            starts += [(y + index * _ROW + _ROW // 2, flow, node) for index, flow in enumerate(node.flows)]
            y += height + _GAP
        y += _GAP if of_zone else 0
    reached = {port.port: [y for y, flow, _ in starts if flow.port == port.port] for port in ports}
    port_boxes = dict(zip((port.port for port in ports), _port_boxes(ports, reached, y), strict=True))
    for number, box in port_boxes.items():
        incoming = [one for one in starts if one[1].port == number]
        step = box.height / (len(incoming) + 1)
        for index, (start, flow, node) in enumerate(incoming):
            labels += _lane_labels(flow, start)
            end = box.y + round(step * (index + 1))
            arrows.append(_arrow(flow, start, end, f"{node.title}: {flow.says}"))
    service_boxes = _service_boxes(report, [(port, port_boxes[port.port]) for port in ports])
    for port in ports:
        arrows.append(_to_service(port, port_boxes[port.port], service_boxes[port.service]))
    arrows += _inner(report, service_boxes)
    everything = [*boxes, *port_boxes.values(), *service_boxes.values()]
    height = max(box.y + box.height for box in everything) + 16 if everything else y
    return Picture(
        WIDTH, height, _WALL, f"firewall: {words.firewall(report)}", bool(report.firewalls),
        tuple(everything), tuple(arrows), tuple(labels), _description(nodes, ports),
    )  # fmt: skip


def _ports(report: Report) -> list[Port]:
    """Those of DICOM first; the ports of management have no service of the plan."""
    managed = [
        Port("management", row.port, "", "This host itself", encrypted=None)
        for row in report.web
        if row.port is not None and row.port not in {port.port for port in report.ports}
    ]
    of_dicom = [port for port in report.ports if port.name.startswith("DICOM")]
    local = [port for port in report.ports if port.name == "database"]
    return [*of_dicom, *(port for port in report.ports if port not in (*of_dicom, *local)), *local, *managed]


def _dicom(report: Report) -> Iterator[_Node]:
    for caller in report.callers:
        rows = [row for row in report.rows if row.caller == caller.name]
        anybody = caller.own is None
        zone: Zone = (
            "Anyone else" if anybody else "This host" if caller.own and caller.own.kind != "own" else "Modalities"
        )
        subtitle = "every AE title that is none of these" if anybody else f"{caller.aet}, {_where(caller.own)}"
        node = _Node(zone, caller.name, subtitle)
        for port in dict.fromkeys(row.entry.port for row in rows):
            says = _allowed([row for row in rows if row.entry.port == port])
            if says:
                node.flows.append(_Flow(port, says, allowed=True))
        if not node.flows and rows:
            of_everybody = [row for row in report.rows if row.caller == EVERYBODY and row.entry == rows[0].entry]
            at_firewall = any(
                row.step == "firewall" and any(place.kind == "elsewhere" for place in row.places)
                for row in (*rows, *of_everybody)
            )
            says = f"nothing: refused by the {'firewall' if at_firewall else 'port'}"
            node.flows.append(_Flow(rows[0].entry.port, says, allowed=False, at_firewall=at_firewall))
        yield node


def _where(place: object) -> str:
    text = getattr(place, "text", "")
    return str(text).removesuffix(", its own").replace(", its own, on this host", ", on this host")


def _allowed(rows: Sequence[Row]) -> str:
    allowed: set[Command] = {command for row in rows if row.allowed for command in row.commands}
    if len(allowed) == len(COMMANDS):
        return "every command"
    return ", ".join(words.COMMAND_WORDS[command] for command in COMMANDS if command in allowed)


def _web(report: Report) -> Iterator[_Node]:
    nodes: dict[str, _Node] = {}
    for row in report.web:
        for source in row.reached_from:
            if source.kind == "service" or row.port is None:
                continue
            title, _, rest = source.text.replace(": ", " (").partition(" (")
            rest = rest.removesuffix(")")
            if source.kind in {"users", "administrators"} and rest:
                title, rest = rest, title
            node = nodes.setdefault(source.text, _Node(_ZONE_OF[source.kind], title, rest))
            says = "management" if row.service.startswith("management") else "HTTPS" if row.encrypted else "HTTP"
            if row.service == "the database":
                says = "database, with its account"
            elif says != "management":
                says += ", with a login or token"
            if all(flow.port != row.port for flow in node.flows):
                node.flows.append(_Flow(row.port, says, allowed=True))
    yield from nodes.values()


def _grouped(nodes: list[_Node]) -> list[_Node]:
    """Many modalities as groups of those that may do the same by the same port."""
    modalities = [node for node in nodes if node.zone == "Modalities"]
    if len(modalities) <= _MOST_MODALITIES:
        return nodes
    groups: dict[tuple[_Flow, ...], _Node] = {}
    for node in modalities:
        group = groups.setdefault(tuple(node.flows), _Node("Modalities", "", "", node.flows))
        group.members.append(node.title)
    for group in groups.values():
        count = len(group.members)
        group.title = f"{count} modalities" if count > 1 else group.members[0]
        group.subtitle = ", ".join(group.members)
    return [*groups.values(), *(node for node in nodes if node.zone != "Modalities")]


def _node_box(node: _Node, y: int, height: int) -> Box:
    kind = "node" if any(flow.allowed for flow in node.flows) else "node none"
    middle = y + height // 2
    if not node.subtitle:
        return Box(_LEFT, y, _NODE, height, kind, (_label(_LEFT + 10, middle + 4, node.title, "strong", _NODE - 16),))
    title = _label(_LEFT + 10, middle - 4, node.title, "strong", _NODE - 16)
    return Box(
        _LEFT, y, _NODE, height, kind,
        (title, _label(_LEFT + 10, middle + 12, node.subtitle, "small", _NODE - 16)),
    )  # fmt: skip


def _label(x: int, y: int, text: str, kind: str, pixels: int) -> Label:
    """A text that is cut where it would be wider than that."""
    shown = text
    while _width(shown, kind) > pixels:
        shown = f"{shown[:-2]}…"
    return Label(x, y, shown, kind, text)


def _width(text: str, kind: str) -> float:
    """About how wide a text is, in pixels: rather too wide, as fonts differ."""
    size = 13 * 1.08 if kind == "strong" else 11 if kind == "small" else 12
    return size * sum(0.35 if c in _NARROW else 1.0 if c in _WIDE else 0.72 if c.isupper() else 0.59 for c in text)


_NARROW: Final = frozenset("ijl.,:;'|!()[] ")
_WIDE: Final = frozenset("WMmw@%…")


def _lane_labels(flow: _Flow, y: int) -> Iterator[Label]:
    """The words of a flow, above its line; two lines of them where they are many."""
    kind = "flow" if flow.allowed else "flow refused"
    lines = textwrap.wrap(flow.says, _CHARACTERS_OF_LANE, max_lines=2, placeholder=" …") or [""]
    if len(lines) == 1:
        yield Label(_LANE, y - 5, lines[0], kind, flow.says)
        return
    yield Label(_LANE, y - 5, lines[0], kind, flow.says)
    yield Label(_LANE, y + 13, lines[1], kind, flow.says)


def _port_boxes(ports: Sequence[Port], reached: dict[int, list[int]], bottom: int) -> Iterator[Box]:
    y = _TOP + _TITLE
    for index, port in enumerate(ports):
        incoming = reached[port.port]
        height = max(46, 14 * (len(incoming) + 1))
        wanted = sum(incoming) // len(incoming) - height // 2 if incoming else y
        rest = sum(max(46, 14 * (len(reached[p.port]) + 1)) + 14 for p in ports[index + 1 :])
        y = max(y, min(wanted, bottom - rest - height))
        title = f"{port.name} {port.port}"
        below = "TLS" if port.encrypted else "unencrypted"
        where = f"{below}, {_listens(port.address)}" if port.address else "of the host itself"
        middle = y + height // 2
        yield Box(
            _PORT_LEFT, y, _PORT, height, "port open" if port.encrypted is False else "port",
            (
                _label(_PORT_LEFT + 10, middle - 3, title, "strong", _PORT - 14),
                _label(_PORT_LEFT + 10, middle + 13, where, "small", _PORT - 14),
            ),
        )  # fmt: skip
        y += height + 14


def _listens(address: str) -> str:
    if address in {"0.0.0.0", "::"}:  # noqa: S104  what is shown, not what is listened on
        return "every address"
    return f"only {address}"


def _service_boxes(report: Report, ports: Sequence[tuple[Port, Box]]) -> dict[str, Box]:
    """Each service beside its ports; what other services call it for stands in it."""
    others = [title for title in report.services if all(port.service != title for port, _ in ports)]
    titles = list(dict.fromkeys([*(port.service for port, _ in ports), *reversed(others)]))
    boxes: dict[str, Box] = {}
    y = _TOP + _TITLE
    for title in titles:
        own = [box for port, box in ports if port.service == title]
        calls = list(_calls(report, title))
        height = 34 + 17 * len(calls) + (6 if calls else 8)
        wanted = (own[0].y + own[-1].y + own[-1].height) // 2 - height // 2 if own else y
        y = max(y, wanted)
        lines = [_label(_SERVICE_LEFT + 12, y + 22, title, "strong", _SERVICE - 16)]
        lines += [
            _label(_SERVICE_LEFT + 12, y + 22 + 17 * (index + 1), f"from {call}", "small", _SERVICE - 16)
            for index, call in enumerate(calls)
        ]
        boxes[title] = Box(_SERVICE_LEFT, y, _SERVICE, height, "service", tuple(lines))
        y += height + 18
    return boxes


def _calls(report: Report, title: str) -> Iterator[str]:
    """What other services call it for; many reasons of one are cut short."""
    reasons: dict[str, list[str]] = {}
    for flow in report.inner_flows:
        if flow.service == title:
            reasons.setdefault(flow.source, []).append(flow.reason)
    for source, why in reasons.items():
        shown = why if len(why) <= _MOST_REASONS else [f"{why[0]}, and {len(why) - 1} more"]
        yield from (f"{source}: {reason}" for reason in shown)


def _arrow(flow: _Flow, start: int, end: int, says: str) -> Arrow:
    if flow.at_firewall:
        return Arrow(f"M {_LANE - 8} {start} H {_WALL - 8}", "refused", says)
    path = f"M {_LANE - 8} {start} H {_WALL} C {_WALL + 24} {start} {_PORT_LEFT - 34} {end} {_PORT_LEFT - 9} {end}"
    return Arrow(path, "allowed" if flow.allowed else "refused", says)


def _to_service(port: Port, box: Box, service: Box) -> Arrow:
    start_x, end_x = box.x + box.width, service.x - 9
    start = box.y + box.height // 2
    end = min(max(start, service.y + 12), service.y + service.height - 12)
    path = f"M {start_x} {start} C {start_x + 50} {start} {end_x - 50} {end} {end_x} {end}"
    return Arrow(path, "allowed", f"{port.name} {port.port} leads to {port.service}")


def _inner(report: Report, boxes: dict[str, Box]) -> Iterator[Arrow]:
    pairs = list(dict.fromkeys((flow.source, flow.service) for flow in report.inner_flows))
    taken: dict[str, int] = {}
    for index, (source, target) in enumerate(pairs):
        ends = []
        for title, other in ((source, target), (target, source)):
            below = boxes[other].y > boxes[title].y
            number = taken[title] = taken.get(title, -1) + 1
            away = 9 + 9 * (number % max(1, (boxes[title].height - 14) // 9))
            ends.append(boxes[title].y + (boxes[title].height - away if below else away))
        right = _SERVICE_LEFT + _SERVICE
        bulge = right + 20 + 8 * (index % 3)
        path = f"M {right} {ends[0]} C {bulge} {ends[0]} {bulge} {ends[1]} {right + 9} {ends[1]}"
        yield Arrow(path, "inner", f"{source} calls {target}")


def _description(nodes: Sequence[_Node], ports: Sequence[Port]) -> str:
    names = {port.port: f"{port.name} {port.port}" for port in ports}
    said = [f"{node.title} to {names.get(flow.port, flow.port)}: {flow.says}." for node in nodes for flow in node.flows]
    return " ".join(said)
