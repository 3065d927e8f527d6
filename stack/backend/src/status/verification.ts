/**
 * What `orthancgen verify` saw last: it runs elsewhere, and tells its summary here to be shown.
 *
 * The backend proves nothing of it and reads no log of Orthanc: each part says as of when it is.
 */
import { z } from 'zod';
import type { Store } from '../store/database.ts';

const MOST_CHECKS = 300;
const MOST_REFUSED = 20;
const instant = z.iso.datetime({ offset: true });
const text = z.string().max(2_000);
const outcome = z.enum(['passed', 'failed', 'skipped']);
const refusedAssociation = z.strictObject({
  at: instant,
  reason: z.string().min(1).max(500),
  aet: z.string().max(64).nullable().describe('The AE title in the line: of the caller, or the one that was called'),
  address: z.string().max(64).nullable(),
});

export const verificationBody = z.strictObject({
  environment: z.string().min(1).max(64),
  run_by: z.string().min(1).max(200).describe('User and host'),
  started_at: instant,
  finished_at: instant,
  checks: z
    .array(
      z.strictObject({
        id: z.string().min(1).max(100),
        title: z.string().min(1).max(300),
        group: z.enum(['positive', 'negative']),
        outcome,
        expected: text,
        seen: text,
        hint: text.nullable(),
      }),
    )
    .min(1)
    .max(MOST_CHECKS),
  refused_associations: z
    .strictObject({
      since: instant.describe('What the log says from then on was counted'),
      until: instant,
      count: z.int().min(0),
      latest: z.array(refusedAssociation).max(MOST_REFUSED).describe('Newest first'),
    })
    .nullable()
    .describe("From Orthanc's log, without the calls of the verification itself; null where it could not be read"),
});
export type Verification = z.output<typeof verificationBody>;

export const verificationAnswer = z.object({
  verification: verificationBody.extend({ received_at: z.string() }).nullable().describe('null: none was told yet'),
});

export interface VerificationDocument extends Verification {
  _id: 'last';
  received_at: string;
}

export async function keepVerification(store: Store, it: Verification, now: Date): Promise<void> {
  await store.verification.replaceOne({ _id: 'last' }, { ...it, received_at: now.toISOString() }, { upsert: true });
}

export async function lastVerification(store: Store): Promise<z.output<typeof verificationAnswer>> {
  const found = await store.verification.findOne({ _id: 'last' });
  if (found === null) return { verification: null };
  const { _id, ...verification } = found;
  return { verification };
}
