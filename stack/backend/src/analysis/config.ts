/** The part of the configuration which is about analysis. */
import { z } from 'zod';
import { path, type Files } from '../configfile.ts';

const MINIMUM_TOKEN_LENGTH = 16;

const providerUrl = z.string().superRefine((text, context) => {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    context.addIssue({ code: 'custom', message: 'must be a URL such as http://127.0.0.1:8010/image_quality' });
    return;
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    context.addIssue({ code: 'custom', message: 'must begin with http:// or https://' });
  if (url.username !== '' || url.password !== '')
    context.addIssue({ code: 'custom', message: 'must not hold a user or a password: use token_file' });
  if (url.search !== '' || url.hash !== '')
    context.addIssue({ code: 'custom', message: 'must not hold a query or a fragment' });
});
const providerId = z.string().regex(/^[a-z][a-z0-9_]{0,31}$/, 'must be of small letters, digits and _');

export const analysisSchema = z
  .strictObject({
    providers: z
      .array(
        z.strictObject({
          id: providerId,
          url: providerUrl,
          token_file: path,
          timeout_seconds: z.number().min(1).max(86_400).default(600),
        }),
      )
      .min(1)
      .max(32),
    /** Which providers analyse what arrives. */
    on_arrival: z.array(providerId).max(32).default([]),
    store_sr: z.boolean().default(false),
    poll_seconds: z.number().min(0.1).max(3_600).default(5),
    /** How long nothing must have come for a study to be analysed by itself. */
    quiet_seconds: z.number().min(0.1).max(86_400).default(60),
    attempts: z.int().min(1).max(100).default(10),
    retry_seconds: z.number().min(0.1).max(3_600).default(10),
  })
  .nullable()
  .default(null);

/** A provider as this backend reaches it. */
export interface ProviderConfig {
  readonly id: string;
  readonly url: URL;
  readonly token: string;
  readonly timeoutSeconds: number;
}

/** Analysis, as it is configured. Must not be logged: it holds tokens. */
export interface AnalysisConfig {
  readonly providers: readonly ProviderConfig[];
  readonly onArrival: readonly string[];
  readonly storeSr: boolean;
  readonly pollSeconds: number;
  readonly quietSeconds: number;
  readonly attempts: number;
  readonly retrySeconds: number;
}

/** The part with its secrets read; what is wrong is added to the files' problems. */
export function readAnalysis(shape: z.output<typeof analysisSchema>, files: Files): AnalysisConfig | null {
  if (shape === null) return null;
  const ids = shape.providers.map((it) => it.id);
  const providers = shape.providers.map((it, index): ProviderConfig => {
    const key = `analysis.providers[${String(index)}]`;
    if (ids.indexOf(it.id) !== index) files.problems.push(`${key}.id: ${it.id} stands earlier in the list`);
    const token = files.secret(`${key}.token_file`, it.token_file) ?? '';
    if (token !== '' && token.length < MINIMUM_TOKEN_LENGTH)
      files.problems.push(`${key}.token_file: the token is shorter than ${String(MINIMUM_TOKEN_LENGTH)} characters`);
    return { id: it.id, url: new URL(it.url), token, timeoutSeconds: it.timeout_seconds };
  });
  shape.on_arrival.forEach((id, index) => {
    if (!ids.includes(id)) files.problems.push(`analysis.on_arrival[${String(index)}]: there is no provider ${id}`);
  });
  return {
    providers,
    onArrival: [...new Set(shape.on_arrival)],
    storeSr: shape.store_sr,
    pollSeconds: shape.poll_seconds,
    quietSeconds: shape.quiet_seconds,
    attempts: shape.attempts,
    retrySeconds: shape.retry_seconds,
  };
}
