/** Who may log in: the file of names, roles and password hashes, which a deploy writes from the site's secrets. */
import { z } from 'zod';
import { ConfigError, readShape } from '../configfile.ts';
import { parseHash, type PasswordHash } from './passwords.ts';

/** The roles of people; programs have others. */
export const PEOPLE_ROLES = ['viewer', 'radiologist', 'technologist', 'administrator'] as const;
export type PersonRole = (typeof PEOPLE_ROLES)[number];

/** Somebody who may log in. */
export interface Person {
  readonly name: string;
  readonly role: PersonRole;
  readonly password: PasswordHash;
}

const schema = z.strictObject({
  people: z.array(
    z.strictObject({ name: z.string().min(1).max(64), role: z.enum(PEOPLE_ROLES), password: z.string().max(256) }),
  ),
});

/**
 * Reads the file.
 *
 * @throws ConfigError naming every problem; no message holds a hash.
 */
export function loadPeople(file: string): readonly Person[] {
  const problems: string[] = [];
  const found = readShape(schema, file).people.flatMap((it, index, all): Person[] => {
    const key = `people[${String(index)}]`;
    if (all.findIndex((other) => other.name === it.name) !== index) {
      problems.push(`${key}.name: ${it.name} stands earlier in the list`);
    }
    const password = parseHash(it.password);
    if (password === null) problems.push(`${key}.password: must be a scrypt hash, $scrypt$ln=..,r=..,p=..$SALT$HASH`);
    return password === null ? [] : [{ name: it.name, role: it.role, password }];
  });
  if (problems.length > 0) throw new ConfigError(problems);
  return found;
}
