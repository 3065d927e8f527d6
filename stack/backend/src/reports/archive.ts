/** What of Orthanc's REST API storing a report needs: does the study still exist, and keep this file. */
import { Pool } from 'undici';
import { z } from 'zod';
import type { Config } from '../config.ts';
import { OrthancError } from '../errors.ts';

const CALL_MILLISECONDS = 30_000;
const idsSchema = z.array(z.object({ ID: z.string(), Type: z.string() }));
/** https://orthanc.uclouvain.be/book/users/rest.html#sending-dicom-images */
const storedSchema = z.object({ ID: z.string(), ParentStudy: z.string(), Status: z.string() });

export class ReportArchive {
  readonly #pool: Pool;
  readonly #base: string;
  readonly #headers: Record<string, string>;

  constructor(config: Config['orthanc']) {
    this.#pool = new Pool(config.url.origin, {
      connections: 1,
      connect: { timeout: 3_000, ...(config.ca === null ? {} : { ca: config.ca }) },
      // Orthanc closes an idle connection after one second.
      keepAliveTimeout: 800,
    });
    this.#base = config.url.pathname.replace(/\/$/, '');
    const account = `${config.username ?? ''}:${config.password ?? ''}`;
    this.#headers =
      config.username === null ? {} : { authorization: `Basic ${Buffer.from(account).toString('base64')}` };
  }

  /** Orthanc's identifiers of what has a UID, of a level: `Study` or `Instance`. */
  async lookup(uid: string, level: 'Study' | 'Instance'): Promise<string[]> {
    const found = idsSchema.parse(await this.#call('/tools/lookup', uid, 'text/plain'));
    return found.filter((it) => it.Type === level).map((it) => it.ID);
  }

  /** Stores a DICOM file. Resolves to the study it went to. A file that is there already is as good as stored. */
  async store(file: Buffer): Promise<{ study: string }> {
    const { ParentStudy } = storedSchema.parse(await this.#call('/instances', file, 'application/dicom'));
    return { study: ParentStudy };
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  async #call(path: string, body: string | Buffer, type: string): Promise<unknown> {
    const what = `POST ${path}`;
    let status: number;
    let text: string;
    try {
      const answer = await this.#pool.request({
        method: 'POST',
        path: `${this.#base}${path}`,
        headers: { ...this.#headers, 'content-type': type, accept: 'application/json' },
        body,
        signal: AbortSignal.timeout(CALL_MILLISECONDS),
      });
      [status, text] = [answer.statusCode, await answer.body.text()];
    } catch {
      throw new OrthancError('unreachable', `Orthanc does not answer ${what}: is it running at orthanc.url?`);
    }
    if (status === 401 || status === 403) {
      const remedy = 'its account must be allowed to store: check orthanc.username and what its role may do';
      throw new OrthancError('unauthorized', `Orthanc refused ${what} with ${String(status)}: ${remedy}`, status);
    }
    if (status < 200 || status > 299) {
      throw new OrthancError('http', `Orthanc answered ${what} with ${String(status)}`, status);
    }
    try {
      return JSON.parse(text) as unknown;
    } catch {
      throw new OrthancError('malformed', `Orthanc's answer to ${what} is not JSON: does orthanc.url lead to Orthanc?`);
    }
  }
}
