"""Run the tests in two processes at once: those on a container engine, and all others. Exit 1 where either fails.

The first ones mostly wait for containers, so that the others lose little. Their output follows when both have ended.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from typing import Final

ENGINE: Final = "engine and not proof"
OTHERS: Final = "not engine and not proof"


def main() -> int:
    """Run them; arguments go to both."""
    command = [sys.executable, "-m", "pytest", *sys.argv[1:], "-m"]
    with tempfile.TemporaryFile() as output:
        beside = subprocess.Popen([*command, ENGINE, "-p", "no:cacheprovider"], stdout=output, stderr=subprocess.STDOUT)
        try:
            first = subprocess.run([*command, OTHERS], check=False).returncode
            second = beside.wait()
        except BaseException:
            beside.terminate()
            beside.wait()
            raise
        output.seek(0)
        print("\ntests on a container engine\n", flush=True)
        for line in output:
            sys.stdout.write(line.decode(errors="replace"))
    return 1 if first or second else 0


if __name__ == "__main__":
    sys.exit(main())
