"""Store by C-STORE, one association each, the files that are named on standard input; prints a line for each.

Usage: python store.py PORT    then a path a line; a line of JSON comes back with the status, once it is stored
"""

from __future__ import annotations

import json
import sys

from pydicom import dcmread
from pynetdicom.ae import ApplicationEntity


def main(port: int) -> None:
    """Until standard input ends."""
    entity = ApplicationEntity("SENDER")
    for line in sys.stdin:
        dataset = dcmread(line.strip())
        entity.requested_contexts = []
        entity.add_requested_context(dataset.SOPClassUID, dataset.file_meta.TransferSyntaxUID)
        association = entity.associate("127.0.0.1", port, ae_title="ORTHANC")
        status = association.send_c_store(dataset).get("Status") if association.is_established else None
        association.release()
        print(json.dumps({"status": status}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
