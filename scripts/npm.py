"""Run an npm script of a program of stack/ with the Node.js that the native runtime would use; install packages first.

Usage: python scripts/npm.py PROGRAM[,PROGRAM] check|test|build; a program is backend or viewer
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from orthancgen.errors import OrthancgenError
from orthancgen.resources import locate
from orthancgen.runtimes.native.programs import find_node


def main() -> int:
    """Run the script of each program, one after the other; 1 where one of them fails."""
    names, script = sys.argv[1].split(","), sys.argv[2:]
    return max(run(name, script) for name in names)


def run(name: str, script: list[str]) -> int:
    """Install where the lock file is newer than what is installed, then run the script."""
    folder = locate(f"stack/{name}")
    node, npm = find_node()
    if node is None:
        raise OrthancgenError("no Node.js", hint="scripts/setup.sh dev")
    folders = (str(node.parent), str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath))
    environment = os.environ | {"PATH": os.pathsep.join(folders)}
    installed = folder / "node_modules/.package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < (folder / "package-lock.json").stat().st_mtime:
        subprocess.run([*npm, "ci", "--no-audit", "--no-fund"], cwd=folder, env=environment, check=True)
    return subprocess.run([*npm, "run", "--silent", *script], cwd=folder, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
