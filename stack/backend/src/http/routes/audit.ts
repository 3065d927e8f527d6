/** The audit trail, to be read by administrators; reading it is an event of its own (PS3.15 section A.5.3.2). */
import { auditFilter, AUDIT_EVENTS, OUTCOMES, writeAudit, type AuditDocument } from '../../store/audit.ts';
import type { Store } from '../../store/database.ts';
import type { App } from '../app.ts';
import { auditAnswer, auditQuery, pageOf } from '../schemas.ts';
import type { z } from 'zod';

export function auditRoutes(app: App, store: Store): void {
  app.get(
    '/api/audit',
    {
      schema: {
        tags: ['audit'],
        summary: 'Who did what, newest first',
        querystring: auditQuery,
        response: { 200: pageOf(auditAnswer) },
      },
    },
    async ({ query, identity, ip }) => {
      const entry = { event: 'audit_read', outcome: 'success', user: identity?.name ?? 'unknown' } as const;
      await writeAudit(store.audit, { ...entry, role: identity?.role ?? null, address: ip }, new Date());
      const { limit, offset, from, to, ...rest } = query;
      const filter = auditFilter({
        ...rest,
        from: from === undefined ? undefined : new Date(from),
        to: to === undefined ? undefined : new Date(to),
      });
      const [total, found] = await Promise.all([
        store.audit.countDocuments(filter),
        store.audit.find(filter).sort({ at: -1, _id: -1 }).skip(offset).limit(limit).toArray(),
      ]);
      return { total, limit, offset, items: found.map(present) };
    },
  );
}

function present({ _id, at, event, outcome, ...rest }: AuditDocument): z.output<typeof auditAnswer> {
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
