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

async function scenario(page: Page, crowd: Crowd, studies: number, act: Act): Promise<Scenario> {
  await seen(page);
  const began = performance.now();
  const waits = await act(page, crowd, studies);
  const result = await seen(page);
  return { waits, seconds: (performance.now() - began) / 1000, seen: result };
}

/** The list as it is when it is opened, the pointer beside it. */
async function anew(page: Page, crowd: Crowd): Promise<void> {
  await page.goto(`${crowd.site.url}/patients`);
  await page.mouse.move(5, 5);
  await shown(page, 'sort=received');
}

async function whileArriving<T>(crowd: Crowd, act: () => Promise<T>): Promise<T> {
  const end = new AbortController();
  const coming = crowd.arrivals.keepComing(ARRIVALS_A_SECOND, end.signal);
  try {
    return await act();
  } finally {
    end.abort();
    await coming;
  }
}

async function measure(browser: Browser, crowd: Crowd, studies: number, seconds: number): Promise<Figures> {
  const { page, context, errors } = await open(browser, crowd.site);
  await instrumented(context);
  await loginIn(page, crowd.site, 'radiologist');
  const scenarios: Record<string, Scenario> = {};
  const run = async (name: string, act: Act): Promise<void> => {
    scenarios[name] = await scenario(page, crowd, studies, act);
  };
  await anew(page, crowd);
  await run('opening', opened);
  await run('typing', typed);
  await run('sorting', sorted);
  await run('paging', paged);
  await anew(page, crowd);
  await run('filtering', filtered);
  await run('scrolling', scrolled);
  if (crowd.patient !== null) {
    await page.goto(`${crowd.site.url}/patients/${crowd.patient}`);
    await page.locator('tbody tr').last().waitFor();
    await run("scrolling a patient's studies", scrolled);
  }
  await anew(page, crowd);
  await whileArriving(crowd, async () => {
    await run('typing while studies arrive', typed);
    await run('reading while studies arrive', read);
  });
  await anew(page, crowd);
  const heap = await whileArriving(crowd, async () => {
    const look = await Heap.of(page);
    // What is made once, such as compiled code, is there after a while.
    await page.waitForTimeout(Math.min(20, seconds / 3) * 1000);
    const before = crowd.arrivals.count;
    const first = await look.look();
    await run('studies arrive', async () => {
      await page.waitForTimeout(seconds * 1000);
      return [];
    });
    const last = await look.look();
    return {
      before: first.bytes,
      after: last.bytes,
      nodesBefore: first.nodes,
      nodesAfter: last.nodes,
      arrivals: crowd.arrivals.count - before,
    };
  });
  expect(errors).toEqual([]);
  await context.close();
  return { studies, scenarios, heap };
}

it('is smooth', async () => {
  const browser = await startBrowser();
  const crowds: Crowd[] = [];
  try {
    const many = await crowded(MANY, Math.min(OF_ONE, Math.floor(MANY / 2)));
    crowds.push(many);
    const few = await crowded(FEW);
    crowds.push(few);
    const figures = {
      few: await measure(browser, few, FEW, Math.min(30, SECONDS)),
      many: await measure(browser, many, MANY, SECONDS),
    };
    if (OUTPUT === '') console.log(JSON.stringify(figures, null, 1));
    else writeFileSync(OUTPUT, JSON.stringify(figures));
  } finally {
    await browser.close();
    await Promise.all(crowds.map(async (it) => it.stop()));
  }
});
