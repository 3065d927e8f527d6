/** Hashes of passwords: what they are, and what is refused. */
import { describe, expect, it } from 'vitest';
import { waitAfter } from '../../src/people/attempts.ts';
import { hashPassword, matches, parseHash } from '../../src/people/passwords.ts';

describe('a hash', () => {
  it('is of that password alone, in whichever form it was typed', async () => {
    const known = parseHash(await hashPassword('Grüße'));
    if (known === null) throw new Error('no hash');
    expect(await matches('Gru\u0308\u00DFe', known)).toBe(true); // the same letters, composed by the reader
    expect(await matches('Grüsse', known)).toBe(false);
  });

  it('that Python made is understood', async () => {
    // hashlib.scrypt(b"secret", salt=bytes(range(16)), n=2**15, r=8, p=3, maxmem=2**26, dklen=32)
    const text = '$scrypt$ln=15,r=8,p=3$AAECAwQFBgcICQoLDA0ODw$dJjH24E4NX6nzpVwT3tjaq4fioVPdvMyW6bGf5Y60ew';
    const known = parseHash(text);
    if (known === null) throw new Error('no hash');
    expect(await matches('secret', known)).toBe(true);
    expect(await matches('Secret', known)).toBe(false);
  });

  it.each([
    '',
    'plain',
    '$scrypt$ln=1,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$AAECAwQFBgcICQoLDA0ODwAAAAAAAAAAAAAAAAAAAAA',
    '$scrypt$ln=30,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$AAECAwQFBgcICQoLDA0ODwAAAAAAAAAAAAAAAAAAAAA',
    '$scrypt$ln=15,r=99,p=1$AAECAwQFBgcICQoLDA0ODw$AAECAwQFBgcICQoLDA0ODwAAAAAAAAAAAAAAAAAAAAA',
    '$scrypt$ln=15,r=8,p=1$$AAECAwQFBgcICQoLDA0ODwAAAAAAAAAAAAAAAAAAAAA',
  ])('%j is none', (text) => {
    expect(parseHash(text)).toBeNull();
  });
});

describe('after failed logins', () => {
  it('the wait doubles, up to a quarter of an hour', () => {
    expect([0, 4, 5, 6, 7].map(waitAfter)).toEqual([0, 0, 5_000, 10_000, 20_000]);
    expect(waitAfter(1000)).toBe(900_000);
  });
});
