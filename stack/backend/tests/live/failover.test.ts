/**
 * The records in a replica set: while none of its members is the primary, calls wait and nothing is lost.
 *
 * SecantusDB is a set of one, which can step down and be the primary again; the other members named here never answer.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { series } from './dicom.ts';
import { untilAlike } from './pictures.ts';
import { available, BackendServer, DatabaseServer, Folder, freePort, OrthancServer, until } from './servers.ts';

const AWAY_SECONDS = 3;

/** SecantusDB does not tell by itself that it is the primary again: the driver hears of it within its 10 s. */
async function asking(backend: BackendServer): Promise<number> {
  const answer = await backend.request('/api/studies', { signal: AbortSignal.timeout(30_000) });
  return answer.status;
}

interface Status {
  worker: { role: string };
}

describe.skipIf(!available)('a replica set without a primary', () => {
  const folder = new Folder();
  let orthanc: OrthancServer;
  let database: DatabaseServer;
  let backend: BackendServer;

  beforeAll(async () => {
    orthanc = await OrthancServer.start(folder);
    database = await DatabaseServer.start(folder);
    const ports = [await freePort(), database.port, await freePort()];
    const members = ports.map((port) => ({ host: '127.0.0.1', port }));
    const reached = { replica_set: { name: 'secantus', members }, direct_connection: false };
    backend = await BackendServer.create(
      folder,
      orthanc,
      database,
      { batch_size: 20, settle_milliseconds: 0 },
      null,
      reached,
    );
    await backend.start();
  });

  afterAll(async () => {
    await Promise.all([backend.stop(), orthanc.stop()]);
    await database.close();
    folder.remove();
  });

  it('is waited for, by requests and by the recording, and each instance is on record once', async () => {
    const images = Array.from({ length: 20 }, (_, index) =>
      series(20, { patientId: `SET${String(index % 3)}` }),
    ).flat();
    const storing = orthanc.store(images);
    await until('it records', async () => (await database.db.collection('instances').countDocuments()) > 100);
    await database.stepDown(AWAY_SECONDS);
    expect(await asking(backend)).toBe(200);
    await storing;
    const picture = await untilAlike(orthanc, database, 45);
    expect(Object.keys(picture.instances)).toHaveLength(400);
    expect((await backend.json<Status>('/api/status')).worker.role).toBe('leader');
  });
});
