/** Bearer tokens (RFC 6750): which credential a request shows. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Credential, Role } from '../config.ts';

/** Who calls. */
export interface Caller {
  readonly name: string;
  readonly role: Role;
}

const digest = (text: string): Buffer => createHash('sha256').update(text, 'utf8').digest();

/**
 * Makes the look-up of a caller by its `Authorization` header.
 *
 * Digests of equal length are compared, all of them, in constant time: the time tells neither the token nor its place.
 */
export function createAuthenticator(credentials: readonly Credential[]): (header: string | undefined) => Caller | null {
  const known = credentials.map((it) => ({ caller: { name: it.name, role: it.role }, digest: digest(it.token) }));
  return (header) => {
    const token = /^Bearer +([\x21-\x7E]{1,1024})$/i.exec(header ?? '')?.[1];
    if (token === undefined) return null;
    const shown = digest(token);
    let caller: Caller | null = null;
    for (const it of known) if (timingSafeEqual(it.digest, shown)) caller = it.caller;
    return caller;
  };
}
