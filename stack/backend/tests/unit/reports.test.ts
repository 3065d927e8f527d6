/** Reports without servers: who may do what when, saves that meet, and what a request may carry. */
import { describe, expect, it } from 'vitest';
import { ROLES, type Role } from '../../src/config.ts';
import { ACTIONS, decide, SITUATIONS, situationOf, stateAfter, type Action } from '../../src/reports/machine.ts';
import { merge } from '../../src/reports/merge.ts';
import type { FieldValue } from '../../src/reports/model.ts';
import { retryMilliseconds } from '../../src/reports/outbox.ts';
import { draftBody } from '../../src/reports/schemas.ts';

describe('the states', () => {
  // Columns: draft, preliminary, signed, amended, amending. a allowed, s not in this state, - never for this role.
  const table: Readonly<Record<Action, Readonly<Partial<Record<Role, string>>>>> = {
    read: { viewer: 'saaaa', radiologist: 'aaaaa', technologist: 'aaaaa', administrator: 'aaaaa' },
    read_draft: { radiologist: 'aaaaa', technologist: 'aaaaa', administrator: 'aaaaa' },
    save: { radiologist: 'aassa', technologist: 'assss' },
    confirm: { radiologist: 'aassa' },
    preliminary: { radiologist: 'aasss' },
    sign: { radiologist: 'aassa' },
    amend: { radiologist: 'ssaas' },
  };
  const LETTERS = { allowed: 'a', state: 's', role: '-' } as const;

  it.each(ACTIONS.flatMap((action) => ROLES.map((role) => [action, role] as const)))(
    'allow %s by a %s as the table says',
    (action, role) => {
      const seen = SITUATIONS.map((it) => LETTERS[decide(action, role, it)]).join('');
      expect(seen).toBe(table[action][role] ?? '-----');
    },
  );

  it('lead from draft to amended', () => {
    expect(stateAfter('preliminary', 'draft')).toBe('preliminary');
    expect(stateAfter('sign', 'draft')).toBe('signed');
    expect(stateAfter('sign', 'preliminary')).toBe('signed');
    expect(stateAfter('sign', 'amending')).toBe('amended');
    const amending = { reason: 'x', by: 'y', at: new Date() };
    expect(situationOf({ state: 'signed', amending })).toBe('amending');
    expect(situationOf({ state: 'amended', amending: null })).toBe('amended');
  });
});

describe('a save', () => {
  const at = new Date('2026-03-01T10:00:00Z');
  const field = (value: string, revision: number, editor: string | null = 'other', sequence = 1): FieldValue => ({
    value,
    origin: null,
    confirmed: true,
    by: 'b',
    at,
    revision,
    editor,
    sequence,
  });
  const save = (revision: number, fields: Record<string, string>, sequence = 1): Parameters<typeof merge>[2] => ({
    revision,
    editor: 'mine',
    sequence,
    fields,
  });

  it('writes what is new, by whom and since when', () => {
    const { changed, clashes } = merge({}, 4, save(4, { findings: 'x', impression: '' }), 'a', at);
    expect(clashes).toEqual([]);
    expect(changed).toEqual({ findings: { ...field('x', 5, 'mine'), by: 'a' } });
  });

  it('on an older revision goes beside what others wrote in other fields', () => {
    const current = { findings: field('theirs', 9), impression: field('old', 2) };
    const { changed, clashes } = merge(current, 9, save(5, { impression: 'new' }), 'a', at);
    expect(clashes).toEqual([]);
    expect(Object.keys(changed)).toEqual(['impression']);
  });

  it('on an older revision does not replace what another wrote in the same field', () => {
    const current = { findings: field('theirs', 9), impression: field('old', 2) };
    const { changed, clashes } = merge(current, 9, save(5, { findings: 'mine', impression: 'new' }), 'a', at);
    expect(clashes).toEqual([{ field: 'findings', value: 'mine', other: current.findings }]);
    expect(changed).toHaveProperty('impression.value', 'new');
    expect(changed).not.toHaveProperty('findings');
  });

  it('of the same text twice is no conflict and no change', () => {
    expect(merge({ findings: field('same', 9) }, 9, save(5, { findings: 'same' }), 'a', at)).toEqual({
      changed: {},
      clashes: [],
    });
  });

  it('whose answer was lost is no conflict with itself', () => {
    const current = { findings: field('one', 9, 'mine', 3) };
    expect(merge(current, 9, save(5, { findings: 'one two' }, 4), 'a', at).changed).toHaveProperty('findings');
  });

  it('that comes late does not replace the same page’s later text', () => {
    const current = { findings: field('one two', 9, 'mine', 4) };
    expect(merge(current, 9, save(5, { findings: 'one' }, 3), 'a', at)).toEqual({ changed: {}, clashes: [] });
  });

  it('makes a prefilled value a typed one', () => {
    const origin = { kind: 'metadata', source: 'StudyDescription' } as const;
    const current = { findings: { ...field('auto', 1, null, 0), origin, confirmed: false } };
    const { changed } = merge(current, 1, save(1, { findings: 'typed' }), 'a', at);
    expect(changed.findings).toMatchObject({ value: 'typed', origin: null, confirmed: true, by: 'a' });
  });
});

describe('a request', () => {
  const good = { revision: 1, editor: '0b1ac1b2-66a4-4f0b-9f6c-6c8a6d7e8f90', sequence: 1 };
  const parse = (fields: unknown): boolean => draftBody.safeParse({ ...good, fields }).success;

  it.each([
    '<script>alert(1)</script>',
    '"><img src=x onerror=1>',
    '$where',
    'two\nlines\tand more',
    '\u202Eright to left',
    'é 山田 😀',
  ])('carries %j as text', (text) => {
    expect(parse({ findings: text })).toBe(true);
  });

  it.each([
    ['a NUL', { findings: 'a\0b' }],
    ['an escape', { findings: '\u001B[31m' }],
    ['half a character', { findings: '\uD800' }],
    ['a number', { findings: 1 }],
    ['an object', { findings: { $ne: '' } }],
    ['too long a text', { findings: 'x'.repeat(20_001) }],
    [
      'too much together',
      Object.fromEntries(Array.from({ length: 6 }, (_, n) => [`f${String(n)}`, 'x'.repeat(19_999)])),
    ],
    ['an operator for a field', { $set: 'x' }],
    ['a path for a field', { 'a.b': 'x' }],
    ['too many fields', Object.fromEntries(Array.from({ length: 61 }, (_, n) => [`f${String(n)}`, 'x']))],
  ])('refuses %s', (_, fields) => {
    expect(parse(fields)).toBe(false);
  });

  it('cannot say who signs', () => {
    expect(draftBody.safeParse({ ...good, fields: {}, by: 'somebody' }).success).toBe(false);
  });
});

it('is tried again later and later, and never given up', () => {
  expect([1, 2, 3, 9, 10_000].map(retryMilliseconds)).toEqual([1_000, 2_000, 4_000, 256_000, 300_000]);
});
