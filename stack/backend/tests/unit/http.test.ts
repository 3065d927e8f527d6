/** Who may call what, and what errors look like: the real server, with a database that is not there. */
import type { InjectOptions, LightMyRequestResponse } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CatalogueKeeper } from '../../src/catalogue/keeper.ts';
import { ROLES, type Role } from '../../src/config.ts';
import { Worker } from '../../src/delivery/worker.ts';
import { ACCESS, mayCall, type RouteKey } from '../../src/http/access.ts';
import { createApp, type App } from '../../src/http/app.ts';
import { createLog } from '../../src/log.ts';
import { Metrics } from '../../src/metrics.ts';
import { Orthanc } from '../../src/orthanc.ts';
import { Reports } from '../../src/reports/reports.ts';
import { openStore, type Store } from '../../src/store/database.ts';

const token = (role: Role): string => `token-of-${role}-0123456789`;
/** Discard (RFC 863): nothing listens there on loopback. */
const NOBODY = 9;

let app: App;
let store: Store;
const registered: string[] = [];

beforeAll(async () => {
  const log = createLog('fatal', 'test');
  const metrics = new Metrics();
  store = openStore({
    host: '127.0.0.1',
    port: NOBODY,
    name: 'x',
    username: null,
    password: null,
    authSource: null,
    directConnection: true,
    replicaSet: null,
    tls: false,
    tlsCaFile: null,
  });
  const orthanc = new Orthanc({
    url: new URL(`http://127.0.0.1:${String(NOBODY)}`),
    username: null,
    password: null,
    ca: null,
    sharedIndex: false,
  });
  const delivery = { pollSeconds: 5, reconcileMinutes: 15, batchSize: 10, settleMilliseconds: 0, stableSeconds: 60 };
  const worker = new Worker({ holder: 'test', sharedIndex: false, orthanc, store, log, metrics, ...delivery });
  const config = {
    environment: { name: 'test', kind: 'development' as const },
    credentials: ROLES.map((role) => ({ name: role, role, token: token(role) })),
    trustedProxies: [],
    people: { list: [], secureCookies: false, idleMinutes: 30, longestHours: 12 },
    delivery,
  };
  const written = { storeToOrthanc: false, language: 'en', institution: null } as const;
  const reports = new Reports(store, written, () => undefined);
  app = await createApp({ config, store, catalogue: new CatalogueKeeper(store, log), worker, metrics, reports, log });
  await app.ready();
  const printed = app.printRoutes({ commonPrefix: false });
  registered.push(...printed.split('\n'));
});
afterAll(async () => {
  await app.close();
  await store.client.close();
});

