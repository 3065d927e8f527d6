/**
 * The calls this backend makes to Orthanc's REST API, each bounded in time.
 *
 * Only calls which Orthanc answers from its index are used, never one which reads a DICOM file.
 * Source: https://orthanc.uclouvain.be/book/users/rest.html, and Orthanc 1.10.1's own answers.
 */
import { Pool } from 'undici';
import { z } from 'zod';
import type { Config } from './config.ts';
import { OrthancError } from './errors.ts';

export const LEVELS = ['Patient', 'Study', 'Series', 'Instance'] as const;
export type Level = (typeof LEVELS)[number];

const changeSchema = z.object({
  ChangeType: z.string(),
  Date: z.string(),
  ID: z.string(),
  ResourceType: z.string(),
  Seq: z.int().nonnegative(),
});
const changesSchema = z.object({ Changes: z.array(changeSchema), Done: z.boolean(), Last: z.int().nonnegative() });

/** One line of Orthanc's log of changes. `Date` is UTC, as `YYYYMMDDTHHMMSS`. */
export type Change = z.infer<typeof changeSchema>;
/** A page of that log. `Last` is the last line's number, or the highest number ever given when the page is empty. */
export type ChangesPage = z.infer<typeof changesSchema>;

const tags = z.record(z.string(), z.unknown()).default({});
const resourceSchema = z.object({
  ID: z.string(),
  Type: z.enum(LEVELS),
  MainDicomTags: tags,
  PatientMainDicomTags: tags,
  Metadata: tags,
  ParentSeries: z.string().optional(),
  ParentStudy: z.string().optional(),
  ParentPatient: z.string().optional(),
  FileSize: z.number().optional(),
  FileUuid: z.string().optional(),
});

/** A patient, study, series or instance as Orthanc tells it from its index. */
export type Resource = z.infer<typeof resourceSchema>;

const systemSchema = z.object({
  Name: z.string().default(''),
  Version: z.string(),
  ApiVersion: z.number().optional(),
  DatabaseVersion: z.number().optional(),
  DicomAet: z.string().default(''),
  DatabaseServerIdentifier: z.string().nullish(),
});
export type System = z.infer<typeof systemSchema>;

const statisticsSchema = z.object({
  CountInstances: z.number(),
  CountPatients: z.number(),
  CountSeries: z.number(),
  CountStudies: z.number(),
});
export type Statistics = z.infer<typeof statisticsSchema>;

const idsSchema = z.array(z.string());

const CONNECT_MILLISECONDS = 3_000;
const CALL_MILLISECONDS = 20_000;
/** Listing a page of the inventory, or many resources, takes longer on a big archive. */
const LONG_CALL_MILLISECONDS = 60_000;

const PATHS = { Patient: 'patients', Study: 'studies', Series: 'series', Instance: 'instances' } as const;

/** Orthanc, seen through the few calls the deliveries need. Every method throws {@link OrthancError}. */
export class Orthanc {
  readonly #pool: Pool;
  readonly #base: string;
  readonly #headers: Record<string, string>;

  constructor(config: Config['orthanc']) {
    this.#pool = new Pool(config.url.origin, {
      connections: 2,
      connect: { timeout: CONNECT_MILLISECONDS, ...(config.ca === null ? {} : { ca: config.ca }) },
      headersTimeout: LONG_CALL_MILLISECONDS,
      bodyTimeout: LONG_CALL_MILLISECONDS,
      // Orthanc closes an idle connection after one second.
      keepAliveTimeout: 800,
    });
    this.#base = config.url.pathname.replace(/\/$/, '');
    this.#headers =
      config.username === null
        ? {}
        : { authorization: `Basic ${Buffer.from(`${config.username}:${config.password ?? ''}`).toString('base64')}` };
  }

  /** Orthanc's name, version and database. */
  async system(): Promise<System> {
    return this.#call(systemSchema, 'GET', '/system');
  }

  /** How many resources of each level there are. Counts rows, so it costs more the bigger the archive. */
  async statistics(): Promise<Statistics> {
    return this.#call(statisticsSchema, 'GET', '/statistics');
  }

  /** The changes after number `since`, at most `limit` of them. */
  async changes(since: number, limit: number): Promise<ChangesPage> {
    return this.#call(changesSchema, 'GET', `/changes?since=${String(since)}&limit=${String(limit)}`);
  }

  /** The last line of the log of changes. */
  async lastChange(): Promise<ChangesPage> {
    return this.#call(changesSchema, 'GET', '/changes?last');
  }

  /** A page of the identifiers of a level, in the order Orthanc created the resources. */
  async list(level: Level, since: number, limit: number): Promise<string[]> {
    const query = `?since=${String(since)}&limit=${String(limit)}`;
    return this.#call(idsSchema, 'GET', `/${PATHS[level]}${query}`, undefined, LONG_CALL_MILLISECONDS);
  }

  /** The resources among `ids` which exist; one that does not is left out of the answer. */
  async resources(ids: readonly string[]): Promise<Resource[]> {
    if (ids.length === 0) return [];
    const body = { Resources: ids, Short: false, Metadata: true };
    return this.#call(z.array(resourceSchema), 'POST', '/tools/bulk-content', body, LONG_CALL_MILLISECONDS);
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  async #call<T>(
    schema: z.ZodType<T>,
    method: 'GET' | 'POST',
    path: string,
    body?: object,
    milliseconds = CALL_MILLISECONDS,
  ): Promise<T> {
    const what = `${method} ${path.split('?')[0] ?? path}`;
    const attempt = async (): Promise<{ status: number; text: string }> => {
      const answer = await this.#pool.request({
        method,
        path: `${this.#base}${path}`,
        headers: { ...this.#headers, accept: 'application/json' },
        body: body === undefined ? null : JSON.stringify(body),
        signal: AbortSignal.timeout(milliseconds),
      });
      return { status: answer.statusCode, text: await answer.body.text() };
    };
    // Orthanc closes idle connections without a word; every call here may be repeated.
    const { status, text } = await attempt()
      .catch(async (error: unknown) => (isClosedConnection(error) ? attempt() : Promise.reject(error as Error)))
      .catch((error: unknown) => {
        throw transportError(what, error, milliseconds);
      });
    if (status === 401 || status === 403) {
      throw new OrthancError(
        'unauthorized',
        `Orthanc refused ${what} with ${String(status)}: ` +
          'check orthanc.username and its password against RegisteredUsers',
        status,
      );
    }
    if (status < 200 || status > 299)
      throw new OrthancError('http', `Orthanc answered ${what} with ${String(status)}`, status);
    const parsed = schema.safeParse(parse(text, what));
    if (!parsed.success) {
      const first = parsed.error.issues[0]?.path.join('.') ?? '';
      throw new OrthancError('malformed', `Orthanc's answer to ${what} has not the expected shape (at ${first})`);
    }
    return parsed.data;
  }
}

function isClosedConnection(error: unknown): boolean {
  return ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'].includes((error as { code?: string }).code ?? '');
}

function parse(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new OrthancError('malformed', `Orthanc's answer to ${what} is not JSON: does orthanc.url lead to Orthanc?`);
  }
}

function transportError(what: string, error: unknown, milliseconds: number): OrthancError {
  const name = error instanceof Error ? error.name : '';
  const code = (error as { code?: string }).code ?? name;
  if (name === 'TimeoutError' || code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') {
    return new OrthancError('timeout', `Orthanc did not answer ${what} within ${String(milliseconds / 1000)} s`);
  }
  return new OrthancError(
    'unreachable',
    `Orthanc cannot be reached for ${what} (${code}): is it running at orthanc.url?`,
  );
}
