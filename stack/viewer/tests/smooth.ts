/**
 * How smooth a page is, as its user feels it: measured inside the browser, from its own clocks.
 *
 * Long tasks (https://w3c.github.io/longtasks/), interactions until the next paint (https://web.dev/articles/inp),
 * layout shifts that no input caused (https://web.dev/articles/cls), and frames that were left out.
 */
import type { BrowserContext, CDPSession, Page } from 'playwright-core';

/** What was seen since the last look; milliseconds, but for `shift`. */
export interface Seen {
  /** Tasks of more than 50 ms. */
  readonly tasks: readonly number[];
  /** Each key and click until the page was painted after it, in steps of 8 ms. */
  readonly interactions: readonly number[];
  /** The sum of the shifts, each the share of the window that moved times how far. */
  readonly shift: number;
  readonly frames: number;
  /** Of 60 a second. */
  readonly dropped: number;
  /** Between two frames. */
  readonly longestGap: number;
  /** Requests of lists. */
  readonly requests: number;
}

interface Instruments {
  seen: () => Seen;
}

/** To be run before a page's own scripts. */
function instrument(): void {
  const FRAME = 1000 / 60;
  let tasks: number[] = [];
  let shift = 0;
  let done = 0;
  const interactions = new Map<number, number>();
  let [frames, dropped, longestGap, before] = [0, 0, 0, 0];
  performance.setResourceTimingBufferSize(100_000);
  const observe = (type: string, each: (entry: PerformanceEntry) => void, options: object = {}): void => {
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) each(entry);
    }).observe({ type, buffered: true, ...options });
  };
  observe('longtask', ({ duration }) => tasks.push(duration));
  observe('layout-shift', (entry) => {
    const { value, hadRecentInput } = entry as unknown as { value: number; hadRecentInput: boolean };
    if (!hadRecentInput) shift += value;
  });
  observe(
    'event',
    (entry) => {
      const { duration, interactionId } = entry as unknown as { duration: number; interactionId: number };
      if (interactionId > 0) interactions.set(interactionId, Math.max(duration, interactions.get(interactionId) ?? 0));
    },
    { durationThreshold: 16 },
  );
  for (const it of ['keydown', 'pointerdown']) {
    addEventListener(
      it,
      () => {
        done += 1;
      },
      { capture: true },
    );
  }
  const frame = (now: number): void => {
    const gap = now - before;
    if (before > 0) {
      frames += 1;
      dropped += Math.max(0, Math.round(gap / FRAME) - 1);
      longestGap = Math.max(longestGap, gap);
    }
    before = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  const seen = (): Seen => {
    const told = [...interactions.values()];
    // What took less than the threshold is not told.
    const quick = Array.from({ length: Math.max(0, done - told.length) }, () => 8);
    const requests = performance.getEntriesByType('resource').filter((it) => it.name.includes('/api/studies?')).length;
    const result = { tasks, interactions: [...told, ...quick], shift, frames, dropped, longestGap, requests };
    interactions.clear();
    performance.clearResourceTimings();
    [tasks, shift, done, frames, dropped, longestGap] = [[], 0, 0, 0, 0, 0];
    return result;
  };
  (window as unknown as { instruments: Instruments }).instruments = { seen };
}

export async function instrumented(context: BrowserContext): Promise<void> {
  await context.addInitScript(instrument);
}

/** What was seen since the call before; and begins anew. */
export async function seen(page: Page): Promise<Seen> {
  // Entries are handed over a little after what they tell of.
  await page.waitForTimeout(200);
  return page.evaluate(() => (window as unknown as { instruments: Instruments }).instruments.seen());
}

/** The page's own clock. */
export async function clock(page: Page): Promise<number> {
  return page.evaluate(() => performance.now());
}

/**
 * Waits until the list that was asked for with all of these is shown.
 *
 * @param asked parts of the request's address, each as `name=value`
 * @returns when, by the page's own clock, at a frame
 */
export async function shown(page: Page, ...asked: readonly string[]): Promise<number> {
  const found = await page.waitForFunction(
    (parts) => {
      const answered = performance
        .getEntriesByType('resource')
        .some(({ name }) => name.includes('/api/studies?') && parts.every((it) => `${name}&`.includes(`${it}&`)));
      const list = document.querySelector('.found');
      return answered && list?.getAttribute('aria-busy') === 'false' ? performance.now() : null;
    },
    asked,
    { polling: 'raf' },
  );
  return (await found.jsonValue()) ?? Infinity;
}

/** What lives in the page after its garbage was collected. */
export class Heap {
  readonly #session: CDPSession;

  private constructor(session: CDPSession) {
    this.#session = session;
  }

  static async of(page: Page): Promise<Heap> {
    const session = await page.context().newCDPSession(page);
    await session.send('Performance.enable');
    return new Heap(session);
  }

  /** Bytes of the heap, and how many nodes of documents there are. */
  async look(): Promise<{ bytes: number; nodes: number; listeners: number }> {
    await this.#session.send('HeapProfiler.collectGarbage');
    const { metrics } = await this.#session.send('Performance.getMetrics');
    const value = (name: string): number => metrics.find((it) => it.name === name)?.value ?? 0;
    return { bytes: value('JSHeapUsedSize'), nodes: value('Nodes'), listeners: value('JSEventListeners') };
  }
}
