"""Write the fingerprints of the comments in Orthanc's own default files: orthancgen/importing/default_comments.json.

Usage: python scripts/orthanc_comments.py VERSION=FILE...

Each FILE is what an Orthanc of that version prints (``Orthanc --config=-``, since 1.13.0 also ``--advanced-config=-``),
or a file of Debian's package. The comments themselves are Orthanc's own text and are not kept in this repository.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

from orthancgen.foreign.jsonc import parse
from orthancgen.importing.comments import comment_lines, fingerprint

TARGET: Final = Path(__file__).resolve().parent.parent / "orthancgen/importing/default_comments.json"
SOURCE: Final = "Orthanc --config=- and --advanced-config=-, and /etc/orthanc of Debian's packages"


def main() -> int:
    """Read the files and write the table."""
    found: set[str] = set()
    versions: list[str] = []
    for argument in sys.argv[1:]:
        version, _, file = argument.partition("=")
        versions.append(version)
        for comment in parse(Path(file).read_text(encoding="utf-8"), file).comments:
            found |= {fingerprint(line) for line in comment_lines(comment.text) if line}
    ordered = sorted(found)
    rows = [" ".join(ordered[start : start + 12]) for start in range(0, len(ordered), 12)]
    document = {"source": SOURCE, "versions": sorted(set(versions)), "fingerprints": rows}
    TARGET.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(f"{TARGET}: {len(found)} lines")
    return 0


if __name__ == "__main__":
    sys.exit(main())
