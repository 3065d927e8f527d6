/** How each route of the backend is called for real, and what it answers to somebody who may. */
import { randomUUID } from 'node:crypto';
import type { RouteKey } from '../../../backend/src/http/access.ts';
import { TOKENS } from '../../../backend/tests/live/servers.ts';
import { PASSWORD, type Site } from './site.ts';

/** What is in the archive and among the records before anything is tried. */
export interface Things {
  readonly study: string;
  readonly patient: string;
  readonly series: string;
  readonly instance: string;
  /** A report that was signed, and one that is a draft and must stay as it is. */
  readonly signed: string;
  readonly draft: string;
  /** Makes a draft that is ready to be signed. */
  readonly ready: () => Promise<Draft>;
}
export interface Draft {
  readonly id: string;
  readonly revision: number;
}

export interface Call {
  readonly path: string;
  readonly body?: object;
}
export interface Sample {
  readonly call: (things: Things) => Call;
  /** The answer to somebody who may, where the table is all that decides. */
  readonly allowed: number;
  /** The answer to a program by its token, where another one: some things are for people. */
  readonly program?: number;
  /** A call that really changes something, of an object of its own; the usual one is enough for who may not. */
  readonly real?: (things: Things) => Promise<Call>;
  /** Needs a session of its own, because it ends it. */
  readonly ends?: true;
}

const get = (path: (things: Things) => string, allowed = 200): Sample => ({
  call: (it) => ({ path: path(it) }),
  allowed,
});
const onReport = (action: string, more: object = {}): Sample => ({
  call: ({ draft }) => ({ path: `/api/reports/${draft}/${action}`, body: { revision: 1, ...more } }),
  real: async ({ ready }) => {
    const { id, revision } = await ready();
    return { path: `/api/reports/${id}/${action}`, body: { revision, ...more } };
  },
  allowed: 200,
  program: 403,
});
const UNKNOWN_JOB = '0'.repeat(64);

/** Every route: the type leaves none out. */
export const SAMPLES: Readonly<Record<RouteKey, Sample>> = {
  'GET /healthz': get(() => '/healthz'),
  'GET /readyz': get(() => '/readyz'),
  'POST /api/session': {
    call: () => ({ path: '/api/session', body: { user: 'viewer', password: PASSWORD } }),
    allowed: 201,
  },
  'GET /api/session': get(() => '/api/session'),
  'GET /api/session/check': get(() => '/api/session/check', 204),
  'DELETE /api/session': { call: () => ({ path: '/api/session' }), allowed: 204, ends: true },
  'GET /api/events': get(() => '/api/events'),
  'GET /api/audit': get(() => '/api/audit?limit=1'),
  'GET /metrics': get(() => '/metrics'),
  'GET /api/status': get(() => '/api/status'),
  'GET /api/providers': get(() => '/api/providers'),
  'GET /api/analyses': get(() => '/api/analyses'),
  // Nothing is analysed here: who may is told that there is no such job, and no such provider.
  'POST /api/analyses/:id/retry': { call: () => ({ path: `/api/analyses/${UNKNOWN_JOB}/retry` }), allowed: 404 },
  'GET /api/studies/:id/analyses': get(({ study }) => `/api/studies/${study}/analyses`),
  'POST /api/studies/:id/analyses': {
    call: ({ study }) => ({ path: `/api/studies/${study}/analyses`, body: { provider: 'nobody' } }),
    allowed: 422,
  },
  'GET /api/patients': get(() => '/api/patients'),
  'GET /api/patients/:id': get(({ patient }) => `/api/patients/${patient}`),
  'GET /api/patients/:id/studies': get(({ patient }) => `/api/patients/${patient}/studies`),
  'GET /api/studies': get(() => '/api/studies'),
  'GET /api/studies/:id': get(({ study }) => `/api/studies/${study}`),
  'GET /api/studies/:id/series': get(({ study }) => `/api/studies/${study}/series`),
  'GET /api/series/:id': get(({ series }) => `/api/series/${series}`),
  'GET /api/series/:id/instances': get(({ series }) => `/api/series/${series}/instances`),
  'GET /api/instances': get(({ instance }) => `/api/instances?sop_instance_uid=${instance}`),
  'GET /api/instances/:id': get(({ instance }) => `/api/instances/${instance}`),
  'GET /api/report-templates': get(() => '/api/report-templates'),
  'GET /api/studies/:id/reports': get(({ study }) => `/api/studies/${study}/reports`),
  'POST /api/studies/:id/reports': {
    call: ({ study }) => ({ path: `/api/studies/${study}/reports`, body: { id: randomUUID() } }),
    allowed: 201,
    program: 403,
  },
  'GET /api/reports/:id': get(({ signed }) => `/api/reports/${signed}`),
  'PUT /api/reports/:id/draft': {
    call: ({ draft }) => ({ path: `/api/reports/${draft}/draft`, body: saved(1) }),
    real: async ({ ready }) => {
      const { id, revision } = await ready();
      return { path: `/api/reports/${id}/draft`, body: saved(revision) };
    },
    allowed: 200,
    program: 403,
  },
  'POST /api/reports/:id/presence': {
    call: ({ draft }) => ({ path: `/api/reports/${draft}/presence`, body: { editor: randomUUID(), field: null } }),
    allowed: 200,
    program: 403,
  },
  'POST /api/reports/:id/confirm': onReport('confirm', { fields: ['technique'] }),
  'POST /api/reports/:id/preliminary': onReport('preliminary'),
  'POST /api/reports/:id/sign': onReport('sign'),
  'POST /api/reports/:id/amend': {
    ...onReport('amend', { reason: 'A word was missing' }),
    real: async ({ ready }) => {
      const { id, revision } = await ready();
      return { path: `/api/reports/${id}/amend`, body: { revision, reason: 'A word was missing' } };
    },
    allowed: 409,
  },
  'GET /api/reports/:id/versions': get(({ signed }) => `/api/reports/${signed}/versions`),
  'GET /api/reports/:id/versions/:n/pdf': get(({ signed }) => `/api/reports/${signed}/versions/1/pdf`),
  'POST /api/orthanc/webhook': {
    call: () => ({ path: '/api/orthanc/webhook', body: { id: 'x', event: 'stored' } }),
    allowed: 202,
  },
  'POST /api/orthanc/sync': { call: () => ({ path: '/api/orthanc/sync' }), allowed: 202 },
  'GET /api/orthanc/sync/:id': get(() => `/api/orthanc/sync/${randomUUID()}`, 404),
  'GET /api/docs': get(() => '/api/docs'),
  'GET /api/docs/json': get(() => '/api/docs/json'),
  'GET /api/docs/:asset': get(() => '/api/docs/start.js'),
};

