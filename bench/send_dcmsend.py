"""`send_files` against DCMTK's `dcmsend`, turn about, each into an empty real Orthanc; TCP_NODELAY=1 on all sides.

    python -m bench.send_dcmsend --count 2000 --rounds 3 --associations 1,2,4

Prints a line a run, then the medians and their ratio to dcmsend's (above 1 is faster than dcmsend).
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from orthancgen.dicom.peer import Peer
from orthancgen.dicom.send import send_files
from orthancgen.dicom.synthetic import write_series
from tests.support.servers import OrthancServer, require_dcmtk


def dcmsend(port: int, folder: Path) -> float:
    command = [require_dcmtk("dcmsend"), "-aec", "ORTHANC", "127.0.0.1", str(port), "+sd", str(folder)]
    started = time.monotonic()
    subprocess.run(command, env=dict(os.environ) | {"TCP_NODELAY": "1"}, check=True)
    return time.monotonic() - started


def ours(port: int, folder: Path, associations: int) -> float:
    result = send_files([folder], Peer("127.0.0.1", port, "ORTHANC", "ORTHANCGEN"), associations=associations)
    assert result.ok, result.failure_counts()
    return result.seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--size", type=int, default=256, help="rows and columns")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--associations", default="1,2,4")
    arguments = parser.parse_args()
    variants = [0, *(int(text) for text in arguments.associations.split(","))]  # 0 is dcmsend
    rates: dict[int, list[float]] = {variant: [] for variant in variants}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "series"
        write_series(folder, "bench", datetime.now(UTC), arguments.count, rows=arguments.size, columns=arguments.size)
        for number in range(arguments.rounds):
            for variant in variants:
                with OrthancServer(Path(name) / f"{number}-{variant}") as server:
                    port = server.dicom_port
                    seconds = ours(port, folder, variant) if variant else dcmsend(port, folder)
                    stored = server.get("/statistics")["CountInstances"]
                assert stored == arguments.count, stored
                rates[variant].append(arguments.count / seconds)
                print(f"round {number + 1}: {label(variant):24} {rates[variant][-1]:7.0f} instances/s", flush=True)
    base = statistics.median(rates[0])
    for variant, values in rates.items():
        median = statistics.median(values)
        print(f"median:  {label(variant):24} {median:7.0f} instances/s, {median / base:.2f} x dcmsend")


def label(variant: int) -> str:
    return f"send, {variant} association(s)" if variant else "dcmsend"


if __name__ == "__main__":
    main()
