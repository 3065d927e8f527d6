/** Who may call what: the only table of it. A route which is not in it cannot be registered. */
import type { Role } from '../config.ts';

const READERS: readonly Role[] = ['viewer', 'radiologist', 'technologist', 'administrator'];
const WRITERS: readonly Role[] = ['radiologist', 'technologist'];
const PEOPLE_AND_MONITOR: readonly Role[] = [...READERS, 'monitor'];

/** Method and path, as registered -> the roles which may call it; `null` is open to everybody. */
export const ACCESS = {
  'GET /healthz': null,
  'GET /readyz': null,
  'POST /api/session': null,
  'GET /api/session': null,
  'GET /api/session/check': PEOPLE_AND_MONITOR,
  'DELETE /api/session': PEOPLE_AND_MONITOR,
  'GET /api/events': READERS,
  'GET /api/audit': ['administrator'],
  'GET /api/audit/export': ['administrator'],
  'GET /metrics': ['monitor', 'administrator'],
  'GET /api/status': PEOPLE_AND_MONITOR,
  'GET /api/status/verification': ['administrator'],
  'PUT /api/status/verification': ['administrator'],
  'GET /api/providers': READERS,
  'GET /api/analyses': ['administrator'],
  'POST /api/analyses/:id/retry': ['administrator'],
  'GET /api/studies/:id/analyses': READERS,
  'POST /api/studies/:id/analyses': ['radiologist', 'technologist', 'administrator'],
  'GET /api/patients': READERS,
  'GET /api/patients/:id': READERS,
  'GET /api/patients/:id/studies': READERS,
  'GET /api/studies': READERS,
  'GET /api/studies/:id': READERS,
  'GET /api/studies/:id/series': READERS,
  'GET /api/series/:id': READERS,
  'GET /api/series/:id/instances': READERS,
  'GET /api/instances': READERS,
  'GET /api/instances/:id': READERS,
  'GET /api/report-templates': READERS,
  'GET /api/studies/:id/reports': READERS,
  'POST /api/studies/:id/reports': WRITERS,
  'GET /api/reports/:id': READERS,
  'PUT /api/reports/:id/draft': WRITERS,
  'POST /api/reports/:id/presence': WRITERS,
  'POST /api/reports/:id/analyses': WRITERS,
  'POST /api/reports/:id/confirm': ['radiologist'],
  'POST /api/reports/:id/preliminary': ['radiologist'],
  'POST /api/reports/:id/sign': ['radiologist'],
  'POST /api/reports/:id/amend': ['radiologist'],
  'GET /api/reports/:id/versions': READERS,
  'GET /api/reports/:id/versions/:n/pdf': READERS,
  'POST /api/orthanc/webhook': ['webhook', 'administrator'],
  'POST /api/orthanc/sync': ['technologist', 'administrator'],
  'GET /api/orthanc/sync/:id': ['technologist', 'administrator'],
  'GET /api/docs': PEOPLE_AND_MONITOR,
  'GET /api/docs/json': PEOPLE_AND_MONITOR,
  'GET /api/docs/:asset': PEOPLE_AND_MONITOR,
} as const satisfies Readonly<Record<string, readonly Role[] | null>>;

export type RouteKey = keyof typeof ACCESS;

export function isRouteKey(key: string): key is RouteKey {
  return Object.hasOwn(ACCESS, key);
}

/** Whether a role may call a route. */
export function mayCall(role: Role, key: RouteKey): boolean {
  const roles: readonly Role[] | null = ACCESS[key];
  return roles === null || roles.includes(role);
}
