/** An entry of the audit trail as an answer. */
import type { z } from 'zod';
import type { auditAnswer } from '../http/schemas.ts';
import { AUDIT_EVENTS, OUTCOMES, type AuditDocument } from '../store/audit.ts';

export function presentAudit({ _id, at, event, outcome, ...rest }: AuditDocument): z.output<typeof auditAnswer> {
  const { code, type, action, meaning } = AUDIT_EVENTS[event];
  return {
    id: _id.toHexString(),
    at: at.toISOString(),
    event,
    event_id: { code, coding_scheme: 'DCM', type, meaning },
    action,
    outcome: OUTCOMES[outcome],
    ...rest,
  };
}
