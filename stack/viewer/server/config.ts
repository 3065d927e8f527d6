/** The configuration file of the viewer's server; it holds no secret, only the paths of files which do. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';

const path = z.string().min(1);
const service = z.strictObject({ url: z.url({ protocol: /^https?$/ }), ca_file: path.nullable().default(null) });

const schema = z.strictObject({
  environment: z.strictObject({
    name: z.string().min(1).max(64),
    kind: z.enum(['development', 'staging', 'production']),
  }),
  listen: z.strictObject({ host: z.string().min(1).max(253), port: z.int().min(1).max(65535) }),
  /** Name of the site, shown in the pages and in OHIF. */
  title: z.string().min(1).max(200),
  /** Whether browsers come by HTTPS: the session's cookie is then another one. */
  secure_cookies: z.boolean(),
  /** Who stands in front and tells the caller's address: addresses and networks. */
  trusted_proxies: z.array(z.string().min(1)).default([]),
  backend: service,
  orthanc: service.extend({ username: z.string().min(1), password_file: path }),
  log: z
    .strictObject({ level: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace']) })
    .prefault({ level: 'info' }),
});

/** A service that is called, and what proves that it is the right one. */
export interface Upstream {
  readonly url: URL;
  readonly ca: string | null;
}

/** The configuration with its secrets read. Must not be logged. */
export interface Config {
  readonly environment: z.infer<typeof schema>['environment'];
  readonly listen: z.infer<typeof schema>['listen'];
  readonly title: string;
  readonly secureCookies: boolean;
  readonly trustedProxies: readonly string[];
  readonly backend: Upstream;
  readonly orthanc: Upstream & { readonly username: string; readonly password: string };
  readonly logLevel: string;
}

/** Everything wrong with a configuration, one line a problem. */
export class ConfigError extends Error {}

/** Reads the file and the secrets it refers to. @throws ConfigError naming every problem; no message holds a secret. */
export function loadConfig(file: string): Config {
  const problems: string[] = [];
  const read = (key: string, name: string | null): string | null => {
    if (name === null) return null;
    const where = resolve(dirname(resolve(file)), name);
    try {
      return readFileSync(where, 'utf8');
    } catch (error) {
      problems.push(`${key}: cannot read ${where}: ${(error as NodeJS.ErrnoException).code ?? 'unreadable'}`);
      return null;
    }
  };
  let document: unknown;
  try {
    document = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new ConfigError(`cannot read ${file}: ${(error as NodeJS.ErrnoException).code ?? 'it is not JSON'}`);
  }
  const parsed = schema.safeParse(document);
  if (!parsed.success) {
    throw new ConfigError(
      parsed.error.issues.map((it) => `${it.path.join('.') || 'the file'}: ${it.message}`).join('\n'),
    );
  }
  const { backend, orthanc, ...shape } = parsed.data;
  const password = read('orthanc.password_file', orthanc.password_file)?.replace(/\r?\n$/, '') ?? '';
  if (password === '' && problems.length === 0) problems.push('orthanc.password_file: the file is empty');
  const config: Config = {
    environment: shape.environment,
    listen: shape.listen,
    title: shape.title,
    secureCookies: shape.secure_cookies,
    trustedProxies: shape.trusted_proxies,
    backend: { url: new URL(backend.url), ca: read('backend.ca_file', backend.ca_file) },
    orthanc: {
      url: new URL(orthanc.url),
      ca: read('orthanc.ca_file', orthanc.ca_file),
      username: orthanc.username,
      password,
    },
    logLevel: shape.log.level,
  };
  if (problems.length > 0) throw new ConfigError(problems.join('\n'));
  return config;
}