const REPORT = '/api/reports/488b66f6-c516-4282-a3d7-e5820a044c5b';
const EDITOR = '0b1ac1b2-66a4-4f0b-9f6c-6c8a6d7e8f90';
const VERIFICATION = {
  environment: 'test',
  run_by: 'me@host',
  started_at: '2026-01-01T00:00:00Z',
  finished_at: '2026-01-01T00:01:00Z',
  checks: [{ id: 'a', title: 'A', group: 'positive', outcome: 'passed', expected: 'x', seen: 'x', hint: null }],
  refused_associations: null,
};
const EXAMPLES: Partial<Record<RouteKey, Partial<InjectOptions>>> = {
  'POST /api/orthanc/webhook': { payload: { id: 'x', event: 'OnStoredInstance' } },
  'POST /api/session': { payload: { user: 'x', password: 'y' } },
  'GET /api/events': { payloadAsStream: true },
  'GET /api/instances': { query: { sop_instance_uid: '1.2.3' } },
  'GET /api/docs/:asset': { url: '/api/docs/swagger-ui.css' },
  'POST /api/studies/:id/reports': { payload: { id: EDITOR } },
  'GET /api/reports/:id': { url: REPORT },
  'PUT /api/reports/:id/draft': {
    url: `${REPORT}/draft`,
    payload: { revision: 1, editor: EDITOR, sequence: 1, fields: {} },
  },
  'POST /api/reports/:id/presence': { url: `${REPORT}/presence`, payload: { editor: EDITOR, field: null } },
  'POST /api/reports/:id/confirm': { url: `${REPORT}/confirm`, payload: { revision: 1, fields: ['findings'] } },
  'POST /api/reports/:id/preliminary': { url: `${REPORT}/preliminary`, payload: { revision: 1 } },
  'POST /api/reports/:id/sign': { url: `${REPORT}/sign`, payload: { revision: 1 } },
  'POST /api/reports/:id/amend': { url: `${REPORT}/amend`, payload: { revision: 1, reason: 'x' } },
  'POST /api/reports/:id/analyses': {
    url: `${REPORT}/analyses`,
    payload: { revision: 1, field: 'measurements', digest: '0'.repeat(64), take: true },
  },
  'GET /api/audit/export': { query: { format: 'csv' } },
  'PUT /api/status/verification': { payload: VERIFICATION },
  'GET /api/reports/:id/versions': { url: `${REPORT}/versions` },
  'GET /api/reports/:id/versions/:n/pdf': { url: `${REPORT}/versions/1/pdf` },
  'POST /api/studies/:id/analyses': { payload: { provider: 'image_quality' } },
  'POST /api/analyses/:id/retry': { url: `/api/analyses/${'0'.repeat(64)}/retry` },
  'GET /api/orthanc/sync/:id': { url: '/api/orthanc/sync/488b66f6-c516-4282-a3d7-e5820a044c5b' },
};

async function call(key: RouteKey, authorization?: string): Promise<LightMyRequestResponse> {
  const [method, url] = key.split(' ') as ['GET' | 'POST' | 'PUT' | 'DELETE', string];
  const answer = await app.inject({
    method,
    url: url.replace(':id', '1.2.3'),
    ...EXAMPLES[key],
    headers: authorization === undefined ? {} : { authorization },
  });
  if (EXAMPLES[key]?.payloadAsStream === true) answer.stream().destroy();
  return answer;
}

const KEYS = Object.keys(ACCESS) as RouteKey[];

describe('access', () => {
  it('has a row for each route and a route for each row', () => {
    for (const key of KEYS) {
      const [method, url] = key.split(' ') as ['GET' | 'POST' | 'PUT' | 'DELETE', string];
      expect(app.hasRoute({ method, url }), key).toBe(true);
    }
    expect(() => app.get('/api/secret', () => 'x')).toThrow();
  });

  it('is as the table says, for every route and role', async () => {
    const checks = KEYS.flatMap((key) => [undefined, ...ROLES].map((role) => ({ key, role })));
    await Promise.all(
      checks.map(async ({ key, role }) => {
        const { statusCode } = await call(key, role === undefined ? undefined : `Bearer ${token(role)}`);
        const where = `${key} as ${role ?? 'nobody'}`;
        if (role === undefined && ACCESS[key] !== null) expect(statusCode, where).toBe(401);
        else if (role !== undefined && !mayCall(role, key)) expect(statusCode, where).toBe(403);
        else expect([200, 202, 204, 503], where).toContain(statusCode);
      }),
    );
  });

  it('states who may poke, read and supervise', () => {
    const allowed = (role: Role): RouteKey[] => KEYS.filter((key) => ACCESS[key] !== null && mayCall(role, key));
    expect(allowed('webhook')).toEqual(['POST /api/orthanc/webhook']);
    expect(KEYS.filter((key) => key === 'GET /api/audit' && mayCall('radiologist', key))).toEqual([]);
    expect(allowed('monitor')).toEqual([
      'GET /api/session/check',
      'DELETE /api/session',
      'GET /metrics',
      'GET /api/status',
      'GET /api/docs',
      'GET /api/docs/json',
      'GET /api/docs/:asset',
    ]);
    expect(allowed('viewer')).not.toContain('POST /api/orthanc/sync');
    expect(allowed('viewer')).not.toContain('GET /metrics');
    expect(KEYS.filter((key) => ACCESS[key] === null)).toEqual([
      'GET /healthz',
      'GET /readyz',
      'POST /api/session',
      'GET /api/session',
    ]);
  });

  it.each([
    'Bearer',
    'Bearer ',
    'Bearer wrong-token-0123456789',
    `Basic ${Buffer.from('a:b').toString('base64')}`,
    `Bearer ${token('viewer')} x`,
    `Bearer ${token('viewer').slice(0, -1)}`,
    `Bearer ${'x'.repeat(5000)}`,
  ])('refuses %j', async (header) => {
    const answer = await call('GET /api/studies', header);
    expect(answer.statusCode).toBe(401);
    expect(answer.headers['www-authenticate']).toBe('Bearer');
    expect(answer.headers['content-type']).toBe('application/problem+json');
  });
});

