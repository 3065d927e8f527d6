"""The C-ECHO that a script of the doctor says, as bytes: made here, so that the script needs no DICOM of its own.

PS3.8 section 9.3 (PDUs), PS3.7 section 9.3.5 (C-ECHO). pynetdicom encodes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pynetdicom.dimse_messages import C_ECHO_RQ
from pynetdicom.dimse_primitives import C_ECHO
from pynetdicom.pdu import A_ASSOCIATE_RQ, A_RELEASE_RQ, P_DATA_TF
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    A_RELEASE,
    ImplementationClassUIDNotification,
    MaximumLengthNotification,
)
from pynetdicom.presentation import build_context

from orthancgen.dicom.synthetic import IMPLEMENTATION_CLASS_UID

_APPLICATION_CONTEXT: Final = "1.2.840.10008.3.1.1.1"
_VERIFICATION: Final = "1.2.840.10008.1.1"
_IMPLICIT_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2"
_CONTEXT: Final = 1
_OUR_MAX_PDU: Final = 16384


@dataclass(frozen=True, slots=True)
class Echo:
    """What is sent, in this order; the answer to one is read before the next."""

    associate: bytes
    echo: bytes
    release: bytes


def echo(called: str, calling: str) -> Echo:
    """The PDUs of one C-ECHO from an AE title to another. No byte of them is 0xFF, which telnet would take apart."""
    release = A_RELEASE_RQ()
    release.from_primitive(A_RELEASE())
    return Echo(_associate(called, calling), b"".join(_message()), release.encode())


def _associate(called: str, calling: str) -> bytes:
    context = build_context(_VERIFICATION, _IMPLICIT_LITTLE_ENDIAN)
    context.context_id = _CONTEXT
    length = MaximumLengthNotification()
    length.maximum_length_received = _OUR_MAX_PDU
    implementation = ImplementationClassUIDNotification()
    implementation.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    request = A_ASSOCIATE()
    request.application_context_name = _APPLICATION_CONTEXT
    request.called_ae_title, request.calling_ae_title = called, calling
    request.presentation_context_definition_list = [context]
    request.user_information = [length, implementation]
    pdu = A_ASSOCIATE_RQ()
    pdu.from_primitive(request)
    return pdu.encode()


def _message() -> Iterator[bytes]:
    primitive = C_ECHO()
    primitive.MessageID = 1
    primitive.AffectedSOPClassUID = _VERIFICATION
    message = C_ECHO_RQ()
    message.primitive_to_message(primitive)
    for fragment in message.encode_msg(_CONTEXT, _OUR_MAX_PDU):
        pdu = P_DATA_TF()
        pdu.from_primitive(fragment)
        yield pdu.encode()
