/** Reports on real servers: nothing acknowledged is lost, two people at once, and the way into Orthanc. */
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashPassword } from '../../src/people/passwords.ts';
import { instanceUid } from '../../src/reports/identifiers.ts';
import { series } from './dicom.ts';
import { textOfPdf, TOOLS } from '../tools.ts';
import { available, BackendServer, DatabaseServer, Folder, OrthancServer, TOKENS, until } from './servers.ts';

const PASSWORD = 'correct horse battery staple';
const PEOPLE = [
  ['viewer', 'viewer'],
  ['radiologist', 'radiologist'],
  ['second', 'radiologist'],
  ['technologist', 'technologist'],
  ['administrator', 'administrator'],
] as const;
type Name = (typeof PEOPLE)[number][0];

interface Draft {
  revision: number;
  fields: Record<string, { value: string; confirmed: boolean; by: string | null; revision: number }>;
  conflicts: { id: string; field: string; value: string; by: string; other: string }[];
  editors: { user: string; field: string | null }[];
}
interface Version {
  version: number;
  state: string;
  by: string;
  reason: string | null;
  sections: { fields: { id: string; text: string }[] }[];
  delivery: { state: string; attempts: number; last_error: string | null } | null;
}
interface Report {
  id: string;
  state: string;
  version: number;
  amending: object | null;
  published: Version | null;
  may: Record<string, boolean>;
  draft: Draft | null;
}

