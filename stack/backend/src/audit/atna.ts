/**
 * An entry of the audit trail as an AuditMessage of IHE ATNA.
 *
 * Schema: DICOM PS3.15 section A.5.1; which participants and objects each event has: A.5.3
 * (https://dicom.nema.org/medical/dicom/current/output/chtml/part15/sect_A.5.html). What the standard has no code for
 * stands in the private scheme 99ORTHANCGEN beside the standard's.
 */
import { create } from 'xmlbuilder2';
import { AUDIT_EVENTS, OUTCOMES, type AuditDocument } from '../store/audit.ts';

type Attributes = Readonly<Record<string, string>>;
interface Element {
  readonly [name: string]: string | Element | readonly Element[];
}

/** Codes of CID 400 and CID 401 (PS3.16) with their meanings. */
const MEANINGS: Readonly<Record<string, string>> = {
  '110101': 'Audit Log Used',
  '110103': 'DICOM Instances Accessed',
  '110110': 'Patient Record',
  '110114': 'User Authentication',
  '110122': 'Login',
  '110123': 'Logout',
};
const PRIVATE = '99ORTHANCGEN';
/** AuditSourceTypeCode (A.5.1.2.1): a server of an application. */
const APPLICATION_SERVER = '4';
/** NetworkAccessPointTypeCode: an address. */
const IP_ADDRESS = '2';

/** XML 1.0 cannot carry control characters, and one line is one message. */
const carried = (text: string): string => text.replace(/[\p{Cc}\p{Cs}\uFFFE\uFFFF\u2028\u2029]/gu, '\uFFFD');

const attributes = (given: Attributes): Element =>
  Object.fromEntries(Object.entries(given).map(([name, value]) => [`@${name}`, carried(value)]));

const coded = (code: string, scheme: string, meaning: string): Element =>
  attributes({ 'csd-code': code, codeSystemName: scheme, originalText: meaning });

interface Subject {
  readonly id: string;
  readonly name: string;
  readonly type: '1' | '2';
  readonly role: '1' | '3' | '13';
  readonly idType: Element;
}

function objectsOf({ event, patient_id, study_instance_uid }: AuditDocument): Subject[] {
  if (AUDIT_EVENTS[event].code === '110101') {
    const idType = coded('12', 'RFC-3881', 'URI');
    return [{ id: '/api/audit', name: 'Security Audit Log', type: '2', role: '13', idType }];
  }
  return [
    ...(study_instance_uid === null
      ? []
      : [
          {
            id: study_instance_uid,
            name: study_instance_uid,
            type: '2' as const,
            role: '3' as const,
            idType: coded('110180', 'DCM', 'Study Instance UID'),
          },
        ]),
    ...(patient_id === null
      ? []
      : [
          {
            id: patient_id,
            name: patient_id,
            type: '1' as const,
            role: '1' as const,
            idType: coded('2', 'RFC-3881', 'Patient Number'),
          },
        ]),
  ];
}

/**
 * One message, on one line, without an XML declaration.
 *
 * @param source whose trail it is: the environment
 */
export function auditMessage(entry: AuditDocument, source: string): string {
  const { event, at, outcome, user, role, address } = entry;
  const { code, type, action } = AUDIT_EVENTS[event];
  const types = [
    ...(type === null ? [] : [coded(type, 'DCM', MEANINGS[type] ?? type)]),
    coded(event, PRIVATE, event.replaceAll('_', ' ')),
  ];
  const identification = {
    ...attributes({
      EventActionCode: action,
      EventDateTime: at.toISOString(),
      EventOutcomeIndicator: String(OUTCOMES[outcome]),
    }),
    EventID: coded(code, 'DCM', MEANINGS[code] ?? code),
    EventTypeCode: types,
  };
  const participant = {
    ...attributes({
      UserID: user,
      UserIsRequestor: 'true',
      NetworkAccessPointID: address,
      NetworkAccessPointTypeCode: IP_ADDRESS,
    }),
    ...(role === null ? {} : { RoleIDCode: coded(role, PRIVATE, role) }),
  };
  const objects = objectsOf(entry).map((it): Element => ({
    ...attributes({
      ParticipantObjectID: it.id,
      ParticipantObjectTypeCode: it.type,
      ParticipantObjectTypeCodeRole: it.role,
    }),
    ParticipantObjectIDTypeCode: it.idType,
    ParticipantObjectName: { '#': carried(it.name) },
  }));
  const message: Element = {
    EventIdentification: identification,
    ActiveParticipant: participant,
    AuditSourceIdentification: {
      ...attributes({ AuditSourceID: source }),
      AuditSourceTypeCode: attributes({ 'csd-code': APPLICATION_SERVER }),
    },
    ...(objects.length === 0 ? {} : { ParticipantObjectIdentification: objects }),
  };
  return create({ AuditMessage: message }).end({ headless: true });
}
