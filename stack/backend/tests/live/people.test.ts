/** People log in, look, are told what is new, and log out; what they did is written down. On the real database. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashPassword } from '../../src/people/passwords.ts';
import { series } from './dicom.ts';
import { available, BackendServer, DatabaseServer, Folder, OrthancServer, TOKENS, until } from './servers.ts';

const PASSWORD = 'correct horse battery staple';
const PEOPLE = ['viewer', 'radiologist', 'technologist', 'administrator'] as const;

interface Session {
  user: string;
  role: string;
  csrf: string;
}
interface Entry {
  event: string;
  outcome: number;
  user: string;
  role: string | null;
  study_instance_uid: string | null;
  patient_id: string | null;
  event_id: { code: string };
}

describe.skipIf(!available)('people', () => {
  let folder: Folder;
  let orthanc: OrthancServer;
  let database: DatabaseServer;
  let backend: BackendServer;

  beforeAll(async () => {
    folder = new Folder();
    [orthanc, database] = await Promise.all([OrthancServer.start(folder), DatabaseServer.start(folder)]);
    const file = join(folder.sub('people'), 'people.json');
    const people = await Promise.all(
      PEOPLE.map(async (role) => ({ name: `a.${role}`, role, password: await hashPassword(PASSWORD) })),
    );
    writeFileSync(file, JSON.stringify({ people }));
    backend = await BackendServer.create(folder, orthanc, database, {}, { file, secure_cookies: false });
    await backend.start();
    await until('it is ready', async () => (await backend.request('/readyz')).ok);
  });
  afterAll(async () => {
    await backend.stop();
    await orthanc.stop();
    await database.close();
    folder.remove();
  });

  /** A request as a browser makes it: with a cookie, without a token. */
  async function browse(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`http://127.0.0.1:${String(backend.port)}${path}`, { ...init, signal: AbortSignal.timeout(60_000) });
  }

  async function login(user: string, password: string): Promise<Response> {
    const headers = { 'content-type': 'application/json' };
    return browse('/api/session', { method: 'POST', headers, body: JSON.stringify({ user, password }) });
  }

  const cookieOf = (answer: Response): string => answer.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  const trail = async (query = ''): Promise<Entry[]> =>
    (await backend.json<{ items: Entry[] }>(`/api/audit?limit=500${query}`)).items;

  it('log in with a cookie that scripts cannot read, and out again', async () => {
    const answer = await login('a.viewer', PASSWORD);
    expect(answer.status).toBe(201);
    const session = (await answer.json()) as Session;
    expect(session).toMatchObject({ user: 'a.viewer', role: 'viewer' });
    expect(answer.headers.getSetCookie()).toHaveLength(1);
    expect(answer.headers.getSetCookie()[0]).toMatch(/^orthancgen=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
    const cookie = cookieOf(answer);
    expect((await browse('/api/studies', { headers: { cookie } })).status).toBe(200);
    expect((await browse('/api/audit', { headers: { cookie } })).status).toBe(403);
    expect((await browse('/api/session', { method: 'DELETE', headers: { cookie } })).status).toBe(403);
    const headers = { cookie, 'x-csrf-token': session.csrf };
    expect((await browse('/api/session', { method: 'DELETE', headers })).status).toBe(204);
    expect((await browse('/api/studies', { headers: { cookie } })).status).toBe(401);
    const stored = JSON.stringify(await database.db.collection('sessions').find().toArray());
    expect(stored).not.toContain(cookie.split('=')[1]);
  });

  it('are refused without a hint whether user or password was wrong, and then have to wait', async () => {
    const wrong = await login('a.technologist', 'wrong');
    const unknown = await login('nobody', 'wrong');
    expect([wrong.status, unknown.status]).toEqual([401, 401]);
    expect(await wrong.text()).toBe(await unknown.text());
    for (let n = 0; n < 4; n++) await login('a.technologist', 'wrong');
    const blocked = await login('a.technologist', PASSWORD);
    expect(blocked.status).toBe(429);
    expect(Number(blocked.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await login('a.radiologist', PASSWORD)).status).toBe(201);
    const refused = (await trail('&event=login')).filter((it) => it.outcome === 4).map((it) => it.user);
    expect(new Set(refused)).toEqual(new Set(['a.technologist', 'unknown']));
    expect(JSON.stringify(await trail())).not.toContain('nobody');
  });

  it('stay logged in while the backend starts anew', async () => {
    const cookie = cookieOf(await login('a.radiologist', PASSWORD));
    await backend.stop();
    await backend.start();
    await until('the session is known', async () => (await browse('/api/studies', { headers: { cookie } })).ok);
  });

  it('are told of a new study within a second, and that they opened it is written down', async () => {
    const cookie = cookieOf(await login('a.radiologist', PASSWORD));
    const events = await fetch(`http://127.0.0.1:${String(backend.port)}/api/events`, { headers: { cookie } });
    expect(events.headers.get('content-type')).toBe('text/event-stream');
    const reader = events.body?.pipeThrough(new TextDecoderStream()).getReader();
    if (reader === undefined) throw new Error('no body');
    await reader.read(); // the comment that opens the stream
    await new Promise((resolve) => setTimeout(resolve, 700)); // what was there before is told once, to nobody
    const [stored] = await orthanc.store(series(1, { patientId: 'NEWS', patientName: 'News^Of' }));
    await backend.poke();
    const at = performance.now();
    let text = '';
    while (!text.includes(stored?.ParentStudy ?? 'none')) text += (await reader.read()).value ?? '';
    expect(performance.now() - at).toBeLessThan(5_000);
    expect(text).toContain('event: studies');
    await reader.cancel();

    const id = stored?.ParentStudy ?? '';
    expect((await browse(`/api/studies/${id}`, { headers: { cookie } })).status).toBe(200);
    expect((await backend.request(`/api/studies/${id}`)).status).toBe(200); // a program: no person opened it
    const opened = await trail('&event=study_opened');
    expect(opened).toHaveLength(1);
    expect(opened[0]).toMatchObject({ user: 'a.radiologist', role: 'radiologist', patient_id: 'NEWS', outcome: 0 });
    expect(opened[0]?.event_id.code).toBe('110103');
  });

  it('of a removed study are told too', async () => {
    const [stored] = await orthanc.store(series(1, { patientId: 'GONE', patientName: 'Gone^Soon' }));
    await backend.poke();
    await until('it is recorded', async () => (await backend.request(`/api/studies/${stored?.ParentStudy ?? ''}`)).ok);
    const cookie = cookieOf(await login('a.viewer', PASSWORD));
    const events = await fetch(`http://127.0.0.1:${String(backend.port)}/api/events`, { headers: { cookie } });
    const reader = events.body?.pipeThrough(new TextDecoderStream()).getReader();
    await reader?.read();
    await new Promise((resolve) => setTimeout(resolve, 700));
    await orthanc.delete(`/studies/${stored?.ParentStudy ?? ''}`);
    await backend.poke();
    const news = (await reader?.read())?.value ?? '';
    expect(news).toMatch(/"total":\d+/);
    await reader?.cancel();
  });

  it('cannot use what is for programs, and a wrong token is not mended by a cookie', async () => {
    const cookie = cookieOf(await login('a.administrator', PASSWORD));
    const headers = { cookie, authorization: `Bearer ${TOKENS.webhook}x` };
    expect((await browse('/api/studies', { headers })).status).toBe(401);
    expect((await browse('/api/audit', { headers: { cookie } })).status).toBe(200);
  });
});
