/** Who makes a request: a program by its token, or a person by the session's cookie. */
import { timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { Role } from '../config.ts';
import type { SessionDocument, Sessions } from '../people/sessions.ts';
import type { Caller } from './auth.ts';
import { Problem } from './problems.ts';

/** Who calls, and by which session where it is a person. */
export interface Identity extends Caller {
  readonly role: Role;
  readonly session: SessionDocument | null;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls; null on a route that is open, where nobody was asked. */
    identity: Identity | null;
  }
}

/** Tells who makes a request; null for nobody. */
export type Identify = (request: FastifyRequest) => Promise<Identity | null>;

/** Methods that change nothing (RFC 9110 section 9.2.1). */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
export const CSRF_HEADER = 'x-csrf-token';

/**
 * Makes the look at a request.
 *
 * A token in `authorization` counts before a cookie, and a wrong one is not mended by it. A change by cookie needs the
 * session's own token in a header, which no page of another origin can read or send.
 */
export function createIdentifier(
  authenticate: (header: string | undefined) => Caller | null,
  sessions: Sessions | null,
  cookie: string,
): Identify {
  return async (request) => {
    const { authorization } = request.headers;
    if (authorization !== undefined) {
      const caller = authenticate(authorization);
      return caller === null ? null : { ...caller, session: null };
    }
    const token = request.cookies[cookie];
    if (sessions === null || token === undefined) return null;
    const session = await sessions.of(token, new Date());
    if (session === null) return null;
    if (!SAFE.has(request.method) && !sameText(request.headers[CSRF_HEADER], session.csrf)) {
      throw new Problem(403, `a change needs the session's token in the header ${CSRF_HEADER}`);
    }
    return { name: session.user, role: session.role, session };
  };
}

function sameText(given: unknown, wanted: string): boolean {
  if (typeof given !== 'string') return false;
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}