function saved(revision: number): object {
  return { revision, editor: randomUUID(), sequence: 1, fields: { findings: 'Nothing' } };
}

/** A program's tokens, by what it may. */
export const PROGRAMS = [
  { name: 'orthanc', role: 'webhook', token: TOKENS.webhook },
  { name: 'operator', role: 'administrator', token: TOKENS.operator },
  { name: 'prometheus', role: 'monitor', token: 'monitor-token-0123456789' },
  { name: 'robot', role: 'radiologist', token: 'robot-token-0123456789' },
] as const;

interface Begun {
  readonly report: { id: string; draft: { revision: number; fields: Record<string, { confirmed: boolean }> } };
  readonly template: { sections: { fields: { id: string; kind: string; required: boolean }[] }[] };
}

/** Begins a report, fills in what it needs and confirms the rest. */
export async function readyReport(site: Site, study: string, writer: { cookie: string; csrf: string }): Promise<Draft> {
  const headers = { cookie: writer.cookie, 'x-csrf-token': writer.csrf, 'content-type': 'application/json' };
  const change = async <T>(method: string, path: string, body: object): Promise<T> => {
    const answer = await fetch(`${site.url}${path}`, { method, headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path} answered ${String(answer.status)}: ${await answer.text()}`);
    return (await answer.json()) as T;
  };
  const { report, template } = await change<Begun>('POST', `/api/studies/${study}/reports`, { id: randomUUID() });
  const typed = template.sections
    .flatMap(({ fields }) => fields)
    .filter((it) => it.required && it.kind === 'text')
    .map((it) => [it.id, 'Typed by a test'] as const);
  const draft = { revision: report.draft.revision, editor: randomUUID(), sequence: 1 };
  const after = await change<Begun['report']>('PUT', `/api/reports/${report.id}/draft`, {
    ...draft,
    fields: Object.fromEntries(typed),
  });
  const unconfirmed = Object.entries(after.draft.fields).filter(([, it]) => !it.confirmed);
  if (unconfirmed.length === 0) return { id: report.id, revision: after.draft.revision };
  const { draft: last } = await change<Begun['report']>('POST', `/api/reports/${report.id}/confirm`, {
    revision: after.draft.revision,
    fields: unconfirmed.map(([id]) => id),
  });
  return { id: report.id, revision: last.revision };
}
