"""PowerShell cannot run where the tests do; a grammar of it can read it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

from tests.support.tool_environments import checkov_python

GRAMMAR: Final = """
import pathlib, sys, tree_sitter, tree_sitter_powershell
parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
sys.exit(any(parser.parse(pathlib.Path(one).read_bytes()).root_node.has_error for one in sys.argv[1:]))
"""


def has_error(text: str, file: Path) -> bool:
    """Whether the grammar finds a fault in a script, which is written into a file for it."""
    file.write_text(text)
    done = subprocess.run([checkov_python(), "-c", GRAMMAR, file], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode != 0
