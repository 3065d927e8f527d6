/** What every configuration file shares: how it is read, how its problems are told, and the pieces of its shape. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';

export const port = z.int().min(1).max(65535);
export const path = z.string().min(1);
export const host = z
  .string()
  .min(1)
  .max(253)
  .regex(/^[A-Za-z0-9._:-]+$/, 'must be a host name or an IP address');
export const databaseName = z
  .string()
  .min(1)
  .max(63)
  .regex(/^[A-Za-z0-9_-]+$/, 'must be of letters, digits, _ and -');

/** Members of a replica set of MongoDB, by which it is found. */
export const replicaSet = z.strictObject({
  name: z
    .string()
    .min(1)
    .max(64)
    .regex(/^[A-Za-z0-9_-]+$/, 'must be of letters, digits, _ and -'),
  members: z.array(z.strictObject({ host, port })).min(1).max(50),
});

/** Everything wrong with a configuration, one line a problem, each `key.path: what`. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/**
 * Reads a configuration file of the given shape.
 *
 * @throws ConfigError naming every place where the file is not of that shape.
 */
export function readShape<T>(schema: z.ZodType<T>, file: string): T {
  const parsed = schema.safeParse(parseJson(file));
  if (!parsed.success) {
    throw new ConfigError(parsed.error.issues.map((issue) => `${keyPath(issue.path)}: ${issue.message}`));
  }
  return parsed.data;
}

/** Reads the files a configuration refers to, relative to its own folder, and gathers what is wrong with them. */
export class Files {
  readonly problems: string[] = [];
  readonly #folder: string;

  constructor(configuration: string) {
    this.#folder = dirname(resolve(configuration));
  }

  where(name: string): string {
    return resolve(this.#folder, name);
  }

  /** The file's text; null where no file is named, and where it cannot be read, which is a problem. */
  text(key: string, name: string | null): string | null {
    if (name === null) return null;
    const where = this.where(name);
    try {
      return readFileSync(where, 'utf8');
    } catch (error) {
      this.problems.push(`${key}: cannot read ${where}: ${(error as NodeJS.ErrnoException).code ?? 'unreadable'}`);
      return null;
    }
  }

  /** The secret on the file's one line. */
  secret(key: string, name: string | null): string | null {
    const secret = this.text(key, name)?.replace(/\r?\n$/, '') ?? null;
    if (secret === '') this.problems.push(`${key}: the file is empty`);
    else if (secret !== null && /[\p{Cc}]/u.test(secret))
      this.problems.push(`${key}: holds a control character or several lines`);
    return secret;
  }
}

function parseJson(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError([`cannot read ${file}: ${(error as NodeJS.ErrnoException).code ?? 'unreadable'}`]);
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new ConfigError([`${file} is not JSON`]);
  }
}

function keyPath(parts: readonly PropertyKey[]): string {
  const text = parts.map((part) => (typeof part === 'number' ? `[${String(part)}]` : `.${String(part)}`)).join('');
  return text.replace(/^\./, '') || 'the file';
}
