"""A deployed environment to do harm to, and what Orthanc and the database hold afterwards.

Everything here acts on one environment that `deployed` brought up, through its supervisor and by its own process ids.
"""

from tests.support.faults.harm import (
    Impostor,
    Kill,
    carry_out,
    failing_backend,
    frozen,
    kill_schedule,
    replace_folder,
    silent_backend,
    slow_backend,
    stopped,
)
from tests.support.faults.holdings import Holdings, count_difference, inventory, orphan_files, records, wait_equal
from tests.support.faults.probe import Latencies, Probe, tell
from tests.support.faults.sender import Sender, write_studies
from tests.support.faults.stack import SERVICES, Stack, deployed

__all__ = [
    "SERVICES",
    "Holdings",
    "Impostor",
    "Kill",
    "Latencies",
    "Probe",
    "Sender",
    "Stack",
    "carry_out",
    "count_difference",
    "deployed",
    "failing_backend",
    "frozen",
    "inventory",
    "kill_schedule",
    "orphan_files",
    "records",
    "replace_folder",
    "silent_backend",
    "slow_backend",
    "stopped",
    "tell",
    "wait_equal",
    "write_studies",
]
