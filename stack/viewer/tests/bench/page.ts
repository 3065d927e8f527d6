/**
 * How smooth the list of studies is, in a real browser, of many studies and of a few in turn; figures as JSON.
 *
 * Environment: PAGE_STUDIES and PAGE_FEW, how many; PAGE_SECONDS, for how long studies arrive; PAGE_OUTPUT, the file.
 */
import { writeFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { crowded, type Crowd } from '../crowd.ts';
import { loginIn, open, startBrowser } from '../live/site.ts';
import { clock, Heap, instrumented, seen, shown, type Seen } from '../smooth.ts';

const MANY = Number(process.env.PAGE_STUDIES ?? '100000');
const FEW = Number(process.env.PAGE_FEW ?? '100');
const SECONDS = Number(process.env.PAGE_SECONDS ?? '600');
const OUTPUT = process.env.PAGE_OUTPUT ?? '';
const OF_ONE = 500;
const ARRIVALS_A_SECOND = 5;
const KEY_MILLISECONDS = 120;
const WORDS = ['smith', 'anna', '4711', 'шевченко', 'ct head', 'zzzz'];
const COLUMNS = {
  Patient: 'patient_name',
  'Patient ID': 'patient_id',
  'Study date': 'study_date',
  Images: 'instances',
  Received: 'received',
};
const PAGES = 50;
const LIMIT = 50;

/** Until what was asked for was shown, in milliseconds; how long it all took; and what was seen meanwhile. */
interface Scenario {
  waits: number[];
  seconds: number;
  seen: Seen;
}

interface Figures {
  studies: number;
  scenarios: Record<string, Scenario>;
  heap: { before: number; after: number; nodesBefore: number; nodesAfter: number; arrivals: number };
}

/** Each gives the waits for what it asked for. */
type Act = (page: Page, crowd: Crowd, studies: number) => Promise<number[]>;

const opened: Act = async (page, crowd) => {
  const waits: number[] = [];
  for (let count = 0; count < 5; count += 1) {
    await page.goto(`${crowd.site.url}/patients`);
    waits.push(await shown(page, 'sort=received'));
  }
  return waits;
};

const typed: Act = async (page) => {
  const waits: number[] = [];
  const field = page.getByLabel('Search');
  for (const word of WORDS) {
    await field.click();
    let last = 0;
    for (const key of word) {
      await page.waitForTimeout(KEY_MILLISECONDS);
      last = await clock(page);
      await page.keyboard.type(key);
    }
    waits.push((await shown(page, new URLSearchParams({ q: word }).toString())) - last);
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.waitForFunction(() => !location.search.includes('q='));
    await page.waitForTimeout(300);
  }
  return waits;
};

const sorted: Act = async (page) => {
  const waits: number[] = [];
  for (const [name, key] of Object.entries(COLUMNS)) {
    const button = page.getByRole('columnheader', { name }).first().getByRole('button');
    for (const order of ['desc', 'asc']) {
      const began = await clock(page);
      await button.click();
      waits.push((await shown(page, `sort=${key}`, `order=${order}`)) - began);
      await page.waitForTimeout(100);
    }
  }
  return waits;
};

/** Forwards as far as there are pages, then back and forth. */
const paged: Act = async (page, _, studies) => {
  let forwards = true;
  let offset = 0;
  let began = 0;
  for (let turned = 0; turned < PAGES; turned += 1) {
    if (forwards ? offset + LIMIT >= studies : offset === 0) forwards = !forwards;
    offset += forwards ? LIMIT : -LIMIT;
    began = await clock(page);
    await page.getByRole('button', { name: forwards ? 'Next' : 'Previous' }).click();
  }
  return [(await shown(page, `offset=${String(offset)}`)) - began];
};

const filtered: Act = async (page) => {
  const waits: number[] = [];
  const steps: readonly [string, string, string][] = [
    ['Modality', 'CT', 'modality=CT'],
    ['Study date from', '2024-01-01', 'study_date_from=2024-01-01'],
    ['to', '2026-06-30', 'study_date_to=2026-06-30'],
  ];
  for (const [label, value, asked] of steps) {
    const began = await clock(page);
    await page.getByLabel(label, { exact: true }).fill(value);
    waits.push((await shown(page, asked)) - began);
  }
  await page.getByRole('button', { name: 'Clear' }).click();
  await page.waitForTimeout(500);
  return waits;
};

const scrolled: Act = async (page) => {
  await page.mouse.move(640, 500);
  for (let turn = 0; turn < 4; turn += 1) {
    for (let step = 0; step < 40; step += 1) {
      await page.mouse.wheel(0, turn % 2 === 0 ? 120 : -120);
      await page.waitForTimeout(16);
    }
  }
  return [];
};

/** The pointer goes over the rows. */
const read: Act = async (page) => {
  for (let step = 0; step < 50; step += 1) {
    await page.mouse.move(400 + 4 * step, 400 + 4 * step);
    await page.waitForTimeout(200);
  }
  return [];
};

/** One of the two sites with its page. */
class Visit {
  readonly scenarios: Record<string, Scenario> = {};
  readonly #page: Page;
  readonly #crowd: Crowd;
  readonly #studies: number;

  constructor(page: Page, crowd: Crowd, studies: number) {
    this.#page = page;
    this.#crowd = crowd;
    this.#studies = studies;
  }

  async run(name: string, act: Act): Promise<void> {
    await seen(this.#page);
    const began = performance.now();
    const waits = await act(this.#page, this.#crowd, this.#studies);
    const result = await seen(this.#page);
    this.scenarios[name] = { waits, seconds: (performance.now() - began) / 1000, seen: result };
  }

  /** The list as it is when it is opened, the pointer beside it. */
  async anew(): Promise<void> {
    await this.#page.goto(`${this.#crowd.site.url}/patients`);
    await this.#page.mouse.move(5, 5);
    await shown(this.#page, 'sort=received');
  }

  async whileArriving<T>(act: () => Promise<T>): Promise<T> {
    const end = new AbortController();
    const coming = this.#crowd.arrivals.keepComing(ARRIVALS_A_SECOND, end.signal);
    try {
      return await act();
    } finally {
      end.abort();
      await coming;
    }
  }

  async patient(): Promise<void> {
    if (this.#crowd.patient === null) return;
    await this.#page.goto(`${this.#crowd.site.url}/patients/${this.#crowd.patient}`);
    await this.#page.locator('tbody tr').last().waitFor();
    await this.run("scrolling a patient's studies", scrolled);
  }

  async heap(seconds: number): Promise<Figures['heap']> {
    const heap = await Heap.of(this.#page);
    return this.whileArriving(async () => {
      // What is made once, such as compiled code, is there after a while.
      await this.#page.waitForTimeout(Math.min(20, seconds / 3) * 1000);
      const arrived = this.#crowd.arrivals.count;
      const before = await heap.look();
      await this.run('studies arrive', async (page) => {
        await page.waitForTimeout(seconds * 1000);
        return [];
      });
      const after = await heap.look();
      return {
        before: before.bytes,
        after: after.bytes,
        nodesBefore: before.nodes,
        nodesAfter: after.nodes,
        arrivals: this.#crowd.arrivals.count - arrived,
      };
    });
  }
}

/** Each step on one site and then on the other, so that what else the machine does meets both. */
async function measure(browser: Browser, few: Crowd, many: Crowd): Promise<{ few: Figures; many: Figures }> {
  const errors: string[][] = [];
  const visit = async (crowd: Crowd, studies: number): Promise<Visit> => {
    const watched = await open(browser, crowd.site);
    errors.push(watched.errors);
    await instrumented(watched.context);
    await loginIn(watched.page, crowd.site, 'radiologist');
    return new Visit(watched.page, crowd, studies);
  };
  const visits = { few: await visit(few, FEW), many: await visit(many, MANY) };
  const both = async (step: (it: Visit) => Promise<void>): Promise<void> => {
    await step(visits.few);
    await step(visits.many);
  };
  const steps: readonly [string, Act][] = [
    ['opening', opened],
    ['typing', typed],
    ['sorting', sorted],
    ['paging', paged],
    ['filtering', filtered],
    ['scrolling', scrolled],
  ];
  for (const [name, act] of steps) {
    await both(async (it) => {
      await it.anew();
      await it.run(name, act);
    });
  }
  await both(async (it) => it.patient());
  await both(async (it) => {
    await it.anew();
    await it.whileArriving(async () => {
      await it.run('typing while studies arrive', typed);
      await it.run('reading while studies arrive', read);
    });
  });
  await both(async (it) => it.anew());
  const heaps = { few: await visits.few.heap(Math.min(30, SECONDS)), many: await visits.many.heap(SECONDS) };
  expect(errors).toEqual([[], []]);
  return {
    few: { studies: FEW, scenarios: visits.few.scenarios, heap: heaps.few },
    many: { studies: MANY, scenarios: visits.many.scenarios, heap: heaps.many },
  };
}

it('is smooth', async () => {
  const browser = await startBrowser();
  const crowds: Crowd[] = [];
  try {
    const many = await crowded(MANY, Math.min(OF_ONE, Math.floor(MANY / 2)));
    crowds.push(many);
    const few = await crowded(FEW);
    crowds.push(few);
    const figures = await measure(browser, few, many);
    if (OUTPUT === '') console.log(JSON.stringify(figures, null, 1));
    else writeFileSync(OUTPUT, JSON.stringify(figures));
  } finally {
    await browser.close();
    await Promise.all(crowds.map(async (it) => it.stop()));
  }
});
