"""The errors of the service.

ServiceError
├── RefusedError      the study cannot be analysed, and never will be as it is (422)
├── ArchiveError      the archive did not give an instance (502)
├── BusyError         too many analyses wait already (503)
└── TooLongError      the time was up (504)
"""


class ServiceError(Exception):
    """An error whose text may be told to the caller: no patient's data, no secret."""

    status = 500


class RefusedError(ServiceError):
    """The study cannot be analysed as it is."""

    status = 422


class ArchiveError(ServiceError):
    """The archive did not give an instance."""

    status = 502


class BusyError(ServiceError):
    """Too many analyses wait already."""

    status = 503


class TooLongError(ServiceError):
    """The time was up."""

    status = 504


class ConfigError(Exception):
    """The configuration cannot be used; each line is one problem."""


class UnreadableError(Exception):
    """One instance cannot be examined; the text says why, without quoting the file."""
