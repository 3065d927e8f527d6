/**
 * Who does the deliveries and how far they are: one document, so that both change together.
 *
 * A backend holds the lease for a while and renews it. Each new holder gets a higher epoch, and the cursor moves only
 * for the holder's own epoch: one that was frozen and comes back cannot move it.
 */
import type { Store } from './database.ts';
import type { Anchor, Reconciliation, ReconciliationRequest, StateDocument } from './documents.ts';
import { LeaseLostError } from '../errors.ts';

const ID = 'delivery';

/** How long a lease lasts without renewal: what another backend waits when the holder dies. */
export const LEASE_MILLISECONDS = 15_000;

/** How many finished reconciliations are kept to be asked for. */
const FINISHED_KEPT = 20;

export interface Lease {
  readonly holder: string;
  readonly epoch: number;
}

/** Makes the state document, unless it is there. */
export async function prepareState(store: Store): Promise<void> {
  const first: Omit<StateDocument, '_id'> = {
    cursor: 0,
    anchors: [],
    database_identifier: null,
    lease_holder: null,
    lease_epoch: 0,
    lease_expires_at: new Date(0),
    pending: null,
    running: null,
    finished: [],
    advanced_at: null,
  };
  await store.state.updateOne({ _id: ID }, { $setOnInsert: first }, { upsert: true });
}

/** Takes the lease if it is free or expired, and returns it with the state; null while another holds it. */
export async function acquireLease(
  store: Store,
  holder: string,
  now: Date,
): Promise<{ readonly lease: Lease; readonly state: StateDocument } | null> {
  const state = await store.state.findOneAndUpdate(
    { _id: ID, $or: [{ lease_holder: null }, { lease_holder: holder }, { lease_expires_at: { $lt: now } }] },
    { $set: { lease_holder: holder, lease_expires_at: expiry(now) }, $inc: { lease_epoch: 1 } },
    { returnDocument: 'after' },
  );
  return state === null ? null : { lease: { holder, epoch: state.lease_epoch }, state };
}

/** Lengthens the lease and returns the state. @throws LeaseLostError when another has taken it. */
export async function renewLease(store: Store, lease: Lease, now: Date): Promise<StateDocument> {
  const state = await store.state.findOneAndUpdate(
    held(lease),
    { $set: { lease_expires_at: expiry(now) } },
    { returnDocument: 'after' },
  );
  if (state === null) throw new LeaseLostError();
  return state;
}

/** Gives the lease back, so that another need not wait for its end. */
export async function releaseLease(store: Store, lease: Lease): Promise<void> {
  await store.state.updateOne(held(lease), { $set: { lease_holder: null, lease_expires_at: new Date(0) } });
}

export async function readState(store: Store): Promise<StateDocument | null> {
  return store.state.findOne({ _id: ID });
}

/** Moves the cursor. Only after everything up to it is written. @throws LeaseLostError */
export async function advance(
  store: Store,
  lease: Lease,
  cursor: number,
  anchors: readonly Anchor[],
  now: Date,
): Promise<void> {
  await update(store, lease, {
    $set: { cursor, anchors: [...anchors], advanced_at: now, lease_expires_at: expiry(now) },
  });
}

/**
 * Notes that a reconciliation is wanted, and starts the cursor anew where the log is another one.
 *
 * Both at once: a crash leaves either the old cursor, which shows the difference again, or the request.
 *
 * @throws LeaseLostError
 */
export async function requestReconciliation(
  store: Store,
  lease: Lease,
  request: ReconciliationRequest,
  restart?: {
    readonly cursor: number;
    readonly anchors: readonly Anchor[];
    readonly databaseIdentifier: string | null;
  },
): Promise<void> {
  await update(store, lease, {
    $set: {
      pending: request,
      ...(restart === undefined
        ? {}
        : {
            cursor: restart.cursor,
            anchors: [...restart.anchors],
            database_identifier: restart.databaseIdentifier,
          }),
    },
  });
}

/** Notes a wish for a reconciliation, whichever backend will do it. Returns the one which is pending now. */
export async function wishReconciliation(store: Store, request: ReconciliationRequest): Promise<ReconciliationRequest> {
  await prepareState(store);
  const taken = await store.state.updateOne({ _id: ID, pending: null }, { $set: { pending: request } });
  if (taken.matchedCount > 0) return request;
  return (await readState(store))?.pending ?? request;
}

/** Moves a request from pending to running. @throws LeaseLostError */
export async function startReconciliation(store: Store, lease: Lease, request: ReconciliationRequest): Promise<void> {
  await update(store, lease, { $set: { pending: null, running: request } });
}

/** Notes a finished reconciliation. @throws LeaseLostError */
export async function finishReconciliation(store: Store, lease: Lease, result: Reconciliation): Promise<void> {
  const finished = (await readState(store))?.finished ?? [];
  await update(store, lease, { $set: { running: null, finished: [result, ...finished].slice(0, FINISHED_KEPT) } });
}

/** Remembers the database's own identifier, where Orthanc tells one. @throws LeaseLostError */
export async function rememberIdentifier(store: Store, lease: Lease, identifier: string): Promise<void> {
  await update(store, lease, { $set: { database_identifier: identifier } });
}

async function update(store: Store, lease: Lease, change: { $set: Partial<StateDocument> }): Promise<void> {
  const { matchedCount } = await store.state.updateOne(held(lease), change);
  if (matchedCount === 0) throw new LeaseLostError();
}

function held(lease: Lease): { _id: 'delivery'; lease_holder: string; lease_epoch: number } {
  return { _id: ID, lease_holder: lease.holder, lease_epoch: lease.epoch };
}

function expiry(now: Date): Date {
  return new Date(now.getTime() + LEASE_MILLISECONDS);
}
