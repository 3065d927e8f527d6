/** Who may do what: every route by every caller, tried and compared with the table; and what the pages offer. */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ACCESS, mayCall, type RouteKey } from '../../../backend/src/http/access.ts';
import type { Role as BackendRole } from '../../../backend/src/config.ts';
import { series } from '../../../backend/tests/live/dicom.ts';
import { available } from '../../../backend/tests/live/servers.ts';
import { PROGRAMS, readyReport, SAMPLES, type Things } from './routes.ts';
import { loginIn, open, ROLES, Site, startBrowser } from './site.ts';

/** What a caller shows. */
interface Caller {
  readonly name: string;
  /** Null: nobody. */
  readonly role: BackendRole | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly program?: true;
  /** Whether a change lacks the session's token. */
  readonly csrf?: 'missing' | 'foreign';
}
interface Session {
  readonly cookie: string;
  readonly csrf: string;
}
/** What a path of the viewer's own answers to everybody, or to a person and to nobody. */
type Own = number | { readonly person: number; readonly nobody: number };

const KEYS = Object.keys(ACCESS) as RouteKey[];
const isSafe = (key: RouteKey): boolean => key.startsWith('GET ');
const PERSON: Own = { person: 200, nobody: 401 };
const ASSETS = fileURLToPath(new URL('../../dist/', import.meta.url));

