/**
 * How fast changes are recorded by one recorder, and by several at once that divide them; figures as JSON.
 *
 * Each recorder takes pages of the log of its own, all on one Orthanc and one database: the most that dividing the
 * deliveries between backends could bring on this machine. Environment: RECORD_INSTANCES, RECORD_ROUNDS.
 */
import { expect, it } from 'vitest';
import { applyTouched } from '../../src/delivery/apply.ts';
import { touchedBy } from '../../src/delivery/cursor.ts';
import { Orthanc, type Change } from '../../src/orthanc.ts';
import { openStore, prepareStore } from '../../src/store/database.ts';
import { series } from '../live/dicom.ts';
import { DatabaseServer, Folder, OrthancServer } from '../live/servers.ts';

const INSTANCES = Number(process.env.RECORD_INSTANCES ?? '3000');
const ROUNDS = Number(process.env.RECORD_ROUNDS ?? '3');
const OF_A_SERIES = 50;
const SENDERS = 4;
const PAGE = 500;
const RECORDERS = [1, 2, 4];

it('one recorder, and several', async () => {
  const folder = new Folder();
  const server = await OrthancServer.start(folder);
  const database = await DatabaseServer.start(folder);
  const images = Array.from({ length: INSTANCES / OF_A_SERIES }, (_, index) =>
    series(OF_A_SERIES, { patientId: `P${String(index)}` }),
  );
  const began = performance.now();
  await Promise.all(
    Array.from({ length: SENDERS }, async (_, sender) =>
      server.store(images.filter((_, index) => index % SENDERS === sender).flat()),
    ),
  );
  const rates: Record<string, number[]> = { stored: [INSTANCES / ((performance.now() - began) / 1000)] };

  const password = server.password;
  const orthanc = new Orthanc({
    url: new URL(`http://127.0.0.1:${String(server.httpPort)}`),
    username: 'backend',
    password,
    ca: null,
    sharedIndex: false,
  });
  const store = openStore(database.settings);
  const pages: Change[][] = [];
  for (let since = 0; ;) {
    const page = await orthanc.changes(since, PAGE);
    if (page.Changes.length === 0) break;
    pages.push(page.Changes);
    since = page.Last;
  }
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const recorders of RECORDERS) {
      await database.clear();
      await prepareStore(store);
      const left = [...pages];
      const started = performance.now();
      await Promise.all(
        Array.from({ length: recorders }, async () => {
          for (let page = left.shift(); page !== undefined; page = left.shift()) {
            await applyTouched(orthanc, store, touchedBy(page));
          }
        }),
      );
      const seconds = (performance.now() - started) / 1000;
      expect(await store.instances.countDocuments()).toBe(INSTANCES);
      (rates[`${String(recorders)} at once`] ??= []).push(INSTANCES / seconds);
    }
  }
  console.log(JSON.stringify({ instances: INSTANCES, perSecond: rates }, null, 2));
  await orthanc.close();
  await store.client.close();
  await Promise.all([server.stop(), database.close()]);
  folder.remove();
});
