import { describe, expect, it } from 'vitest';
import { anchorOf, judge, touchedBy, withAnchor } from '../../src/delivery/cursor.ts';
import { backoffMilliseconds, Waker } from '../../src/delivery/backoff.ts';
import { mergeRequests } from '../../src/delivery/worker.ts';
import type { Change } from '../../src/orthanc.ts';
import type { Anchor, ReconciliationRequest } from '../../src/store/documents.ts';

const change = (Seq: number, more: Partial<Change> = {}): Change => ({
  Seq,
  ChangeType: 'NewInstance',
  ResourceType: 'Instance',
  ID: `id${String(Seq)}`,
  Date: '20260101T000000',
  ...more,
});

describe('judge', () => {
  const anchor = anchorOf(change(7));
  it('knows the same line again', () => {
    expect(judge(anchor, change(7))).toBe('same');
  });
  it.each([[{ ID: 'x' }], [{ Date: '20260101T000001' }], [{ ChangeType: 'NewSeries' }]])('sees %j as other', (more) => {
    expect(judge(anchor, change(7, more))).toBe('other');
  });
  it('sees a later line, or none, as gone', () => {
    expect(judge(anchor, change(8))).toBe('gone');
    expect(judge(anchor, undefined)).toBe('gone');
  });
});

describe('withAnchor', () => {
  it('keeps the newest and thins out the old', () => {
    let anchors: Anchor[] = [];
    for (let seq = 1; seq <= 5000; seq += 1) anchors = withAnchor(anchors, anchorOf(change(seq)));
    const numbers = anchors.map((it) => it.seq);
    expect(numbers.slice(-4)).toEqual([4997, 4998, 4999, 5000]);
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    expect(numbers.length).toBeLessThan(25);
    expect(numbers.length).toBeGreaterThan(8);
    expect(numbers[0]).toBeLessThan(3000);
  });

  it('drops what lies at or after the new one', () => {
    expect(withAnchor([anchorOf(change(9))], anchorOf(change(5))).map((it) => it.seq)).toEqual([5]);
  });
});

describe('touchedBy', () => {
  it('sorts by level, once each, without Stable*', () => {
    const touched = touchedBy([
      change(1, { ID: 'i' }),
      change(2, { ID: 'i' }),
      change(3, { ResourceType: 'Series', ChangeType: 'NewSeries', ID: 's' }),
      change(4, { ResourceType: 'Study', ChangeType: 'StableStudy', ID: 't' }),
      change(5, { ResourceType: 'Patient', ChangeType: 'UpdatedMetadata', ID: 'p' }),
      change(6, { ResourceType: 'Galaxy', ID: 'g' }),
    ]);
    expect(touched).toEqual({
      instances: new Set(['i']),
      series: new Set(['s']),
      studies: new Set(),
      patients: new Set(['p']),
    });
  });
});

describe('backoffMilliseconds', () => {
  it('grows to a bound, with jitter of half', () => {
    expect(backoffMilliseconds(1, () => 0)).toBe(250);
    expect(backoffMilliseconds(1, () => 1)).toBe(500);
    expect(backoffMilliseconds(1000, () => 1)).toBe(10_000);
    expect(backoffMilliseconds(1000, () => 0)).toBe(5_000);
  });
});

describe('Waker', () => {
  it('remembers a wake-up', async () => {
    const waker = new Waker();
    waker.wake();
    expect(await waker.wait(60_000)).toBe(true);
    expect(await waker.wait(1)).toBe(false);
  });
  it('does not let a wake-up end a sleep, but the end does', async () => {
    const waker = new Waker();
    waker.wake();
    const started = performance.now();
    await waker.sleep(50);
    expect(performance.now() - started).toBeGreaterThan(40);
    setTimeout(() => {
      waker.end();
    }, 10);
    await waker.sleep(60_000);
    await waker.sleep(60_000);
  });
});

describe('mergeRequests', () => {
  const request = (more: Partial<ReconciliationRequest>): ReconciliationRequest => ({
    request_id: 'a',
    mode: 'light',
    reasons: ['x'],
    requested_at: new Date(0),
    ...more,
  });
  it('keeps the first identity, all reasons and the more thorough mode', () => {
    expect(mergeRequests(request({}), request({ request_id: 'b', mode: 'full', reasons: ['y', 'x'] }))).toEqual(
      request({ mode: 'full', reasons: ['x', 'y'] }),
    );
    expect(mergeRequests(request({}), request({ mode: 'quick' })).mode).toBe('light');
  });
});