describe.skipIf(!available)('who may do what', () => {
  let site: Site;
  let browser: Browser;
  let things: Things;
  let callers: Caller[] = [];
  const uids = { study: '', series: '', instance: '' };

  beforeAll(async () => {
    browser = await startBrowser();
    site = await Site.start((folder) => {
      const place = folder.sub('tokens');
      const credentials = PROGRAMS.map(({ name, role, token }) => {
        writeFileSync(join(place, name), `${token}\n`, { mode: 0o600 });
        return { name, role, token_file: join(place, name) };
      });
      // So that calls which do not come by the viewer have an address of their own, as in a deployment.
      return { credentials, trusted_proxies: ['127.0.0.1'] };
    });
    const [image] = series(1, { patientId: 'P-1', patientName: 'Sample^One' });
    if (image === undefined) throw new Error('no image');
    Object.assign(uids, { study: image.studyUid, series: image.seriesUid, instance: image.instanceUid });
    await site.orthanc.store([image]);
    await site.backend.poke();
    await site.recorded(image.studyUid);
    const record = await site.backend.json<{ id: string; parent_patient: string }>(`/api/studies/${image.studyUid}`);
    const writer = await site.session('radiologist');
    const signed = await readyReport(site, record.id, writer);
    const answer = await fetch(`${site.url}/api/reports/${signed.id}/sign`, {
      method: 'POST',
      headers: { cookie: writer.cookie, 'x-csrf-token': writer.csrf, 'content-type': 'application/json' },
      body: JSON.stringify({ revision: signed.revision }),
    });
    if (!answer.ok) throw new Error(await answer.text());
    things = {
      study: record.id,
      patient: record.parent_patient,
      series: image.seriesUid,
      instance: image.instanceUid,
      signed: signed.id,
      draft: (await readyReport(site, record.id, writer)).id,
      ready: async () => readyReport(site, record.id, writer),
    };
    callers = await all();
  }, 240_000);
  afterAll(async () => {
    await browser.close();
    await site.stop();
  });

  async function all(): Promise<Caller[]> {
    const people = await Promise.all(
      ROLES.map(async (role): Promise<Caller[]> => {
        const [own, other] = [await site.session(role), await site.session(role)];
        return [
          { name: role, role, headers: headersOf(own) },
          { name: `${role}, no token`, role, headers: { cookie: own.cookie }, csrf: 'missing' },
          {
            name: `${role}, token of another session`,
            role,
            headers: headersOf({ ...own, csrf: other.csrf }),
            csrf: 'foreign',
          },
        ];
      }),
    );
    const ended = await site.session('administrator', new Date(Date.now() - 13 * 60 * 60 * 1000));
    const out = await site.session('administrator');
    const left = await fetch(`${site.url}/api/session`, { method: 'DELETE', headers: headersOf(out) });
    if (left.status !== 204) throw new Error(`logging out answered ${String(left.status)}`);
    return [
      ...people.flat(),
      { name: 'nobody', role: null, headers: {} },
      { name: 'a session that has ended', role: null, headers: headersOf(ended) },
      { name: 'a session that was left', role: null, headers: headersOf(out) },
      { name: 'an invented session', role: null, headers: headersOf({ cookie: 'orthancgen=abc', csrf: 'abc' }) },
      { name: 'an unknown token', role: null, headers: { authorization: 'Bearer unknown-token-0123456789' } },
      ...PROGRAMS.map(({ name, role, token }): Caller => {
        return { name: `program ${name}`, role, headers: { authorization: `Bearer ${token}` }, program: true };
      }),
    ];
  }

  /** Tries one cell. Resolves to what was answered. */
  async function tried(base: string, key: RouteKey, caller: Caller, expected: number): Promise<number> {
    const { call, real, ends } = SAMPLES[key];
    const counts = expected < 300 || expected === 409;
    const { path, body } = counts && real !== undefined ? await real(things) : call(things);
    const own = ends === true && counts && caller.program === undefined && caller.role !== null;
    const headers = own ? headersOf(await site.session(caller.role as (typeof ROLES)[number])) : caller.headers;
    const answer = await fetch(`${base}${path}`, {
      method: key.split(' ')[0] ?? '',
      headers: {
        ...headers,
        ...(base === site.url ? {} : { 'x-forwarded-for': '127.0.0.2' }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      redirect: 'manual',
    });
    await answer.body?.cancel();
    return answer.status;
  }

  it('is decided by the table alone, at the backend and through the viewer', async () => {
    const wrong: string[] = [];
    let cells = 0;
    for (const way of ['backend', 'viewer'] as const) {
      const base = way === 'viewer' ? site.url : `http://127.0.0.1:${String(site.backend.port)}`;
      for (const key of KEYS) {
        if (way === 'viewer' && !key.includes('/api/')) continue; // not passed on: among the viewer's own, below
        const row = callers.map(async (caller) => {
          // The viewer is for browsers: a program's token does not pass.
          const seen = way === 'viewer' && caller.headers.authorization !== undefined ? NOBODY : caller;
          const expected = expectedOf(key, seen);
          const answered = await tried(base, key, caller, expected);
          if (answered === expected) return;
          wrong.push(`${way}: ${key} by ${caller.name}: ${String(answered)} instead of ${String(expected)}`);
        });
        await Promise.all(row);
        cells += row.length;
      }
    }
    console.log(`${String(cells)} cells tried: ${String(KEYS.length)} routes by ${String(callers.length)} callers`);
    expect(wrong).toEqual([]);
    const draft = await site.backend.json<{ report: { state: string; draft: { revision: number } } }>(
      `/api/reports/${things.draft}`,
    );
    // Only those who may write touched it: nobody signed it.
    expect(draft.report.state).toBe('draft');
  }, 300_000);

  it('is the same for everything that the viewer serves itself', async () => {
    const asset = readdirSync(join(ASSETS, 'app', 'assets'))[0] ?? '';
    const bundle = readdirSync(join(ASSETS, 'ohif')).find((it) => /^app\.bundle\..*\.js$/.test(it)) ?? '';
    const study = `/dicom-web/studies/${uids.study}`;
    const instance = `${study}/series/${uids.series}/instances/${uids.instance}`;
    const own: Readonly<Record<string, Own>> = {
      // Our pages hold nothing; what they show they ask for.
      ...Object.fromEntries(
        ['/', '/login', '/patients', `/patients/${things.patient}`, `/studies/${uids.study}`, '/status', '/audit']
          .concat(`/reports/${things.signed}`, `/ours/assets/${asset}`, '/healthz')
          .map((path) => [`GET ${path}`, 200]),
      ),
      [`GET /viewer?StudyInstanceUIDs=${uids.study}`]: PERSON,
      'GET /app-config.js': PERSON,
      [`GET /${bundle}`]: PERSON,
      'GET /dicom-web/studies': PERSON,
      [`GET /dicom-web/studies?StudyInstanceUID=${uids.study}`]: PERSON,
      [`GET ${study}`]: PERSON,
      [`GET ${study}/metadata`]: PERSON,
      [`GET ${study}/series`]: PERSON,
      [`GET ${study}/series/${uids.series}/metadata`]: PERSON,
      [`GET ${study}/series/${uids.series}/instances`]: PERSON,
      [`GET ${instance}`]: PERSON,
      [`GET ${instance}/metadata`]: PERSON,
      [`GET ${instance}/frames/1`]: PERSON,
      [`GET ${instance}/rendered`]: PERSON,
      'GET /dicom-web/studies/1.2.3': { person: 404, nobody: 401 },
      'GET /dicom-web/studies/1.2.3/metadata': { person: 404, nobody: 401 },
      'GET /nothing.js': { person: 404, nobody: 401 },
      'GET /metrics': { person: 404, nobody: 401 },
      'GET /readyz': { person: 404, nobody: 401 },
      ...Object.fromEntries(
        ['GET /dicom-web/servers', 'GET /dicom-web/series', 'GET /dicom-web/instances', 'GET /dicom-web/info']
          .concat(`POST /dicom-web/studies`, `POST ${study}`, `DELETE ${study}`, `PUT ${study}`, `PATCH ${study}`)
          .concat(`DELETE ${instance}`, 'POST /viewer', 'POST /', 'POST /login', 'DELETE /patients', `HEAD ${study}`)
          .map((it) => [it, 404]),
      ),
      // Orthanc's own paths, and ways around: they are addresses of nothing here.
      'GET /instances': { person: 404, nobody: 401 },
      'GET /system': { person: 404, nobody: 401 },
      'GET /dicom-web/studies/../../instances': { person: 404, nobody: 401 },
      'GET /dicom-web/studies/%2e%2e/%2e%2e/instances': { person: 404, nobody: 401 },
      [`GET ${study}/..%2f..%2f..%2finstances`]: 404,
    };
    const wrong: string[] = [];
    let cells = 0;
    const boundary = 'b';
    const stow = `--${boundary}\r\ncontent-type: application/dicom\r\n\r\nDICM\r\n--${boundary}--`;
    for (const [key, answers] of Object.entries(own)) {
      const [method = '', path = ''] = key.split(' ');
      const row = callers.map(async (caller) => {
        const person = caller.role !== null && caller.program === undefined;
        const expected = typeof answers === 'number' ? answers : person ? answers.person : answers.nobody;
        const answer = await fetch(`${site.url}${path}`, {
          method,
          headers: {
            ...caller.headers,
            ...(method === 'POST' ? { 'content-type': `multipart/related; type="application/dicom"; boundary=b` } : {}),
          },
          ...(method === 'POST' ? { body: stow } : {}),
          redirect: 'manual',
        });
        await answer.body?.cancel();
        if (answer.status === expected) return;
        wrong.push(`${key} by ${caller.name}: ${String(answer.status)} instead of ${String(expected)}`);
      });
      await Promise.all(row);
      cells += row.length;
    }
    console.log(`${String(cells)} cells tried: ${String(Object.keys(own).length)} paths by ${String(callers.length)}`);
    expect(wrong).toEqual([]);
    expect(await site.orthanc.json<string[]>('/instances')).toHaveLength(1);
  }, 240_000);

  it('is what the pages offer, and an address typed by hand gives no more', async () => {
    const may = (role: (typeof ROLES)[number], key: RouteKey): boolean => mayCall(role, key);
    let looks = 0;
    for (const role of ROLES) {
      const { page, errors, context } = await open(browser, site);
      await loginIn(page, site, role);
      const offers = async (name: string, kind: 'button' | 'link', expected: boolean): Promise<void> => {
        looks += 1;
        const place = page.getByRole(kind, { name, exact: false });
        if (expected) await place.first().waitFor();
        else expect(await place.count(), `${role}: ${name}`).toBe(0);
      };
      await offers('Audit trail', 'link', may(role, 'GET /api/audit'));
      await page.goto(`${site.url}/studies/${uids.study}`);
      await page.getByRole('heading', { name: 'Series' }).waitFor();
      await page.locator('.report-list a').first().waitFor();
      await offers('Begin a report', 'button', may(role, 'POST /api/studies/:id/reports'));
      await page.goto(`${site.url}/reports/${things.signed}`);
      await page.getByRole('heading', { name: 'History' }).waitFor();
      await offers('Amend', 'button', may(role, 'POST /api/reports/:id/amend'));
      await page.goto(`${site.url}/reports/${things.draft}`);
      if (role === 'viewer') {
        // A draft is not for it, whose text says so.
        await page.locator('main [role=alert]').waitFor();
        expect(await page.getByRole('textbox').count()).toBe(0);
      } else {
        await page.locator('main h1').waitFor();
        await page.waitForLoadState('networkidle').catch(() => undefined);
        await offers('Sign …', 'button', may(role, 'POST /api/reports/:id/sign'));
        expect((await page.locator('main textarea:not([readonly])').count()) > 0, role).toBe(
          may(role, 'PUT /api/reports/:id/draft'),
        );
        looks += 1;
      }
      for (const path of ['/audit', '/status']) {
        looks += 1;
        await page.goto(`${site.url}${path}`);
        const missing = page.getByText('There is no such page');
        if (may(role, 'GET /api/audit')) {
          await page.locator('main h1').waitFor();
          expect(await missing.count()).toBe(0);
        } else {
          await missing.waitFor();
        }
      }
      expect(
        errors.filter((it) => !/^40[34] .*\/api\/reports\//.test(it)),
        role,
      ).toEqual([]);
      await context.close();
    }
    console.log(`${String(looks)} looks at what the pages offer`);
  }, 300_000);
});

const NOBODY: Caller = { name: 'nobody', role: null, headers: {} };

const headersOf = ({ cookie, csrf }: Session): Readonly<Record<string, string>> => ({ cookie, 'x-csrf-token': csrf });

/** The answer by the table: who is it, is it a change that a page of ours makes, may the role, and then the route's. */
function expectedOf(key: RouteKey, caller: Caller): number {
  const { allowed, program, person } = SAMPLES[key];
  if (ACCESS[key] === null) return allowed;
  if (caller.role === null) return 401;
  if (caller.csrf !== undefined && !isSafe(key)) return 403;
  if (!mayCall(caller.role, key)) return 403;
  return (caller.program === true ? program : person) ?? allowed;
}
