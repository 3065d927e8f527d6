"""Names that mean something in a Lua script of Orthanc."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

CALLBACKS: Final = frozenset(
    [
        "Initialize", "Finalize", "ReceivedInstanceFilter", "ReceivedCStoreInstanceFilter", "OnStoredInstance",
        "OnStablePatient", "OnStableStudy", "OnStableSeries",
        "OnUpdatedPatient", "OnUpdatedStudy", "OnUpdatedSeries", "OnUpdatedInstance",
        "OnDeletedPatient", "OnDeletedStudy", "OnDeletedSeries", "OnDeletedInstance",
        "OnJobSubmitted", "OnJobSuccess", "OnJobFailure", "OnHeartBeat",
        "IncomingHttpRequestFilter", "IncomingFindRequestFilter", "IncomingWorklistRequestFilter",
        "OutgoingFindRequestFilter",
    ]
)  # fmt: skip
"""Global functions that Orthanc calls: its LuaScripting.cpp, ServerContext.cpp and main.cpp, and
https://orthanc.uclouvain.be/book/users/lua.html."""

FUNCTIONS: Final = frozenset(
    [
        # Orthanc's: its LuaContext.cpp and LuaScripting.cpp, and its toolbox OrthancServer/Resources/Toolbox.lua.
        "HttpGet", "HttpPost", "HttpPut", "HttpDelete", "SetHttpCredentials", "SetHttpTimeout",
        "RestApiGet", "RestApiPost", "RestApiPut", "RestApiDelete", "GetOrthancConfiguration",
        "CallSystem", "SendToModality", "SendToPeer", "ModifyInstance", "Delete", "PrintRecursive",
        # Lua's: https://www.lua.org/manual/5.4/manual.html#6
        "print", "load", "loadstring", "loadfile", "dofile", "require", "package.loadlib",
        "os.execute", "os.exit", "os.remove", "os.rename", "os.getenv", "os.tmpname",
        "io.open", "io.popen", "io.lines", "io.input", "io.output",
    ]
)  # fmt: skip
"""Functions whose calls are told."""

PROTECTED_CALLS: Final[Mapping[str, int]] = {"pcall": 1, "xpcall": 2}
"""What catches errors, and how many of its arguments come before those of the function that it calls."""

CLOSERS: Final[Mapping[str, frozenset[str]]] = {
    "end": frozenset({"function", "if", "do"}), "until": frozenset({"repeat"}),
    ")": frozenset("("), "]": frozenset("["), "}": frozenset("{"),
}  # fmt: skip
"""What each end of a block or bracket can close. A `for` or `while` is closed with its `do`."""
ENDS: Final[Mapping[str, str]] = {opener: closer for closer, openers in CLOSERS.items() for opener in openers}
"""What opens -> what closes it."""
