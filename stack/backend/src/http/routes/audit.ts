/** The audit trail, to be read by administrators; reading it is an event of its own (PS3.15 section A.5.3.2). */
import { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { auditExport } from '../../audit/export.ts';
import { presentAudit } from '../../audit/present.ts';
import { auditFilter, writeAudit } from '../../store/audit.ts';
import type { Store } from '../../store/database.ts';
import type { App } from '../app.ts';
import { auditAnswer, auditExportQuery, auditQuery, pageOf } from '../schemas.ts';

/** @param environment whose trail it is, as an export says */
export function auditRoutes(app: App, store: Store, environment: string): void {
  const tags = ['audit'];
  const note = async (event: 'audit_read' | 'audit_exported', { identity, ip }: FastifyRequest): Promise<void> => {
    const entry = { event, outcome: 'success', user: identity?.name ?? 'unknown' } as const;
    await writeAudit(store.audit, { ...entry, role: identity?.role ?? null, address: ip }, new Date());
  };

  app.get(
    '/api/audit',
    {
      schema: {
        tags,
        summary: 'Who did what, newest first',
        querystring: auditQuery,
        response: { 200: pageOf(auditAnswer) },
      },
    },
    async (request) => {
      await note('audit_read', request);
      const { limit, offset, from, to, ...rest } = request.query;
      const filter = auditFilter({ ...rest, from: dateOf(from), to: dateOf(to) });
      const [total, found] = await Promise.all([
        store.audit.countDocuments(filter),
        store.audit.find(filter).sort({ at: -1, _id: -1 }).skip(offset).limit(limit).toArray(),
      ]);
      return { total, limit, offset, items: found.map(presentAudit) };
    },
  );

  app.get(
    '/api/audit/export',
    { schema: { tags, summary: 'The trail as a file, oldest first', querystring: auditExportQuery } },
    async (request, reply) => {
      await note('audit_exported', request);
      const { format, from, to } = request.query;
      // An end, so that what is written meanwhile is not followed for ever.
      const range = { from: dateOf(from), to: dateOf(to) ?? new Date() };
      const { type, fileName, lines } = auditExport(store, format, range, environment);
      void reply.type(type).header('content-disposition', `attachment; filename="${fileName}"`);
      return reply.send(Readable.from(lines));
    },
  );
}

const dateOf = (text: string | undefined): Date | undefined => (text === undefined ? undefined : new Date(text));