describe.skipIf(!available || !TOOLS)('reports', () => {
  let folder: Folder;
  let orthanc: OrthancServer;
  let database: DatabaseServer;
  let backend: BackendServer;
  let study = '';
  let studyUid = '';
  const sessions = new Map<Name, { cookie: string; csrf: string }>();

  beforeAll(async () => {
    folder = new Folder();
    [orthanc, database] = await Promise.all([OrthancServer.start(folder), DatabaseServer.start(folder)]);
    const file = join(folder.sub('people'), 'people.json');
    const password = await hashPassword(PASSWORD);
    writeFileSync(file, JSON.stringify({ people: PEOPLE.map(([name, role]) => ({ name, role, password })) }));
    backend = await BackendServer.create(folder, orthanc, database, {}, { file, secure_cookies: false });
    const configuration = JSON.parse(readFileSync(backend.file, 'utf8')) as object;
    const reports = { store_to_orthanc: true, language: 'de', institution: 'Teststandort' };
    writeFileSync(backend.file, JSON.stringify({ ...configuration, reports }));
    await backend.start();
    await until('it is ready', async () => (await backend.request('/readyz')).ok);
    const image = series(1, { patientId: 'R-1', patientName: 'Beispiel^Ä', characterSet: 'ISO_IR 192' });
    studyUid = image[0]?.studyUid ?? '';
    study = (await orthanc.store(image))[0]?.ParentStudy ?? '';
    await backend.poke();
    await until('the study is recorded', async () => (await backend.request(`/api/studies/${study}`)).ok);
    for (const [name] of PEOPLE) sessions.set(name, await login(name));
  });
  afterAll(async () => {
    await backend.stop();
    await orthanc.stop();
    await database.close();
    folder.remove();
  });

  const address = (path: string): string => `http://127.0.0.1:${String(backend.port)}${path}`;

  async function login(user: Name): Promise<{ cookie: string; csrf: string }> {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ user, password: PASSWORD });
    const answer = await fetch(address('/api/session'), { method: 'POST', headers, body });
    const { csrf } = (await answer.json()) as { csrf: string };
    return { cookie: answer.headers.getSetCookie()[0]?.split(';')[0] ?? '', csrf };
  }

  async function ask(who: Name, method: string, path: string, body?: object): Promise<Response> {
    const { cookie = '', csrf = '' } = sessions.get(who) ?? {};
    return fetch(address(path), {
      method,
      headers: { cookie, 'x-csrf-token': csrf, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(60_000),
    });
  }

  async function good<T>(who: Name, method: string, path: string, body?: object): Promise<T> {
    const answer = await ask(who, method, path, body);
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} as ${who}: ${String(answer.status)} ${text}`);
    return JSON.parse(text) as T;
  }

  const begin = async (who: Name = 'radiologist'): Promise<Report> =>
    (await good<{ report: Report }>(who, 'POST', `/api/studies/${study}/reports`, { id: randomUUID() })).report;
  const read = async (who: Name, id: string): Promise<Report> =>
    (await good<{ report: Report }>(who, 'GET', `/api/reports/${id}`)).report;
  const revisionOf = async (id: string): Promise<number> => (await read('radiologist', id)).draft?.revision ?? 0;
  const save = (
    revision: number,
    fields: Record<string, string>,
    editor: string = randomUUID(),
    sequence = 1,
  ): object => ({
    revision,
    editor,
    sequence,
    fields,
  });

  async function signed(findings: string): Promise<Report> {
    const { id, draft } = await begin();
    const fields = { findings, impression: 'i' };
    await good('radiologist', 'PUT', `/api/reports/${id}/draft`, save(draft?.revision ?? 0, fields));
    const open = Object.entries((await read('radiologist', id)).draft?.fields ?? {}).filter(([, it]) => !it.confirmed);
    const body = { revision: await revisionOf(id), fields: open.map(([key]) => key) };
    await good('radiologist', 'POST', `/api/reports/${id}/confirm`, body);
    return good('radiologist', 'POST', `/api/reports/${id}/sign`, { revision: await revisionOf(id) });
  }

  const inOrthanc = async (uid: string): Promise<string[]> => {
    const all = await orthanc.json<{ ID: string; MainDicomTags: { SOPInstanceUID: string } }[]>('/instances?expand');
    return all.filter((it) => it.MainDicomTags.SOPInstanceUID === uid).map((it) => it.ID);
  };

  it('are begun, confirmed, signed and amended; every version stays, and the trail tells who', async () => {
    const { id, draft, may } = await begin('technologist');
    expect(may).toEqual({ save: true, confirm: false, preliminary: false, sign: false, amend: false });
    expect(draft?.fields.examination).toMatchObject({ confirmed: false, by: null });
    const revision = draft?.revision ?? 0;
    await good('technologist', 'PUT', `/api/reports/${id}/draft`, save(revision, { indication: 'Sturz' }));
    expect((await ask('viewer', 'GET', `/api/reports/${id}`)).status).toBe(404);
    expect((await ask('technologist', 'POST', `/api/reports/${id}/sign`, { revision: 2 })).status).toBe(403);

    const text = '<script>alert(1)</script>\n=1+1 \u202E שלום 😀';
    const fields = { findings: text, impression: 'erste Fassung' };
    await good('radiologist', 'PUT', `/api/reports/${id}/draft`, save(await revisionOf(id), fields));
    const early = await ask('radiologist', 'POST', `/api/reports/${id}/sign`, { revision: await revisionOf(id) });
    expect(early.status).toBe(409);
    expect(await early.text()).toContain('is not confirmed');

    await good('radiologist', 'POST', `/api/reports/${id}/preliminary`, { revision: await revisionOf(id) });
    const preliminary = await read('viewer', id);
    expect(preliminary.draft).toBeNull();
    expect(preliminary).toMatchObject({ subject: { patient_id: 'R-1', patient_name: 'Beispiel^Ä' } });
    expect(preliminary.published).toMatchObject({ version: 1, state: 'preliminary', delivery: null });
    const late = await ask('technologist', 'PUT', `/api/reports/${id}/draft`, save(3, { findings: 'zu spät' }));
    expect(late.status).toBe(409);
    expect((await read('radiologist', id)).draft?.conflicts).toMatchObject([{ field: 'findings', value: 'zu spät' }]);
    const [conflict] = (await read('radiologist', id)).draft?.conflicts ?? [];
    const settle = { ...save(await revisionOf(id), {}), resolved: [conflict?.id] };
    await good('radiologist', 'PUT', `/api/reports/${id}/draft`, settle);

    const body = { revision: await revisionOf(id), fields: ['examination', 'technique'] };
    await good('radiologist', 'POST', `/api/reports/${id}/confirm`, body);
    const old = await ask('radiologist', 'POST', `/api/reports/${id}/sign`, { revision: 1 });
    expect(old.status).toBe(409);
    const it = await good<Report>('radiologist', 'POST', `/api/reports/${id}/sign`, { revision: await revisionOf(id) });
    expect(it).toMatchObject({ state: 'signed', version: 2, published: { by: 'radiologist', state: 'signed' } });
    expect((await ask('second', 'PUT', `/api/reports/${id}/draft`, save(9, { findings: 'x' }))).status).toBe(409);

    expect(
      (await ask('second', 'POST', `/api/reports/${id}/amend`, { revision: it.draft?.revision, reason: ' ' })).status,
    ).toBe(400);
    const again = { revision: it.draft?.revision, reason: 'Seite berichtigt' };
    await good('second', 'POST', `/api/reports/${id}/amend`, again);
    const conflicts = (await read('second', id)).draft?.conflicts ?? [];
    const change = {
      ...save(await revisionOf(id), { impression: 'zweite Fassung' }),
      resolved: conflicts.map((one) => one.id),
    };
    await good('second', 'PUT', `/api/reports/${id}/draft`, change);
    expect((await read('viewer', id)).published).toMatchObject({ version: 2, state: 'signed' });
    await good('second', 'POST', `/api/reports/${id}/sign`, { revision: await revisionOf(id) });

    const { items } = await good<{ items: Version[] }>('viewer', 'GET', `/api/reports/${id}/versions`);
    expect(items.map((one) => [one.version, one.state, one.by, one.reason])).toEqual([
      [3, 'amended', 'second', 'Seite berichtigt'],
      [2, 'signed', 'radiologist', null],
      [1, 'preliminary', 'radiologist', null],
    ]);
    const texts = items.map((one) => one.sections.flatMap((part) => part.fields));
    expect(texts.map((all) => all.find((one) => one.id === 'impression')?.text)).toEqual([
      'zweite Fassung',
      'erste Fassung',
      'erste Fassung',
    ]);
    expect(texts[1]?.find((one) => one.id === 'findings')?.text).toBe(text);

    const pdf = await ask('viewer', 'GET', `/api/reports/${id}/versions/2/pdf`);
    expect(pdf.headers.get('content-type')).toBe('application/pdf');
    const printed = textOfPdf(Buffer.from(await pdf.arrayBuffer()), folder.path);
    for (const one of [
      'Teststandort',
      'Beispiel, Ä',
      'Unterschrieben von',
      '<script>alert(1)</script>',
      'erste Fassung',
    ]) {
      expect(printed).toContain(one);
    }
    const trail = await backend.json<{ items: { event: string; user: string }[] }>(
      `/api/audit?limit=500&study_instance_uid=${studyUid}`,
    );
    const found = trail.items.filter((one) => one.event.startsWith('report_') && one.event !== 'report_read');
    expect(found.map((one) => [one.event, one.user])).toEqual([
      ['report_amended', 'second'],
      ['report_signed', 'radiologist'],
      ['report_preliminary', 'radiologist'],
      ['report_created', 'technologist'],
    ]);
    // The report, its versions and a PDF, in one go.
    expect(trail.items.filter((one) => one.event === 'report_read' && one.user === 'viewer')).toHaveLength(1);
    for (const one of ['Sturz', 'erste Fassung', 'Beispiel']) expect(backend.output).not.toContain(one);
  });

  it('are begun once, however often the call is repeated, and by people alone', async () => {
    const body = { id: randomUUID() };
    await Promise.all([1, 2, 3].map(async () => ask('radiologist', 'POST', `/api/studies/${study}/reports`, body)));
    const page = await good<{ items: { id: string }[] }>(
      'radiologist',
      'GET',
      `/api/studies/${study}/reports?limit=500`,
    );
    expect(page.items.filter((it) => it.id === body.id)).toHaveLength(1);
    expect((await ask('second', 'POST', `/api/studies/${study}/reports`, body)).status).toBe(409);
    const headers = { authorization: `Bearer ${TOKENS.operator}`, 'content-type': 'application/json' };
    const program = { method: 'POST', headers, body: JSON.stringify({ id: randomUUID() }) };
    expect((await backend.request(`/api/studies/${study}/reports`, program)).status).toBe(403);
  });

  it('of two people at once have both texts: in different fields merged, in the same one side by side', async () => {
    const { id, draft } = await begin();
    const revision = draft?.revision ?? 0;
    const [one, two] = [randomUUID(), randomUUID()];
    const [here, there] = await Promise.all([
      ask('radiologist', 'PUT', `/api/reports/${id}/draft`, save(revision, { findings: 'from one' }, one)),
      ask('second', 'PUT', `/api/reports/${id}/draft`, save(revision, { impression: 'from two' }, two)),
    ]);
    expect([here.status, there.status]).toEqual([200, 200]);
    const both = (await read('radiologist', id)).draft?.fields;
    expect([both?.findings?.value, both?.impression?.value]).toEqual(['from one', 'from two']);

    const late = await ask(
      'second',
      'PUT',
      `/api/reports/${id}/draft`,
      save(revision, { findings: 'also two' }, two, 2),
    );
    expect(late.status).toBe(409);
    expect(late.headers.get('content-type')).toContain('application/problem+json');
    expect(await late.json()).toMatchObject({
      clashes: [{ field: 'findings', value: 'also two', other: 'from one', other_by: 'radiologist' }],
      report: { draft: { fields: { findings: { value: 'from one' } } } },
    });
    const kept = (await read('radiologist', id)).draft?.conflicts ?? [];
    expect(kept).toMatchObject([{ field: 'findings', value: 'also two', by: 'second', other: 'from one' }]);
    const chosen = save(await revisionOf(id), { findings: 'from one, also two' }, two, 3);
    await good('second', 'PUT', `/api/reports/${id}/draft`, { ...chosen, resolved: kept.map((it) => it.id) });
    expect((await read('radiologist', id)).draft).toMatchObject({
      conflicts: [],
      fields: { findings: { value: 'from one, also two', by: 'second' } },
    });

    const sign = { editor: one, field: 'findings' };
    await good('radiologist', 'POST', `/api/reports/${id}/presence`, sign);
    const seen = await good<{ others: object[] }>('second', 'POST', `/api/reports/${id}/presence`, {
      editor: two,
      field: null,
    });
    expect(seen.others).toMatchObject([{ user: 'radiologist', field: 'findings' }]);
  });

  it('lose nothing that was acknowledged when the backend is killed while it saves', async () => {
    const { id } = await begin();
    const editor = randomUUID();
    let acknowledged = 0;
    let sent = 0;
    for (let round = 0; round < 3; round++) {
      let kill: NodeJS.Timeout | undefined;
      for (;;) {
        sent += 1;
        try {
          const body = save(1, { findings: `text ${String(sent)}` }, editor, sent);
          const answer = await ask('radiologist', 'PUT', `/api/reports/${id}/draft`, body);
          if (!answer.ok) break;
          acknowledged = sent;
          kill ??= setTimeout(() => {
            backend.signal('SIGKILL');
          }, 400);
        } catch {
          break;
        }
      }
      clearTimeout(kill);
      await backend.stop('SIGKILL');
      await backend.start();
      await until('it is ready', async () => (await backend.request('/readyz')).ok);
      const value = (await read('radiologist', id)).draft?.fields.findings?.value ?? '';
      const stored = Number(/^text (\d+)$/.exec(value)?.[1]);
      expect(acknowledged).toBeGreaterThan(0);
      expect(stored).toBeGreaterThanOrEqual(acknowledged);
      expect(stored).toBeLessThanOrEqual(sent);
    }
  });

  it('that are signed while Orthanc is down get there later, once, as Encapsulated PDF of the study', async () => {
    await orthanc.stop();
    const { id, published } = await signed('während Orthanc steht');
    expect(published?.delivery?.state).toBe('waiting');
    await until('a try failed', async () => {
      const { delivery } = (await read('radiologist', id)).published ?? {};
      return delivery?.last_error?.includes('Orthanc does not answer');
    });
    await backend.stop('SIGKILL');
    await backend.start();
    await orthanc.start();
    await until(
      'it is stored',
      async () => (await read('radiologist', id)).published?.delivery?.state === 'stored',
      60,
    );
    const uid = instanceUid(`${id}:1`);
    const [found, ...more] = await inOrthanc(uid);
    expect(more).toEqual([]);
    const tags = await orthanc.json<Record<string, string>>(`/instances/${found ?? ''}/simplified-tags`);
    expect(tags).toMatchObject({
      SOPClassUID: '1.2.840.10008.5.1.4.1.1.104.1',
      StudyInstanceUID: studyUid,
      PatientID: 'R-1',
      PatientName: 'Beispiel^Ä',
      VerificationFlag: 'VERIFIED',
    });
    const parent = await orthanc.json<{ ID: string }>(`/instances/${found ?? ''}/study`);
    expect(parent.ID).toBe(study);
    const pdf = await orthanc.request(`/instances/${found ?? ''}/pdf`);
    expect(
      Buffer.from(await pdf.arrayBuffer())
        .subarray(0, 5)
        .toString(),
    ).toBe('%PDF-');

    // As if the answer to the storing had been lost.
    await database.db
      .collection('report_outbox')
      .updateOne({ sop_instance_uid: uid }, { $set: { state: 'waiting', next_at: new Date() } });
    await until(
      'it is stored again',
      async () => (await read('radiologist', id)).published?.delivery?.state === 'stored',
    );
    expect(await inOrthanc(uid)).toHaveLength(1);
  });

  it('begin with what an analysis found, and are not signed before somebody confirmed it', async () => {
    const results = database.db.collection<{ _id: string; study: string }>('analysis_results');
    const provider = { id: 'quality', version: '1.0', title: 'Quality', kind: 'measurement' };
    const measurements = [{ name: 'snr', title: 'SNR', value: 12, unit: '1', reference: null }];
    const analysis = { statement: 'Measurement, not a diagnosis', findings: [], measurements, not_examined: [] };
    await results.insertOne({ _id: 'r', study, ...{ at: new Date(), provider, analysis } });
    const { id, draft } = await begin();
    expect(draft?.fields.measurements).toMatchObject({ confirmed: false, by: null });
    expect(draft?.fields.measurements?.value).toContain('SNR: 12\n');
    const body = { revision: await revisionOf(id), fields: ['examination', 'technique'] };
    await good('radiologist', 'POST', `/api/reports/${id}/confirm`, body);
    const text = save(await revisionOf(id), { findings: 'f', impression: 'i' });
    await good('radiologist', 'PUT', `/api/reports/${id}/draft`, text);
    const early = await ask('radiologist', 'POST', `/api/reports/${id}/sign`, { revision: await revisionOf(id) });
    expect(await early.json()).toMatchObject({ status: 409, errors: [{ where: 'measurements' }] });
    await results.deleteOne({ _id: 'r' });
  });

  it('finish a version that was begun before a crash', async () => {
    const { id, published } = await signed('halb');
    const reports = database.db.collection<{ _id: string }>('reports');
    const versions = database.db.collection<{ _id: string; at: Date }>('report_versions');
    const version = await versions.findOne({ _id: `${id}:1` });
    const trail = database.db.collection('audit');
    const entry = await trail.findOne({ event: 'report_signed' }, { sort: { at: -1, _id: -1 } });
    await versions.deleteOne({ _id: `${id}:1` });
    const pending = { version, store: false, address: '127.0.0.1', audit_id: entry?._id };
    await reports.updateOne({ _id: id }, { $set: { pending } });
    const before = await trail.countDocuments({ event: 'report_signed' });
    expect((await read('viewer', id)).published?.sections).toEqual(published?.sections);
    expect(await versions.countDocuments({ report_id: id })).toBe(1);
    expect(await trail.countDocuments({ event: 'report_signed' })).toBe(before);
    expect(await reports.findOne({ _id: id })).toMatchObject({ pending: null });
  });
});
