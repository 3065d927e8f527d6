/** Numbers that were passed over are asked for again, until they have come or cannot come any more. */
import { describe, expect, it } from 'vitest';
import { HOLE_MILLISECONDS, Holes } from '../../src/delivery/holes.ts';
import type { Change } from '../../src/orthanc.ts';

const NOW = Date.UTC(2026, 0, 2, 12, 0, 0);

function change(seq: number, date = '20260102T120000'): Change {
  return { ChangeType: 'NewInstance', Date: date, ID: `id${String(seq)}`, ResourceType: 'Instance', Seq: seq };
}

describe('holes', () => {
  it('are the numbers between those that were read', () => {
    const holes = new Holes();
    holes.pass(10, [change(11), change(14), change(16)], NOW);
    expect(holes.runs()).toEqual([
      { first: 12, last: 13 },
      { first: 15, last: 15 },
    ]);
    expect(holes.first).toBe(12);
  });

  it('close when they come', () => {
    const holes = new Holes();
    holes.pass(10, [change(14)], NOW);
    holes.fill([change(11), change(13)]);
    expect(holes.runs()).toEqual([{ first: 12, last: 12 }]);
    holes.fill([change(12)]);
    expect(holes.first).toBeNull();
  });

  it('are given up when no transaction can be that old', () => {
    const holes = new Holes();
    holes.pass(0, [change(2)], NOW);
    holes.expire(NOW + HOLE_MILLISECONDS - 1);
    expect(holes.size).toBe(1);
    holes.expire(NOW + HOLE_MILLISECONDS);
    expect(holes.size).toBe(0);
  });

  it('are none in what was written long ago, nor where a log was erased', () => {
    const holes = new Holes();
    holes.pass(0, [change(5, '20260102T110000')], NOW);
    holes.pass(5, [change(5_000)], NOW);
    expect(holes.size).toBe(0);
  });
});
