/** Analyses in the pages: asked for, failing, done, dead, old and new; in the report; and in the status. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { available } from '../../../backend/tests/live/servers.ts';
import { VIEWS, views, wrongWith } from './looks.ts';
import { HOSTILE } from './provider.ts';
import { Marker, QualityService, withProviders } from './providers.ts';
import { makeSamples, named, store, type Sample } from './samples.ts';
import { loginIn, open, Site, startBrowser, type Role, type Watched } from './site.ts';

describe.skipIf(!available)('analyses in the pages', () => {
  let site: Site;
  let browser: Browser;
  let quality: QualityService | undefined;
  let sample: Sample;
  const marker = new Marker();

  beforeAll(async () => {
    [site, browser] = await Promise.all([Site.start(), startBrowser()]);
    quality = await QualityService.start(site);
    await withProviders(site, { image_quality: quality.url, marker: await marker.start() });
    sample = named(makeSamples(site), 'a gradient');
    await store(site, sample);
    await site.recorded(sample.study);
  }, 180_000);
  afterAll(async () => {
    await browser.close();
    await quality?.stop();
    await site.stop();
    await marker.stop();
  });

  async function loggedIn(role: Role, options: object = {}): Promise<Watched> {
    const watched = await open(browser, site, options);
    await loginIn(watched.page, site, role);
    return watched;
  }
  async function studyPage(role: Role, options: object = {}): Promise<Watched> {
    const watched = await loggedIn(role, options);
    await watched.page.goto(`${site.url}/studies/${sample.study}`);
    await watched.page.getByRole('heading', { name: 'Analysis' }).waitFor();
    return watched;
  }
  const resultOf = (page: Page, name: RegExp): ReturnType<Page['locator']> =>
    page.getByRole('article', { name }).first();
  const unharmed = async (page: Page): Promise<void> => {
    expect(await page.evaluate(() => (window as { hurt?: number }).hurt)).toBeUndefined();
  };

  it('are asked for by who may, and measurements appear by themselves', async () => {
    const { page, errors, context } = await studyPage('radiologist');
    await page.getByText('This study was not analysed.').waitFor();
    await page.getByRole('button', { name: 'Analyse: Image quality' }).click();
    const result = resultOf(page, /Image quality/);
    await result.waitFor();
    await result.getByText('Measurement, not a diagnosis').waitFor();
    const row = result.getByRole('row').filter({ hasText: 'Maximum' });
    expect(await row.getByRole('cell').last().innerText()).toBe('1,016');
    await result.getByText('Where this comes from').click();
    await result.getByText('1 of 1 examined').waitFor();
    expect(errors).toEqual([]);
    await context.close();

    const viewer = await studyPage('viewer');
    await resultOf(viewer.page, /Image quality/).waitFor();
    expect(await viewer.page.getByRole('button', { name: /Analyse/ }).count()).toBe(0);
    await viewer.context.close();
  }, 240_000);

  it('that fail say why and when they are tried again; an administrator has them done at once', async () => {
    marker.status = 503;
    const { page, context } = await studyPage('technologist');
    await page.getByRole('button', { name: 'Analyse: Marker' }).click();
    await page.getByText('failed, and is tried again, attempt 1').waitFor();
    await page.getByText(/^Reason: /).waitFor();
    expect(await page.getByRole('button', { name: /Try again now/ }).count()).toBe(0);

    marker.status = 422;
    const administrator = await studyPage('administrator');
    await administrator.page.getByRole('button', { name: 'Try again now' }).click();
    // Heard of, not asked for: this page was not touched.
    await page.getByText('was given up, attempt 1').waitFor();
    expect(await page.getByText(/^Reason: /).innerText()).toContain(HOSTILE);
    await unharmed(page);

    for (const [name, options] of views()) {
      const status = await loggedIn('administrator', options);
      await status.page.goto(`${site.url}/status`);
      await status.page.getByText('1 given up').waitFor();
      await status.page.getByText(/^Reason: /).waitFor();
      expect(await wrongWith(status.page, `status-dead-${name}`), name).toEqual([]);
      await status.context.close();
    }

    marker.status = 200;
    await administrator.page.getByRole('button', { name: 'Try again now' }).click();
    await resultOf(page, /Marker 1\.0/).waitFor();
    await page.getByText('was given up').waitFor({ state: 'detached' });
    await Promise.all([context.close(), administrator.context.close()]);
  }, 180_000);

  it('show findings with confidence, place and region as text, tell what is missing, and open the image', async () => {
    const { page, errors, context } = await studyPage('radiologist');
    const result = resultOf(page, /Marker 1\.0/);
    await result.getByText('Triage aid of the tests; not a diagnosis').waitFor();
    const finding = result.getByRole('listitem').filter({ hasText: 'A mark in the middle' });
    expect(await finding.innerText()).toContain(HOSTILE);
    expect(await finding.innerText()).toContain('confidence 0.9346');
    expect(await finding.innerText()).toContain('box from column/row 20/30 to 90/101');
    await result.getByText('1 of 2 images were examined').waitFor();
    await result.getByText('1 could not be').click();
    await result.getByText('the file is broken').waitFor();
    expect(await result.getByRole('row').filter({ hasText: 'Length' }).innerText()).toContain('12.35');
    await unharmed(page);
    await finding.getByRole('link').click();
    await page.getByRole('link', { name: 'Back to the study' }).waitFor();
    expect(page.url()).toContain('initialSopInstanceUID=');
    await page.locator('canvas.cornerstone-canvas').first().waitFor();
    expect(errors).toEqual([]);
    await context.close();
  }, 240_000);

  it('fold what is older', async () => {
    marker.version = '2.0';
    const { page, context } = await studyPage('radiologist');
    await page.getByRole('button', { name: 'Analyse: Marker' }).click();
    await resultOf(page, /marker 2\.0/i).waitFor();
    expect(await page.getByRole('article', { name: /Marker 1\.0/ }).isVisible()).toBe(false);
    await page.getByText('Earlier results (1)').click();
    await page.getByRole('article', { name: /Marker 1\.0/ }).waitFor();
    await context.close();
  });

  it('are clean for axe and as wide as the window, whatever the device', async () => {
    for (const [name, options] of views()) {
      const { page, context } = await studyPage('administrator', options);
      await resultOf(page, /marker/i).waitFor();
      for (const it of await page.locator('.analysis summary').all()) await it.click();
      expect(await wrongWith(page, `study-analysis-${name}`), name).toEqual([]);
      await context.close();
    }
  }, 180_000);

  it('that come later are offered to a draft, and are not confirmed by being taken over', async () => {
    const { page, errors, context } = await studyPage('radiologist');
    await page.getByRole('button', { name: 'Begin a report' }).click();
    const field = page.getByLabel('Results of analyses', { exact: false });
    await field.waitFor();
    expect(await field.inputValue()).toContain('marker 2.0');
    await field.fill('Seen by me.');
    await page.getByText('Everything is saved').waitFor();

    marker.version = '3.0';
    const asked = await studyPage('technologist');
    await asked.page.getByRole('button', { name: 'Analyse: Marker' }).click();
    await page.getByRole('heading', { name: 'New analysis since this draft' }).waitFor();
    for (const name of ['desktop-light', 'tablet-dark'] as const) {
      await page.emulateMedia({ colorScheme: VIEWS[name].colorScheme });
      await page.setViewportSize(VIEWS[name].viewport);
      expect(await wrongWith(page, `report-newer-${name}`)).toEqual([]);
    }
    await page.getByText('It is written below what was typed.').waitFor();
    await page.getByRole('button', { name: /^Take over/ }).click();
    await page.getByRole('heading', { name: 'New analysis since this draft' }).waitFor({ state: 'detached' });
    const text = await field.inputValue();
    expect(text.startsWith('Seen by me.\n\nmarker 3.0')).toBe(true);
    expect(text).toContain(HOSTILE);
    await page.getByText('Filled in from an analysis').waitFor();
    await page.getByRole('button', { name: 'Sign …' }).click();
    await page.getByText('confirm what was filled in').first().waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();

    marker.version = '4.0';
    await asked.page.getByRole('button', { name: 'Analyse: Marker' }).click();
    await page.getByRole('button', { name: /^Leave out/ }).click();
    await page.getByRole('heading', { name: 'New analysis since this draft' }).waitFor({ state: 'detached' });
    expect(await field.inputValue()).toBe(text);
    await page.reload();
    await field.waitFor();
    expect(await page.getByRole('heading', { name: 'New analysis since this draft' }).count()).toBe(0);
    expect(await field.inputValue()).toBe(text);
    await unharmed(page);
    expect(errors).toEqual([]);
    await Promise.all([context.close(), asked.context.close()]);
  }, 240_000);
});
