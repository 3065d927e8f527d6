/**
 * Passwords as hashes of scrypt (RFC 7914), a function that needs memory as well as time.
 *
 * Written as the PHC string format has it, `$scrypt$ln=15,r=8,p=1$SALT$HASH`, salt and hash in base64 without padding:
 * https://github.com/P-H-C/phc-string-format/blob/master/phc-sf-spec.md
 */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

/** A hash, taken apart. */
export interface PasswordHash {
  /** Logarithm of the cost N to the base 2. */
  readonly ln: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

/** 32 MiB and some 80 ms: https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html (scrypt). */
const COST = { ln: 15, r: 8, p: 3 } as const;
const SALT_BYTES = 16;
const HASH_BYTES = 32;
/** A file that asks for more could fill the memory of the host. */
const MOST_BYTES = 256 * 1024 * 1024;
/** Longer ones are cut off by no hash, only by us: nobody types them. */
export const LONGEST_PASSWORD = 1024;

const PHC = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

/** Takes a hash apart; null where the text is none, or asks for what no login should need. */
export function parseHash(text: string): PasswordHash | null {
  const [, ln, r, p, salt, hash] = PHC.exec(text) ?? [];
  if (ln === undefined || salt === undefined || hash === undefined) return null;
  const parsed = {
    ln: Number(ln),
    r: Number(r),
    p: Number(p),
    salt: Buffer.from(salt, 'base64'),
    hash: Buffer.from(hash, 'base64'),
  };
  const bytes = 128 * 2 ** parsed.ln * parsed.r;
  const usable = parsed.ln >= 14 && parsed.r >= 1 && parsed.p >= 1 && parsed.p <= 16 && bytes <= MOST_BYTES;
  return usable ? parsed : null;
}

/** Whether a password is the one that was hashed. */
export async function matches(password: string, known: PasswordHash): Promise<boolean> {
  const derived = await derive(password, known.salt, known.hash.length, known);
  return timingSafeEqual(derived, known.hash);
}

/** The hash of a password, with a new salt. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(password, salt, HASH_BYTES, COST);
  const { ln, r, p } = COST;
  return `$scrypt$ln=${String(ln)},r=${String(r)},p=${String(p)}$${base64(salt)}$${base64(hash)}`;
}

/** A hash that no password has, for users who do not exist: looking them up takes as long. */
export function impossibleHash(): PasswordHash {
  return { ...COST, salt: randomBytes(SALT_BYTES), hash: randomBytes(HASH_BYTES) };
}

async function derive(
  password: string,
  salt: Buffer,
  length: number,
  { ln, r, p }: Pick<PasswordHash, 'ln' | 'r' | 'p'>,
): Promise<Buffer> {
  const N = 2 ** ln;
  const memory = 128 * N * r * 2 + 128 * r * p;
  return new Promise((resolve, reject) => {
    // NFC: the same password typed on another keyboard may come as other code points (RFC 8265 section 4).
    scrypt(password.normalize('NFC'), salt, length, { N, r, p, maxmem: memory }, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}

const base64 = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');
