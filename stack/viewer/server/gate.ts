/** Whether a request comes from somebody who is logged in: the backend is asked, by the request's own cookie. */
import { createHash } from 'node:crypto';
import { request as call, type Dispatcher } from 'undici';
import type { Upstream } from './config.ts';

export type Entry = 'open' | 'closed' | 'unknown';

/** An answer is believed for so long: a page of images makes hundreds of requests a second. */
const KEEP_MILLISECONDS = 3_000;
/** A study that somebody opened is not written down again for so long. */
const OPENED_MILLISECONDS = 10 * 60_000;
const MOST_KEPT = 5_000;

const digest = (text: string): string => createHash('sha256').update(text, 'utf8').digest('base64url');

export class Gate {
  readonly #backend: Upstream;
  readonly #dispatcher: Dispatcher;
  readonly #cookie: string;
  readonly #known = new Map<string, { until: number; entry: Promise<Entry> }>();

  constructor(backend: Upstream, dispatcher: Dispatcher, secureCookies: boolean) {
    this.#backend = backend;
    this.#dispatcher = dispatcher;
    this.#cookie = secureCookies ? '__Host-orthancgen' : 'orthancgen';
  }

  /** Whether the session of these cookies is open. `unknown`: the backend does not answer. */
  async session(cookies: string | undefined, address: string): Promise<Entry> {
    return this.#ask('/api/session/check', cookies, address, KEEP_MILLISECONDS);
  }

  /** Whether the person may see a study, which is written down as opened. `closed` where there is no such study too. */
  async study(uid: string, cookies: string | undefined, address: string): Promise<Entry> {
    return this.#ask(`/api/studies/${encodeURIComponent(uid)}`, cookies, address, OPENED_MILLISECONDS);
  }

  async #ask(path: string, cookies: string | undefined, address: string, milliseconds: number): Promise<Entry> {
    const own = cookies?.split(/; */).find((it) => it.startsWith(`${this.#cookie}=`));
    if (own === undefined) return 'closed';
    const key = digest(`${path}\n${own}`);
    const now = Date.now();
    const found = this.#known.get(key);
    if (found !== undefined && found.until > now) return found.entry;
    if (this.#known.size >= MOST_KEPT) this.#known.clear();
    const entry = this.#call(path, own, address);
    this.#known.set(key, { until: now + milliseconds, entry });
    // Only a good answer is worth keeping: who logs in, or whose study arrives, is let in at once.
    if ((await entry) !== 'open') this.#known.delete(key);
    return entry;
  }

  async #call(path: string, cookie: string, address: string): Promise<Entry> {
    try {
      const { statusCode, body } = await call(new URL(path, this.#backend.url), {
        dispatcher: this.#dispatcher,
        headers: { cookie, 'x-forwarded-for': address },
      });
      await body.dump();
      if (statusCode === 200 || statusCode === 204) return 'open';
      return statusCode >= 500 || statusCode === 429 ? 'unknown' : 'closed';
    } catch {
      return 'unknown';
    }
  }
}
