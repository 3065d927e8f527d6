/** The summary of the last verification: told by `orthancgen verify`, shown to administrators. */
import type { Store } from '../../store/database.ts';
import { keepVerification, lastVerification, verificationAnswer, verificationBody } from '../../status/verification.ts';
import type { App } from '../app.ts';
import { Problem } from '../problems.ts';
import { z } from 'zod';

const SUMMARY_BYTES = 1024 * 1024;

export function verificationRoutes(app: App, store: Store, environment: string): void {
  const tags = ['operations'];
  app.get(
    '/api/status/verification',
    { schema: { tags, summary: 'What the last verification saw', response: { 200: verificationAnswer } } },
    async () => lastVerification(store),
  );
  app.put(
    '/api/status/verification',
    {
      bodyLimit: SUMMARY_BYTES,
      schema: { tags, summary: 'Tell what a verification saw', body: verificationBody, response: { 204: z.null() } },
    },
    async ({ body, identity }, reply) => {
      if (identity?.session != null) throw new Problem(403, 'orthancgen verify tells this, with a token');
      if (body.environment !== environment) throw new Problem(409, `this is the environment ${environment}`);
      await keepVerification(store, body, new Date());
      return reply.code(204).send(null);
    },
  );
}
