/** Logging in and out. */
import type { Config } from '../../config.ts';
import { Attempts } from '../../people/attempts.ts';
import { impossibleHash, matches } from '../../people/passwords.ts';
import type { SessionDocument, Sessions } from '../../people/sessions.ts';
import { writeAudit } from '../../store/audit.ts';
import type { Store } from '../../store/database.ts';
import type { App } from '../app.ts';
import { sessionCookie } from '../cookies.ts';
import type { Identify, Identity } from '../identify.ts';
import { Problem } from '../problems.ts';
import { loginBody, sessionAnswer } from '../schemas.ts';
import type { z } from 'zod';

/** Logins from one address, right or wrong. */
const LOGINS_A_MINUTE = 30;

export function sessionRoutes(
  app: App,
  store: Store,
  people: Config['people'],
  sessions: Sessions | null,
  identify: Identify,
): void {
  const tags = ['session'];
  const attempts = new Attempts(store.attempts);
  const nobody = impossibleHash();
  const cookie = sessionCookie(people?.secureCookies ?? true);

  app.post(
    '/api/session',
    {
      config: { rateLimit: { max: LOGINS_A_MINUTE, timeWindow: '1 minute' } },
      schema: { tags, summary: 'Log in', body: loginBody, response: { 201: sessionAnswer } },
    },
    async (request, reply) => {
      if (people === null || sessions === null) throw new Problem(404, 'nobody can log in here: there is no viewer');
      const now = new Date();
      const { user, password } = request.body;
      const person = people.list.find((it) => it.name === user);
      const refuse = async (status: number, detail: string, after = 0): Promise<never> => {
        const entry = { event: 'login', outcome: 'refused', role: null, address: request.ip } as const;
        // A name that nobody has may be a password that was typed into the wrong field.
        await writeAudit(store.audit, { ...entry, user: person?.name ?? 'unknown' }, now);
        if (after > 0) void reply.header('retry-after', String(Math.ceil(after / 1000)));
        throw new Problem(status, detail);
      };
      const wait = person === undefined ? 0 : await attempts.wait(person.name, now);
      if (wait > 0) return refuse(429, 'too many failed logins of this user: try again later', wait);
      const right = await matches(password, person?.password ?? nobody);
      if (person === undefined || !right) {
        if (person !== undefined) await attempts.failed(person.name, now);
        return refuse(401, 'user or password is wrong');
      }
      await attempts.succeeded(person.name);
      const { token, session } = await sessions.begin(person, request.ip, now);
      const entry = { event: 'login', outcome: 'success', user: person.name, role: person.role } as const;
      await writeAudit(store.audit, { ...entry, address: request.ip }, now);
      return reply.code(201).setCookie(cookie.name, token, cookie.options).send(present(session));
    },
  );

  // Open, and 200 for nobody too: a page that asks who is there is no error in its console.
  app.get(
    '/api/session',
    { schema: { tags, summary: 'Who is logged in; nobody is an answer too', response: { 200: sessionAnswer } } },
    async (request) => {
      const identity = await identify(request);
      if (identity === null) return { user: null, role: null, csrf: null, expires_at: null };
      return identity.session === null ? presentProgram(identity) : present(identity.session);
    },
  );

  app.get(
    '/api/session/check',
    { schema: { tags, summary: 'Whether somebody is logged in, for the server of the pages' } },
    async (_request, reply) => reply.code(204).send(),
  );

  app.delete('/api/session', { schema: { tags, summary: 'Log out' } }, async ({ identity, ip }, reply) => {
    if (identity?.session != null && sessions !== null) {
      await sessions.end(identity.session);
      const entry = { event: 'logout', outcome: 'success', user: identity.name, role: identity.role } as const;
      await writeAudit(store.audit, { ...entry, address: ip }, new Date());
    }
    return reply.clearCookie(cookie.name, cookie.options).code(204).send();
  });
}

function present({ user, role, csrf, expires_at }: SessionDocument): z.output<typeof sessionAnswer> {
  return { user, role, csrf, expires_at: expires_at.toISOString() };
}

function presentProgram({ name, role }: Identity): z.output<typeof sessionAnswer> {
  return { user: name, role, csrf: null, expires_at: null };
}
