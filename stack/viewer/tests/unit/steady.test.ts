import { describe, expect, it } from 'vitest';
import { replaceEqualDeep } from '@tanstack/react-query';
import { inOrderOf, sharedById } from '../../app/src/components/steady.ts';

const study = (id: string, images = 1): { id: string; images: number } => ({ id, images });

describe('a list that stands still', () => {
  it('keeps its rows in their order, each as it is now', () => {
    const shown = [study('b'), study('a')];
    const fresh = [study('d'), study('a', 7), study('b', 2)];
    expect(inOrderOf(shown, fresh)).toEqual([study('b', 2), study('a', 7)]);
  });

  it('keeps a row that is on another page by now', () => {
    expect(inOrderOf([study('a'), study('b')], [study('c'), study('a')])).toEqual([study('a'), study('b')]);
  });
});

describe('a fresh answer', () => {
  it('has the very rows of before that say the same, wherever they stand', () => {
    const before = { total: 2, items: [study('a'), study('b')] };
    const after = sharedById(before, { total: 3, items: [study('c'), study('a'), study('b', 9)] }, replaceEqualDeep);
    expect(after.total).toBe(3);
    expect(after.items[1]).toBe(before.items[0]);
    expect(after.items[2]).toEqual(study('b', 9));
    expect(after.items[2]).not.toBe(before.items[1]);
  });

  it('has the very list of before where nothing changed', () => {
    const before = { total: 2, items: [study('a'), study('b')] };
    const after = sharedById(before, { total: 9, items: [study('a'), study('b')] }, replaceEqualDeep);
    expect(after.items).toBe(before.items);
    expect(after.total).toBe(9);
    expect(sharedById(before, { total: 2, items: [study('a'), study('b')] }, replaceEqualDeep)).toBe(before);
  });
});
