/** A session that ends, several tabs, a backend that goes and comes: the page says so, and goes on by itself. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { series } from '../../../backend/tests/live/dicom.ts';
import { available, until } from '../../../backend/tests/live/servers.ts';
import { loginIn, open, PASSWORD, Site, startBrowser } from './site.ts';

describe.skipIf(!available)('an interruption', () => {
  let site: Site;
  let browser: Browser;

  beforeAll(async () => {
    [site, browser] = await Promise.all([Site.start(), startBrowser()]);
    await arrives('The first');
  }, 240_000);
  afterAll(async () => {
    await browser.close();
    await site.stop();
  });

  async function arrives(description: string): Promise<string> {
    const [image] = series(1, { patientId: description, description });
    if (image === undefined) throw new Error('no image');
    await site.orthanc.store([image]);
    await site.backend.poke();
    return image.studyUid;
  }
  const seen = async (page: Page, description: string): Promise<void> => {
    await page.getByRole('link', { name: description }).waitFor();
  };
  async function logIn(page: Page): Promise<void> {
    await page.getByLabel('User').fill('viewer');
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Log in' }).click();
  }

  it('by the end of the session leads to the login, and back to where one was', async () => {
    const { page, context } = await open(browser, site);
    await loginIn(page, site, 'viewer');
    await seen(page, 'The first');
    await site.database.db.collection('sessions').updateMany({}, { $set: { expires_at: new Date(0) } });
    await page.getByLabel('Search').fill('first');
    await page.getByRole('heading', { name: 'Log in' }).waitFor();
    await logIn(page);
    await seen(page, 'The first');
    expect(new URL(page.url()).searchParams.get('q')).toBe('first');
    await context.close();
  });

  it('by a logout reaches every tab, images too, without a key pressed', async () => {
    const { page, context } = await open(browser, site);
    await loginIn(page, site, 'viewer');
    const other = await context.newPage();
    await other.goto(`${site.url}/patients`);
    await seen(other, 'The first');
    const images = async (): Promise<number> =>
      other.evaluate(async () => (await fetch('/dicom-web/studies?limit=1')).status);
    expect(await images()).toBe(200);
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByRole('heading', { name: 'Log in' }).waitFor();
    await until('images are closed', async () => (await images()) === 401);
    // The stream of news ends with the session, and its end is noticed.
    await other.getByRole('heading', { name: 'Log in' }).waitFor();
    await context.close();
  }, 240_000);

  it('of the backend leaves the page as it is, and new studies come again by themselves', async () => {
    const { page, errors, context } = await open(browser, site);
    await loginIn(page, site, 'viewer');
    await seen(page, 'The first');
    await site.backend.stop('SIGKILL');
    await until('the page has asked in vain', async () => errors.some((it) => it.endsWith('/api/events')));
    await seen(page, 'The first');
    await page.getByLabel('Search').fill('xyz');
    await page.getByRole('alert').getByText('The backend does not answer').waitFor();
    await site.backend.start();
    await until('the backend is ready', async () => (await site.backend.request('/readyz')).ok);
    await page.getByLabel('Search').fill('');
    await arrives('After the restart');
    await seen(page, 'After the restart');
    expect(errors.filter((it) => !it.startsWith('503 '))).toEqual([]);
    await context.close();
  }, 180_000);

  it('of the archive is told of by what asks for images', async () => {
    const cookie = await site.login('viewer');
    await site.orthanc.stop();
    const answer = await fetch(`${site.url}/dicom-web/studies`, { headers: { cookie } });
    expect([answer.status, ((await answer.json()) as { detail: string }).detail]).toEqual([
      503,
      'the archive does not answer',
    ]);
    await site.orthanc.start();
    await until('images come again', async () => {
      return (await fetch(`${site.url}/dicom-web/studies`, { headers: { cookie } })).ok;
    });
  });
});
