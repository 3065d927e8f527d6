import { QueryClient } from '@tanstack/react-query';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { concerned, Told } from '../../app/src/api/concerned.ts';
import { paced } from '../../app/src/api/pace.ts';

describe('work at a pace', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is done at once, and once more for all that asked meanwhile', async () => {
    const work = vi.fn(async () => Promise.resolve());
    const { ask } = paced(work, 1_000);
    for (let count = 0; count < 200; count += 1) ask();
    expect(work).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(999);
    ask();
    expect(work).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(work).toHaveBeenCalledTimes(2);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(work).toHaveBeenCalledTimes(2);
    ask();
    expect(work).toHaveBeenCalledTimes(3);
  });

  it('is not begun anew while it takes long, nor never again after a failure', async () => {
    let end = (): void => undefined;
    const work = vi.fn(
      async () =>
        new Promise<void>((_, reject) => {
          end = () => {
            reject(new Error('no answer'));
          };
        }),
    );
    const { ask, stop } = paced(work, 1_000);
    ask();
    await vi.advanceTimersByTimeAsync(30_000);
    ask();
    expect(work).toHaveBeenCalledTimes(1);
    end();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(work).toHaveBeenCalledTimes(2);
    stop();
    end();
    ask();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(work).toHaveBeenCalledTimes(2);
  });
});

describe('news of studies', () => {
  const client = new QueryClient();
  client.setQueryData(['study', '1.2'], { id: 'one' });
  client.setQueryData(['study', '1.3'], { id: 'two' });
  const of = (...studies: string[]): Told => {
    const told = new Told();
    told.add(studies);
    return told;
  };

  it('concern every list, and those studies alone: each request of a study is written down as its opening', () => {
    const told = of('one');
    expect(concerned(client, told, ['studies', 'sort=received'])).toBe(true);
    expect(concerned(client, told, ['patient', 'x'])).toBe(true);
    expect(concerned(client, told, ['study', '1.2'])).toBe(true);
    expect(concerned(client, told, ['series', '1.2'])).toBe(true);
    expect(concerned(client, told, ['study', '1.3'])).toBe(false);
    expect(concerned(client, told, ['series', '1.3'])).toBe(false);
    expect(concerned(client, told, ['series', 'id', 'middle', 3])).toBe(false);
    expect(concerned(client, told, ['reports', 'one', 0])).toBe(false);
  });

  it('may mean a study that was not there', () => {
    expect(concerned(client, of('one'), ['study', '1.4'])).toBe(true);
    expect(concerned(client, of('one'), ['series', '1.4'])).toBe(false);
  });

  it('may mean any study where none is named, or so many that the rest was left out', () => {
    for (const told of [of(), of(...Array.from({ length: 500 }, (_, it) => String(it)))]) {
      expect(told.none).toBe(false);
      expect(concerned(client, told, ['study', '1.3'])).toBe(true);
    }
    expect(new Told().none).toBe(true);
  });
});
