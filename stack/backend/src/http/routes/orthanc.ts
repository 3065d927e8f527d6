/** What Orthanc tells, and what may be asked about it. */
import { randomUUID } from 'node:crypto';
import type { Worker } from '../../delivery/worker.ts';
import type { Store } from '../../store/database.ts';
import { readState, wishReconciliation } from '../../store/state.ts';
import type { App } from '../app.ts';
import { presentReconciliation, presentRequest } from '../present.ts';
import { Problem } from '../problems.ts';
import { reconciliationAnswer, syncParams, webhookAnswer, webhookBody } from '../schemas.ts';

const WEBHOOK_BODY_BYTES = 16 * 1024;

export function orthancRoutes(app: App, store: Store, worker: Worker): void {
  const tags = ['orthanc'];

  // Answers before anything is asked of Orthanc: its Lua script holds the lock every request to Orthanc needs.
  app.post(
    '/api/orthanc/webhook',
    {
      bodyLimit: WEBHOOK_BODY_BYTES,
      config: { rateLimit: false },
      schema: { tags, summary: 'Something happened in Orthanc', body: webhookBody, response: { 202: webhookAnswer } },
    },
    async ({ body }, reply) => {
      worker.poke(body.event);
      return reply.code(202).send({ ack: body.id });
    },
  );

  app.post(
    '/api/orthanc/sync',
    {
      schema: {
        tags,
        summary: "Compare all records with Orthanc's inventory",
        response: { 202: reconciliationAnswer },
      },
    },
    async (_request, reply) => {
      const request = await wishReconciliation(store, {
        request_id: randomUUID(),
        mode: 'full',
        reasons: ['request'],
        requested_at: new Date(),
      });
      worker.wakeForWish();
      return reply
        .code(202)
        .header('location', `/api/orthanc/sync/${request.request_id}`)
        .send(presentRequest(request, 'pending'));
    },
  );

  app.get(
    '/api/orthanc/sync/:id',
    {
      schema: {
        tags,
        summary: 'How such a comparison went',
        params: syncParams,
        response: { 200: reconciliationAnswer },
      },
    },
    async ({ params: { id } }) => {
      const state = await readState(store);
      const finished = state?.finished.find((it) => it.request_id === id);
      if (finished !== undefined) return presentReconciliation(finished);
      if (state?.running?.request_id === id) return presentRequest(state.running, 'running');
      if (state?.pending?.request_id === id) return presentRequest(state.pending, 'pending');
      throw new Problem(404, 'no such reconciliation is kept');
    },
  );
}
