/** The audit trail as AuditMessages: valid by the standard's own schema, whatever stands in an entry. */
import { readFileSync } from 'node:fs';
import { RelaxNGValidator, XmlDocument } from 'libxml2-wasm';
import { ObjectId } from 'mongodb';
import { describe, expect, it } from 'vitest';
import { auditMessage } from '../../src/audit/atna.ts';
import { AUDIT_EVENTS, type AuditDocument, type AuditEvent } from '../../src/store/audit.ts';

const entry = (more: Partial<AuditDocument> = {}): AuditDocument => ({
  _id: new ObjectId(),
  at: new Date('2026-03-01T10:11:12.345Z'),
  event: 'study_opened',
  outcome: 'success',
  user: 'a.radiologist',
  role: 'radiologist',
  address: '192.0.2.7',
  study_instance_uid: '1.2.3',
  patient_id: 'P-1',
  ...more,
});

function problemsOf(text: string): string | null {
  using schema = XmlDocument.fromBuffer(readFileSync(new URL('audit-message.rng', import.meta.url)));
  // The standard's schema is RELAX NG; the version is pinned.
  // eslint-disable-next-line @typescript-eslint/no-deprecated
  using validator = RelaxNGValidator.fromDoc(schema);
  using document = XmlDocument.fromString(text);
  try {
    validator.validate(document);
    return null;
  } catch (error) {
    return String(error);
  }
}

function value(text: string, path: string): string | undefined {
  using document = XmlDocument.fromString(text);
  return document.get(path)?.content;
}

describe('AuditMessages', () => {
  it('are valid by the schema of PS3.15 A.5.1, for each event', () => {
    for (const event of Object.keys(AUDIT_EVENTS) as AuditEvent[]) {
      for (const more of [
        {},
        { study_instance_uid: null, patient_id: null, role: null, outcome: 'refused' as const },
      ]) {
        expect(problemsOf(auditMessage(entry({ event, ...more }), 'test')), event).toBeNull();
      }
    }
    expect(problemsOf(auditMessage(entry(), 'test').replace('UserIsRequestor', 'UserIs'))).not.toBeNull();
    const [head = '', body = ''] = auditMessage(entry(), 'test').split(/(?<=<\/EventIdentification>)/);
    const event = head.slice('<AuditMessage>'.length);
    expect(problemsOf(`<AuditMessage>${body.replace('</AuditMessage>', `${event}</AuditMessage>`)}`)).not.toBeNull();
  });

  it('say who looked at what', () => {
    const text = auditMessage(entry(), 'prod');
    expect(value(text, '/AuditMessage/EventIdentification/@EventDateTime')).toBe('2026-03-01T10:11:12.345Z');
    expect(value(text, '//EventID/@csd-code')).toBe('110103');
    expect(value(text, '//EventTypeCode[@codeSystemName="99ORTHANCGEN"]/@csd-code')).toBe('study_opened');
    expect(value(text, '//ActiveParticipant/@UserID')).toBe('a.radiologist');
    expect(value(text, '//AuditSourceIdentification/@AuditSourceID')).toBe('prod');
    const byType = (type: string): string =>
      `//ParticipantObjectIdentification[ParticipantObjectIDTypeCode/@csd-code="${type}"]/@ParticipantObjectID`;
    expect(value(text, byType('110180'))).toBe('1.2.3');
    expect(value(text, byType('2'))).toBe('P-1');
  });

  it('carry hostile text as text, on one line', () => {
    const hostile = '"/><x y="\n\r\t\u0000\u001b]0;a\u0007 & <script>\u2028 \u202e';
    const text = auditMessage(
      entry({ user: hostile, patient_id: hostile, event: 'login', outcome: 'refused' }),
      'test',
    );
    expect(text).not.toMatch(/[\p{Cc}\u2028]/u);
    expect(problemsOf(text)).toBeNull();
    expect(value(text, '//ActiveParticipant/@UserID')).toContain('"/><x y="');
    expect(value(text, '(//ParticipantObjectName)[2]')).toContain('<script>');
    expect(value(text, '//x')).toBeUndefined();
  });
});
