/** What is stored, changed and deleted in a real Orthanc is what the records say. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encode, series, uid } from './dicom.ts';
import { untilAlike } from './pictures.ts';
import { available, BackendServer, DatabaseServer, Folder, OrthancServer, TOKENS, until } from './servers.ts';

interface Study {
  id: string;
  patient_name: string;
  study_description: string;
  number_of_instances: number;
  remote_aets: string[];
  called_aets: string[];
  is_stable: boolean;
}
interface Page<T> {
  total: number;
  items: T[];
}

describe.skipIf(!available)('deliveries', () => {
  let folder: Folder;
  let orthanc: OrthancServer;
  let database: DatabaseServer;
  let backend: BackendServer;

  beforeAll(async () => {
    folder = new Folder();
    [orthanc, database] = await Promise.all([OrthancServer.start(folder), DatabaseServer.start(folder)]);
    backend = await BackendServer.create(folder, orthanc, database);
    await backend.start();
    await until('it is ready', async () => (await backend.request('/readyz')).ok);
  });
  afterAll(async () => {
    await backend.stop();
    await orthanc.stop();
    await database.close();
    folder.remove();
  });

  const studies = async (query: string): Promise<Page<Study>> => backend.json(`/api/studies?${query}`);

  it('record what a modality sends by C-STORE, with its sender', async () => {
    const images = series(3, { patientId: 'SENT', patientName: 'Sent^By', accessionNumber: 'ACC1' });
    const place = folder.sub('sent');
    mkdirSync(place, { recursive: true });
    const files = images.map((image, index) => {
      const file = join(place, `${String(index)}.dcm`);
      writeFileSync(file, encode(image));
      return file;
    });
    const peer = ['-aet', 'CT_ONE', '-aec', 'ORTHANC', '127.0.0.1', String(orthanc.dicomPort)];
    expect(spawnSync('storescu', [...peer, ...files], { env: { ...process.env, TCP_NODELAY: '1' } }).status).toBe(0);
    await untilAlike(orthanc, database);
    for (const sender of ['CT_ONE', 'ct_one', '127.0.0.1']) {
      const { total, items } = await studies(`sender=${sender}&accession_number=acc1`);
      expect(total).toBe(1);
      expect(items[0]).toMatchObject({
        number_of_instances: 3,
        remote_aets: ['CT_ONE'],
        called_aets: ['ORTHANC'],
        is_stable: false,
      });
    }
    expect((await studies('sender=OTHER')).total).toBe(0);
    const one = images[1]?.instanceUid ?? '';
    const found = await backend.json<Page<{ id: string }>>(`/api/instances?sop_instance_uid=${one}`);
    expect(found.total).toBe(1);
    expect(await backend.json(`/api/instances/${one}`)).toMatchObject({ sop_instance_uid: one, remote_aet: 'CT_ONE' });
    expect(await backend.json(`/api/instances/${found.items[0]?.id ?? ''}`)).toMatchObject({ sop_instance_uid: one });
    expect((await backend.request(`/api/instances/${uid()}`)).status).toBe(404);
  });

  it('search names in any script, whatever the case and accents', async () => {
    await orthanc.store(series(1, { patientId: 'LATIN', patientName: 'Buc^Jérôme', characterSet: 'ISO_IR 100' }));
    await orthanc.store(
      series(1, {
        patientId: 'KANJI',
        patientName: 'Yamada^Tarou=山田^太郎=やまだ^たろう',
        characterSet: 'ISO_IR 192',
      }),
    );
    await backend.poke();
    await untilAlike(orthanc, database);
    for (const name of ['jerome', 'JÉRÔME buc', 'Buc^Jérôme']) {
      expect((await studies(`patient_name=${encodeURIComponent(name)}`)).items[0]?.patient_name).toBe('Buc^Jérôme');
    }
    for (const name of ['山田', 'やまだ', 'tarou']) {
      expect((await studies(`q=${encodeURIComponent(name)}`)).total).toBe(1);
    }
  });

  it('take hostile text as text', async () => {
    for (const text of ['.*', '$where', '{"$gt":""}', '(a+)+$', '[a-z]', '\\', 'x'.repeat(256)]) {
      expect((await studies(`patient_name=${encodeURIComponent(text)}`)).total, text).toBe(0);
    }
    for (const query of [
      'patient_name=%00',
      `q=${'x'.repeat(300)}`,
      'patient_name[$ne]=',
      'sort=$where',
      'limit=1&limit=2',
    ]) {
      expect((await backend.request(`/api/studies?${query}`)).status, query).toBe(400);
    }
  });

  it('page in a stable order', async () => {
    await orthanc.store(
      Array.from({ length: 7 }, () => series(1, { patientId: 'PAGES', patientName: 'Same^Name' })).flat(),
    );
    await untilAlike(orthanc, database);
    const seen: string[] = [];
    for (let offset = 0; offset < 7; offset += 3) {
      const page = await studies(`patient_id=pages&sort=patient_name&order=asc&limit=3&offset=${String(offset)}`);
      expect(page.total).toBe(7);
      seen.push(...page.items.map((it) => it.id));
    }
    expect(new Set(seen).size).toBe(7);
    const patient = await backend.json<{ id: string; number_of_studies: number }>('/api/patients/PAGES');
    expect(patient.number_of_studies).toBe(7);
    expect((await backend.json<Page<Study>>(`/api/patients/${patient.id}/studies?limit=2`)).items).toHaveLength(2);
  });

  it('count a duplicate once, and follow an overwritten instance', async () => {
    const [image] = series(1, { patientId: 'TWICE', description: 'first' });
    if (image === undefined) throw new Error('no image');
    await orthanc.store([image]);
    await untilAlike(orthanc, database);
    await orthanc.store([{ ...image, description: 'second one, longer', pixel: 7 }]);
    await untilAlike(orthanc, database);
    await orthanc.store([image, image]);
    await untilAlike(orthanc, database);
    const { items } = await studies('patient_id=twice');
    expect(items.map((it) => [it.number_of_instances, it.study_description])).toEqual([[1, 'first']]);
  });

  it('add late instances to their study, and keep two names of one PatientID as one patient', async () => {
    const early = series(2, { patientId: 'SHARED', patientName: 'One^Name' });
    await orthanc.store(early);
    await untilAlike(orthanc, database);
    await orthanc.store(
      series(2, { patientId: 'SHARED', patientName: 'One^Name', modality: 'MR' }, early[0]?.studyUid),
    );
    await orthanc.store(series(1, { patientId: 'SHARED', patientName: 'Other^Name' }));
    await untilAlike(orthanc, database);
    expect((await studies('patient_id=shared')).total).toBe(2);
    expect((await studies('patient_id=shared&modality=MR')).items[0]?.number_of_instances).toBe(4);
    const found = await backend.json<Page<unknown>>('/api/patients?patient_id=shared');
    expect(found.total).toBe(1);
  });

  it('follow a modified and an anonymised study', async () => {
    const [stored] = await orthanc.store(series(2, { patientId: 'MODIFY', patientName: 'Before^It' }));
    const path = `/studies/${stored?.ParentStudy ?? ''}`;
    const body = JSON.stringify({ Replace: { StudyDescription: 'After' } });
    await orthanc.json(`${path}/modify`, { method: 'POST', body });
    await orthanc.json(`${path}/anonymize`, { method: 'POST', body: '{}' });
    await untilAlike(orthanc, database);
    expect((await studies('description=after')).items[0]?.number_of_instances).toBe(2);
  });

  it('follow deletions, which leave no change', async () => {
    const [one, two] = await orthanc.store(series(3, { patientId: 'DELETE' }));
    const [other] = await orthanc.store(series(2, { patientId: 'DELETE' }));
    await untilAlike(orthanc, database);
    await orthanc.delete(`/instances/${one?.ID ?? ''}`);
    await untilAlike(orthanc, database);
    expect((await backend.request(`/api/instances/${one?.ID ?? ''}`)).status).toBe(404);
    await orthanc.delete(`/studies/${other?.ParentStudy ?? ''}`);
    await backend.poke('OnDeletedStudy');
    await untilAlike(orthanc, database);
    await orthanc.delete(`/studies/${two?.ParentStudy ?? ''}`);
    await untilAlike(orthanc, database);
    expect((await studies('patient_id=delete')).total).toBe(0);
  });

  it('go on after the log of changes was erased', async () => {
    await orthanc.delete('/changes');
    await orthanc.store(series(2, { patientId: 'ERASED' }));
    await orthanc.delete('/changes');
    await orthanc.store(series(1, { patientId: 'ERASED' }));
    await untilAlike(orthanc, database);
  });

  it('compare everything on request, and say how it went', async () => {
    const compare = async () => {
      const answer = await backend.request('/api/orthanc/sync', { method: 'POST' });
      expect(answer.status).toBe(202);
      const where = answer.headers.get('location') ?? '';
      return until('it is done', async () => {
        const it = await backend.json<{ state: string; mode: string; instances_recorded: number }>(where);
        return it.state === 'finished' && it;
      });
    };
    // The comparison that the erased log made necessary may be at work still, and would mend the damage first.
    await compare();
    // Damage only a full comparison can see.
    const damaged = await database.db.collection('instances').findOne({});
    await database.db.collection('instances').updateOne(damaged ?? {}, { $set: { file_uuid: 'x', size_bytes: 1 } });
    const result = await compare();
    expect(result).toMatchObject({ mode: 'full', instances_recorded: 1 });
    await untilAlike(orthanc, database);
  });

  it('tell their state', async () => {
    const status = await backend.json<Record<string, Record<string, unknown>>>('/api/status');
    expect(status).toMatchObject({
      ready: true,
      worker: { role: 'leader', failures_in_a_row: 0 },
      delivery: { backlog: 0, oldest_undelivered_seconds: null },
      orthanc: { reachable: true, dicom_aet: 'ORTHANC' },
      database: { reachable: true },
    });
    expect(status.delivery?.cursor).toBeGreaterThan(0);
    const metrics = await (await backend.request('/metrics')).text();
    expect(metrics).toMatch(/^orthancgen_backend_leader 1$/m);
    expect(metrics).toMatch(/^orthancgen_backend_backlog_changes 0$/m);
  });

  it('answer the webhook at once while Orthanc hangs, say so, and catch up', async () => {
    orthanc.signal('SIGSTOP');
    try {
      for (let i = 0; i < 20; i += 1) {
        const started = performance.now();
        const answer = await backend.poke();
        expect(answer.status).toBe(202);
        expect(await answer.json()).toEqual({ ack: 'poke-1' });
        expect(performance.now() - started).toBeLessThan(3_000); // nobody answers for longer than that;
      }
      const problems = await until(
        'readiness fails',
        async () => {
          const answer = await backend.request('/readyz');
          return answer.status === 503 && ((await answer.json()) as { problems: string[] }).problems.join();
        },
        40,
      );
      expect(problems).toContain('Orthanc did not answer');
    } finally {
      orthanc.signal('SIGCONT');
    }
    await orthanc.store(series(2, { patientId: 'AFTER' }));
    await untilAlike(orthanc, database);
    await until('it is ready', async () => (await backend.request('/readyz')).ok);
  });

  it('log neither patients nor tokens', () => {
    expect(backend.output).toContain('recorded');
    for (const secret of [TOKENS.operator, TOKENS.webhook, 'orthanc-secret', 'database-secret']) {
      expect(backend.output).not.toContain(secret);
    }
    expect(backend.output).not.toMatch(/jerome|Jérôme|Sent\^By|Yamada|PAGES|2\.25\./i);
  });
});
