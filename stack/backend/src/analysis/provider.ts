/** Calls to a provider: bounded in time and bytes, and its answers checked before anything is made of them. */
import { Pool, type Dispatcher } from 'undici';
import { z } from 'zod';
import type { ProviderConfig } from './config.ts';
import {
  analysisShape,
  providerShape,
  strayReference,
  type Analysis,
  type AnalysisRequest,
  type ProviderCard,
} from './contract.ts';

const CONNECT_MILLISECONDS = 3_000;
const CARD_MILLISECONDS = 5_000;
const SR_MILLISECONDS = 120_000;
export const ANSWER_BYTES = 1024 * 1024;
const SR_BYTES = 16 * 1024 * 1024;
const PROBLEM_BYTES = 64 * 1024;
/** An answer that is remembered; longer ones are cut. */
const LONGEST_ERROR = 500;

/** A call to a provider that failed. `final`: the same call gives the same again. The message is text. */
export class ProviderError extends Error {
  readonly final: boolean;
  readonly status: number | null;

  constructor(message: string, final: boolean, status: number | null = null) {
    super(plain(message));
    this.name = 'ProviderError';
    this.final = final;
    this.status = status;
  }
}

/** Text of somebody else, without control characters and of bounded length. */
export function plain(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu, ' ').slice(0, LONGEST_ERROR);
}

/** Answers which mean that another try gives the same (openapi.yaml). */
const FINAL: ReadonlySet<number> = new Set([400, 404, 405, 413, 415, 422]);

const problemShape = z.object({ detail: z.string() });

export class Provider {
  readonly id: string;
  readonly #pool: Pool;
  readonly #base: string;
  readonly #config: ProviderConfig;
  #card: { readonly at: number; readonly card: ProviderCard } | null = null;

  constructor(config: ProviderConfig) {
    this.id = config.id;
    this.#config = config;
    this.#base = config.url.pathname.replace(/\/$/, '');
    const longest = config.timeoutSeconds * 1000 + SR_MILLISECONDS;
    this.#pool = new Pool(config.url.origin, {
      connections: 4,
      connect: { timeout: CONNECT_MILLISECONDS },
      headersTimeout: longest,
      bodyTimeout: longest,
      keepAliveTimeout: 1_000,
    });
  }

  /**
   * What the provider says of itself, not older than `age` milliseconds.
   *
   * @throws ProviderError
   */
  async card(age = 60_000): Promise<ProviderCard> {
    const now = Date.now();
    if (this.#card !== null && now - this.#card.at < age) return this.#card.card;
    const content = await this.#call('GET', '/v1/provider', null, CARD_MILLISECONDS, ANSWER_BYTES);
    const card = shaped(providerShape, content, 'what it says of itself');
    if (card.id !== this.id) throw new ProviderError(`another provider answers there: ${card.id}`, false);
    this.#card = { at: now, card };
    return card;
  }

  /**
   * Has a study analysed.
   *
   * @throws ProviderError
   */
  async analyse(request: AnalysisRequest, signal: AbortSignal): Promise<Analysis> {
    const milliseconds = this.#config.timeoutSeconds * 1000;
    const content = await this.#call('POST', '/v1/analyses', request, milliseconds, ANSWER_BYTES, signal);
    const analysis = shaped(analysisShape, content, 'the result');
    const stray = strayReference(request, analysis);
    if (stray !== null) throw new ProviderError(`the result cannot be used: ${stray}`, false);
    if (analysis.provenance.provider !== this.id)
      throw new ProviderError('the result cannot be used: it names another provider', false);
    return analysis;
  }

  /**
   * A result as a DICOM SR; null where the provider makes none.
   *
   * @throws ProviderError
   */
  async report(request: AnalysisRequest, analysis: Analysis, signal: AbortSignal): Promise<Buffer | null> {
    try {
      return await this.#call('POST', '/v1/reports/sr', { request, analysis }, SR_MILLISECONDS, SR_BYTES, signal);
    } catch (error) {
      if (error instanceof ProviderError && error.status === 404) return null;
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  async #call(
    method: 'GET' | 'POST',
    path: string,
    body: object | null,
    milliseconds: number,
    limit: number,
    signal?: AbortSignal,
  ): Promise<Buffer> {
    const limits = AbortSignal.timeout(milliseconds);
    let status: number;
    let content: Buffer;
    try {
      const answer = await this.#pool.request({
        method,
        path: `${this.#base}${path}`,
        headers: {
          authorization: `Bearer ${this.#config.token}`,
          accept: 'application/json, application/dicom, application/problem+json',
          ...(body === null ? {} : { 'content-type': 'application/json' }),
        },
        body: body === null ? null : JSON.stringify(body),
        signal: signal === undefined ? limits : AbortSignal.any([limits, signal]),
      });
      status = answer.statusCode;
      content = await read(answer.body, status === 200 ? limit : PROBLEM_BYTES);
    } catch (error) {
      if (error instanceof ProviderError) throw error;
      if (limits.aborted) throw new ProviderError(`no answer within ${String(milliseconds / 1000)} s`, false);
      const code = (error as { code?: string }).code ?? (error instanceof Error ? error.name : 'unknown');
      throw new ProviderError(`the provider cannot be reached (${code})`, false);
    }
    if (status === 200) return content;
    if (status === 401 || status === 403)
      throw new ProviderError(`the provider refused the token (${String(status)}): check token_file`, false);
    const problem = problemShape.safeParse(json(content));
    const words = problem.success && problem.data.detail !== '' ? problem.data.detail : 'it gave no reason';
    throw new ProviderError(`the provider answered ${String(status)}: ${words}`, FINAL.has(status), status);
  }
}

async function read(body: Dispatcher.ResponseData['body'], limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) {
      body.destroy();
      throw new ProviderError(`the answer is longer than ${String(limit)} bytes`, false);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function json(content: Buffer): unknown {
  try {
    return JSON.parse(content.toString('utf8'));
  } catch {
    return undefined;
  }
}

function shaped<T>(shape: z.ZodType<T>, content: Buffer, what: string): T {
  const parsed = shape.safeParse(json(content));
  if (parsed.success) return parsed.data;
  const first = parsed.error.issues[0];
  const place = first?.path.map(String).join('.') ?? '';
  throw new ProviderError(`${what} is not as the contract says (at ${place === '' ? 'its beginning' : place})`, false);
}
