/**
 * The list of studies stays usable while studies arrive and searches overtake each other; how fast it is, is told by
 * `python -m bench page`.
 */
import type { Browser, Page, Request } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { available, until } from '../../../backend/tests/live/servers.ts';
import { crowded, type Crowd } from '../crowd.ts';
import { instrumented, seen } from '../smooth.ts';
import { loginIn, open, startBrowser } from './site.ts';

const STUDIES = 300;

describe.skipIf(!available)('the list of studies', () => {
  let crowd: Crowd;
  let browser: Browser;
  let page: Page;
  let errors: string[];

  beforeAll(async () => {
    [crowd, browser] = await Promise.all([crowded(STUDIES), startBrowser()]);
    const watched = await open(browser, crowd.site);
    ({ page, errors } = watched);
    await instrumented(watched.context);
    await loginIn(page, crowd.site, 'radiologist');
  }, 240_000);
  afterAll(async () => {
    await browser.close();
    await crowd.stop();
    expect(errors).toEqual([]);
  });

  const begin = async (path = '/patients'): Promise<void> => {
    await page.goto(`${crowd.site.url}${path}`);
    await page.locator('tbody tr').nth(20).waitFor();
  };
  const rows = async (): Promise<string[]> => page.locator('tbody tr').allInnerTexts();
  /** Studies arrive, and the page has heard of the last. */
  const arrive = async (count: number): Promise<void> => {
    const total = STUDIES + crowd.arrivals.count + count;
    const answered = page.waitForResponse(async (it) => {
      if (!it.url().includes('/api/studies?')) return false;
      const body = (await it.json().catch(() => null)) as { total?: number } | null;
      return body?.total === total;
    });
    await crowd.arrivals.come(count);
    await answered;
  };

  it('is asked for at a pace, however many studies arrive', async () => {
    await begin();
    const asked: string[] = [];
    const count = (it: Request): void => {
      if (it.url().includes('/api/studies?')) asked.push(it.url());
    };
    page.on('request', count);
    const began = performance.now();
    for (let burst = 0; burst < 10; burst += 1) {
      await crowd.arrivals.come(18);
      await page.waitForTimeout(100);
    }
    await arrive(20);
    const seconds = (performance.now() - began) / 1000;
    page.off('request', count);
    // One each second, the first at once, and the last after all had come.
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.length).toBeLessThanOrEqual(Math.ceil(seconds) + 2);
    await page.getByText(`of ${String(STUDIES + 200)}`).waitFor();
  });

  it('stands still below somebody who reads it, keeps the focus, and shows what is new when asked', async () => {
    await begin();
    const link = page.locator('tbody tr').nth(4).getByRole('link').first();
    await link.focus();
    const before = await rows();
    await seen(page);
    await arrive(12);
    await page.getByRole('button', { name: '12 new: show' }).waitFor();
    expect(await rows()).toEqual(before);
    // A row's height of the window would be 0.03 and more.
    expect((await seen(page)).shift).toBeLessThan(0.001);
    expect(await link.evaluate((it) => it === document.activeElement)).toBe(true);
    await page.keyboard.press('Tab');
    expect(await rows()).toEqual(before);
    await page.getByRole('button', { name: '12 new: show' }).click();
    await until('the new ones are shown', async () => (await rows())[12] === before[0]);
    expect(await page.getByRole('button', { name: /show$/ }).count()).toBe(0);
  });

  it('keeps its place: the page of it, and how far it was scrolled', async () => {
    await begin();
    const region = page.getByRole('region', { name: 'Studies' });
    await region.evaluate((it) => {
      it.scrollTop = 300;
    });
    const before = await rows();
    await arrive(3);
    await page.getByRole('button', { name: '3 new: show' }).waitFor();
    expect(await region.evaluate((it) => it.scrollTop)).toBe(300);
    expect(await rows()).toEqual(before);
    await page.getByRole('button', { name: 'Next' }).click();
    await page.getByText('51 to 100 of').waitFor();
    await page.locator('.found[aria-busy=false]').waitFor();
    // Another page begins at its top.
    expect(await region.evaluate((it) => it.scrollTop)).toBe(0);
    const second = await rows();
    await arrive(3);
    await page.getByRole('button', { name: '3 new: show' }).waitFor();
    expect(await rows()).toEqual(second);
    expect(page.url()).toContain('offset=50');
  });

  it('gives up searches that are outdated, and loses no letter', async () => {
    await begin();
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    await page.route(/[?&]q=sm&/, async (route) => {
      await held;
      await route.continue().catch(() => undefined);
    });
    const failed: string[] = [];
    page.on('requestfailed', (it) => failed.push(new URL(it.url()).searchParams.get('q') ?? ''));
    const field = page.getByLabel('Search');
    await field.click();
    const first = page.waitForRequest((it) => it.url().includes('q=sm&'));
    await page.keyboard.type('sm');
    await first;
    const last = page.waitForResponse((it) => it.url().includes('q=smith&'));
    await page.keyboard.type('ith');
    await last;
    await until('the outdated search is given up', async () => Promise.resolve(failed.includes('sm')));
    release();
    await page.locator('.found[aria-busy=false]').waitFor();
    for (const it of await rows()) expect(it.toLowerCase()).toContain('smith');
    expect(await field.inputValue()).toBe('smith');
    expect(await field.evaluate((it) => it === document.activeElement)).toBe(true);
    // Two filters that change before either has been taken.
    await page.getByLabel('Modality').fill('CT');
    await page.getByLabel('Description').fill('head');
    await page.waitForURL(/(?=.*modality=CT)(?=.*description=head)(?=.*q=smith)/);
    await page.unroute(/[?&]q=sm&/);
  });

  it('has an open study opened once, whatever arrives, and also for who comes back to the window', async () => {
    await begin();
    let asked = 0;
    page.on('request', (it) => {
      if (it.url().includes('/series?')) asked += 1;
    });
    await page.locator('tbody .column-description a').first().click();
    await page.getByRole('heading', { name: 'Series' }).waitFor();
    await until('the series are asked for', async () => Promise.resolve(asked > 0));
    const study = new URL(page.url()).pathname.split('/').at(-1) ?? '';
    for (const events of [['visibilitychange'], ['offline', 'online']]) {
      const before = asked;
      await until('the series are asked for again', async () => {
        // While an answer is on its way, nothing is asked for.
        await page.evaluate((names) => {
          for (const name of names) window.dispatchEvent(new Event(name));
        }, events);
        return asked > before;
      });
    }
    for (let count = 0; count < 3; count += 1) {
      await crowd.arrivals.come(5);
      await page.waitForTimeout(500);
    }
    await page.getByRole('link', { name: 'Patients' }).click();
    await page.getByText(`of ${String(STUDIES + crowd.arrivals.count)}`).waitFor();
    const { total } = await crowd.site.backend.json<{ total: number }>(
      `/api/audit?event=study_opened&study_instance_uid=${study}`,
    );
    expect(total).toBe(1);
  });
});