describe('answers', () => {
  const asViewer = { authorization: `Bearer ${token('viewer')}` };

  it('to an unknown address are 404 for who is known, 401 for others', async () => {
    expect((await app.inject({ url: '/api/nothing', headers: asViewer })).json()).toMatchObject({ status: 404 });
    expect((await app.inject({ url: '/api/nothing' })).statusCode).toBe(401);
    expect((await app.inject({ method: 'DELETE', url: '/api/studies', headers: asViewer })).statusCode).toBe(404);
  });

  it('to a bad query name each violation', async () => {
    const answer = await app.inject({ url: '/api/studies?limit=x&color=red', headers: asViewer });
    expect(answer.statusCode).toBe(400);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(answer.json<{ errors: unknown[] }>().errors).toHaveLength(2);
  });

  it.each([
    ['{', 'application/json', 400],
    ['{"id":"x"}', 'application/json', 400],
    ['{"id":"x","event":"y"}', 'text/plain', 415],
    [`{"id":"${'x'.repeat(20_000)}","event":"y"}`, 'application/json', 413],
    ['{"__proto__":{"a":1},"id":"x","event":"y"}', 'application/json', 400],
  ])('to a bad webhook %#', async (payload, type, status) => {
    const headers = { authorization: `Bearer ${token('webhook')}`, 'content-type': type };
    const answer = await app.inject({ method: 'POST', url: '/api/orthanc/webhook', headers, payload });
    expect(answer.statusCode).toBe(status);
    expect(answer.headers['content-type']).toBe('application/problem+json');
  });

  it('to a webhook echo its id and need neither Orthanc nor the database', async () => {
    const started = performance.now();
    const answer = await call('POST /api/orthanc/webhook', `Bearer ${token('webhook')}`);
    expect(answer.statusCode).toBe(202);
    expect(answer.json()).toEqual({ ack: 'x' });
    expect(performance.now() - started).toBeLessThan(3_000);
  });

  it('say why it is not ready', async () => {
    const answer = await app.inject('/readyz');
    expect(answer.statusCode).toBe(503);
    expect(answer.json<{ problems: string[] }>().problems.join()).toContain('the database does not answer');
    expect((await app.inject('/healthz')).json()).toEqual({ alive: true });
  });

  it('without the database are 503 and tell no insides', async () => {
    const answer = await app.inject({ url: '/api/studies', headers: asViewer });
    expect(answer.statusCode).toBe(503);
    expect(answer.body).not.toContain('at ');
  });

  it('describe themselves', async () => {
    const answer = await app.inject({ url: '/api/docs/json', headers: asViewer });
    const paths = Object.keys(answer.json<{ paths: object }>().paths);
    for (const key of KEYS.filter((it) => !it.includes('/api/docs'))) {
      expect(paths).toContain(key.split(' ')[1]?.replaceAll(/:(\w+)/g, '{$1}'));
    }
    const page = await app.inject({ url: '/api/docs', headers: asViewer });
    expect(page.body).not.toMatch(/(src|href)="(https?:)?\/\//);
    expect((await app.inject({ url: '/api/docs/..%2Fx', headers: asViewer })).statusCode).toBe(404);
  });
});
