"""Facts about the machine and the programs on it, for the reader of a result."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

import psutil

from orthancgen import __version__
from orthancgen.errors import OrthancgenError
from orthancgen.orthanc.detect import installed_version
from orthancgen.runtimes.native.programs import find_node


def facts() -> Mapping[str, str]:
    """What a result depends on: processor, memory, system, and the versions of what was measured."""
    return {
        "processor": f"{os.cpu_count()} cores, {_processor()}",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{_distribution()}, Linux {platform.release()}",
        "Python": platform.python_version(),
        "orthancgen": __version__,
        "Orthanc": _orthanc(),
        "DCMTK": _first_match(["dcmsend", "--version"], r"v(\d[\w.]*)"),
        "Node.js": _node(),
        **{package: _package(package) for package in ("SecantusDB", "pydantic", "PyYAML", "copier", "ansible-core")},
    }


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.machine()
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1].strip() if found else platform.machine()


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    except OSError:
        return "Linux"


def _orthanc() -> str:
    try:
        return str(installed_version())
    except OrthancgenError:
        return "not installed"


def _node() -> str:
    node, _ = find_node()
    return _first_match([str(node), "--version"], r"v([\d.]+)") if node else "not installed"


def _first_match(command: list[str], pattern: str) -> str:
    try:
        printed = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False).stdout
    except (OSError, subprocess.SubprocessError):
        return "not installed"
    found = re.search(pattern, printed)
    return found[1] if found else "unknown"


def _package(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"
