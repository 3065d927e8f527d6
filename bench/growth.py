"""How do time and memory grow with the number of environments? Each count in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from bench.figures import Figure, Result, Size, Target, alternate
from orthancgen.resources import locate

MODALITIES = 50
COUNTS = (10, 100, 1000)
QUICK_COUNTS = (2, 4, 8)
ENVIRONMENT_MILLISECONDS = Target("at most", 10.0)
LINEAR = Target("at most", 1.25)

_CHILD = """
import json, re, sys, time
from pathlib import Path
from orthancgen.plan.build import plan
from orthancgen.render.catalogue import render
from orthancgen.site.load import load

started = time.perf_counter()
size = 0
for path in sys.argv[1:]:
    loaded = load(Path(path))
    size += sum(len(file.content) for file in render(plan(loaded.require(), loaded.version)).files)
seconds = time.perf_counter() - started
# VmHWM of proc_pid_status(5); ru_maxrss would be the parent's where that was larger at the fork
peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
print(json.dumps({"seconds": seconds, "peak_kib": peak, "rendered_bytes": size}))
"""


def measure(size: Size, folder: Path) -> Result:
    """Load, validate, plan and render N environments of 50 modalities, for three N in turn."""
    counts = QUICK_COUNTS if size.quick else COUNTS
    paths = _write(folder / "environments", counts[-1])

    def run(count: int) -> Mapping[str, float]:
        done = subprocess.run(
            [sys.executable, "-c", _CHILD, *map(str, paths[:count])],
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        answer = json.loads(done.stdout)
        return {
            f"{count}: ms an environment": 1000 * answer["seconds"] / count,
            f"{count}: peak MiB": answer["peak_kib"] / 1024,
        }

    measured = alternate(size.rounds, *(partial(run, count) for count in counts))
    few, many = counts[-2], counts[-1]
    times = {name: values for name, values in measured.items() if name.endswith("environment")}
    peaks = {name: values for name, values in measured.items() if name.endswith("MiB")}
    first, second = times[f"{few}: ms an environment"], times[f"{many}: ms an environment"]
    lowest, highest = peaks[f"{counts[0]}: peak MiB"], peaks[f"{many}: peak MiB"]
    growth = tuple((b - a) * 1024 / (many - counts[0]) for a, b in zip(lowest, highest, strict=True))
    return Result(
        "growth",
        f"load, validate, plan and render {', '.join(map(str, counts))} environments of {MODALITIES} modalities, each "
        "count in one process of its own",
        (
            Figure(f"time an environment, of {many}", second, ENVIRONMENT_MILLISECONDS, times, "ms"),
            Figure(
                f"time an environment, of {many} / of {few}: 1 is linear",
                tuple(b / a for a, b in zip(first, second, strict=True)),
                LINEAR,
            ),
            Figure("peak memory for each further environment", growth, None, peaks, "KiB"),
        ),
        ("The time counts from the first file to the last bundle, after the imports.",),
        not size.quick,
    )


def _write(folder: Path, count: int) -> list[Path]:
    folder.mkdir()
    (folder / "base.yaml").write_bytes((locate("environments") / "base.yaml").read_bytes())
    paths = []
    for number in range(count):
        path = folder / f"site{number}.yaml"
        path.write_text(_environment(number), encoding="utf-8")
        paths.append(path)
    return paths


def _environment(number: int) -> str:
    modalities = "".join(
        f"""\
  device{index}:
    aet: S{number}D{index}
    address: 10.{number // 250}.{number % 250}.{index + 1}
    port: 104
    vendor: siemens
    description: Device {index} of site {number}
    may: [echo, store]
"""
        for index in range(MODALITIES)
    )
    return f"""\
extends: base.yaml
environment: site{number}
kind: staging
orthanc:
  aet: SITE{number}
  version: 1.12.7
dicom: {{port: 4242}}
modalities:
{modalities}\
runtime: native
"""
