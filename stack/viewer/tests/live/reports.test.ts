/** A report in a real browser: what is typed survives the server's death and a reload, and stays text. */
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { series } from '../../../backend/tests/live/dicom.ts';
import { available, until } from '../../../backend/tests/live/servers.ts';
import { loginIn, open, Site, startBrowser, type Watched } from './site.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const SCRIPT = '<script>window.hacked = 1</script><img src=x onerror="window.hacked = 1">';
/** Where pictures of the pages go, to be looked at; empty for nowhere. */
const PICTURES = process.env.ORTHANCGEN_PICTURES ?? '';
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

interface Draft {
  report: { state: string; draft: { fields: Record<string, { value: string }>; conflicts: object[] } };
}

describe.skipIf(!available)('a report in the browser', () => {
  let site: Site;
  let browser: Browser;
  let study = '';

  beforeAll(async () => {
    site = await Site.start();
    browser = await startBrowser();
    const tags = {
      patientId: 'R-1',
      patientName: 'Beispiel^Ä',
      description: SCRIPT,
      characterSet: 'ISO_IR 192',
    } as const;
    study = (await site.orthanc.store(series(2, tags)))[0]?.ParentStudy ?? '';
    await site.backend.poke();
    await until('the study is recorded', async () => (await site.backend.request(`/api/studies/${study}`)).ok);
  });
  afterAll(async () => {
    await browser.close();
    await site.stop();
  });

  const saved = async (page: Page): Promise<void> => {
    await page.getByText('Everything is saved').waitFor({ timeout: 60_000 });
  };
  const restart = async (): Promise<void> => {
    await site.backend.start();
    await until('the backend is ready', async () => (await site.backend.request('/readyz')).ok);
  };
  async function stored(page: Page): Promise<Draft['report']> {
    const id = new URL(page.url()).pathname.split('/').at(-1) ?? '';
    return (await site.backend.json<Draft>(`/api/reports/${id}`)).report;
  }
  async function look(page: Page, name: string): Promise<void> {
    await page.evaluate(AXE);
    const found = await page.evaluate(async (tags) => {
      const { axe } = window as unknown as {
        axe: {
          run(where: Document, how: object): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }>;
        };
      };
      const { violations } = await axe.run(document, { runOnly: tags });
      return violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html).join(' ')}`);
    }, TAGS);
    expect(found, name).toEqual([]);
    if (PICTURES !== '') await page.screenshot({ path: `${PICTURES}/${name}.png`, fullPage: true });
  }
  /** What is left of the errors without those of a server that is away, and of a text that another one overtook. */
  const unexpected = ({ errors }: Watched): string[] => errors.filter((one) => !/^(409|50\d) /.test(one));

  it('loses nothing, shows both texts of two editors, is signed and amended', async () => {
    const watched = await open(browser, site);
    const { page } = watched;
    await loginIn(page, site, 'radiologist');
    await page.goto(`${site.url}/studies/${study}`);
    await page.getByRole('button', { name: 'Begin a report' }).click();
    const findings = page.getByLabel('Findings', { exact: false }).last();
    await page.getByText('Beispiel, Ä').waitFor();
    await findings.fill(SCRIPT);
    await saved(page);
    await look(page, 'report-form-light');

    await site.backend.stop('SIGKILL');
    await page.getByLabel('Impression').fill('typed while the server was away');
    await page.getByText('the server does not answer. It is tried again').waitFor();
    await restart();
    await saved(page);
    expect((await stored(page)).draft.fields.impression?.value).toBe('typed while the server was away');

    await site.backend.stop('SIGKILL');
    await page.getByLabel('Recommendation').fill('typed before the reload');
    await page.getByText('kept in this browser').waitFor();
    await page.reload();
    await restart();
    const again = page.getByRole('button', { name: 'Try again' });
    await until('what was typed is back', async () => {
      if (await again.isVisible()) await again.click({ timeout: 2_000 });
      return page.getByText('had not been saved is back').isVisible();
    });
    await saved(page);
    expect(await page.getByLabel('Recommendation').inputValue()).toBe('typed before the reload');
    expect((await stored(page)).draft.fields).toMatchObject({
      findings: { value: SCRIPT },
      impression: { value: 'typed while the server was away' },
      recommendation: { value: 'typed before the reload' },
    });
    expect(await page.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith('report:')))).toEqual([]);

    // Left in the middle of a word.
    await page.getByLabel('Comparison').pressSequentially('left at once');
    await page.goto(`${site.url}/patients`);
    const last = await page.evaluate(() => Object.entries(localStorage).filter(([key]) => key.startsWith('report:')));
    await page.goBack();
    await saved(page);
    await until('it is stored', async () => (await stored(page)).draft.fields.comparison?.value === 'left at once');
    expect(last.length).toBeLessThanOrEqual(1);

    const other = await open(browser, site, { colorScheme: 'dark' });
    await loginIn(other.page, site, 'radiologist');
    await other.page.goto(page.url());
    await saved(other.page);
    await other.page.getByText('Also open for writing').waitFor();
    // The first is stored before the other, however slow either is.
    const first = page.waitForResponse((it) => it.url().endsWith('/draft') && it.ok());
    await other.page.route('**/draft', async (route) => {
      await first;
      await route.continue();
    });
    await other.page.getByLabel('Impression').fill('text of the other');
    await page.getByLabel('Impression').fill('text of the first');
    await other.page.getByRole('heading', { name: 'Two texts for one field' }).waitFor();
    await look(other.page, 'report-conflict-dark');
    const sides = other.page.locator('.report-sides');
    expect(await sides.innerText()).toContain('text of the first');
    expect(await sides.innerText()).toContain('text of the other');
    await other.page.getByRole('button', { name: 'Take both' }).click();
    await sides.waitFor({ state: 'detached' });
    await until('the first sees it', async () =>
      (await page.getByLabel('Impression').inputValue()).includes('text of the first\ntext of the other'),
    );
    await other.context.close();
    expect(unexpected(other)).toEqual([]);

    await page.getByRole('button', { name: 'Sign …' }).click();
    await page.getByText('confirm what was filled in').first().waitFor();
    expect(await page.getByRole('button', { name: 'Sign as radiologist' }).isDisabled()).toBe(true);
    await look(page, 'report-sign-light');
    await page.keyboard.press('Escape');
    for (let left = await page.getByRole('button', { name: /^Confirm/ }).count(); left > 0; left--) {
      await page
        .getByRole('button', { name: /^Confirm/ })
        .first()
        .press('Enter');
      await until('it is confirmed', async () => (await page.getByRole('button', { name: /^Confirm/ }).count()) < left);
    }
    await page.getByRole('button', { name: 'Sign …' }).click();
    await page.getByRole('button', { name: 'Sign as radiologist' }).click();
    await page.getByRole('heading', { name: 'History' }).waitFor();
    await page.getByRole('article').getByText(SCRIPT).first().waitFor();
    expect((await stored(page)).state).toBe('signed');
    await look(page, 'report-signed-light');

    await page.getByRole('button', { name: 'Amend …' }).click();
    await page.getByLabel('Reason').fill('A word was missing');
    await page.getByRole('button', { name: 'Begin the amendment' }).click();
    await page.getByLabel('Recommendation').fill('typed before the very reload');
    await saved(page);
    await page.getByRole('button', { name: 'Sign …' }).click();
    await page.getByRole('button', { name: 'Sign as radiologist' }).click();
    await page.getByText('PDF of version 2').waitFor();
    await page.getByText('Changes since version 1').click();
    expect(await page.locator('ins').first().innerText()).toContain('very');
    await page.emulateMedia({ colorScheme: 'dark' });
    await look(page, 'report-amended-dark');
    expect(await page.evaluate(() => 'hacked' in window)).toBe(false);
    expect(unexpected(watched)).toEqual([]);
    await watched.context.close();

    const reader = await open(browser, site, { viewport: { width: 820, height: 1180 } });
    await loginIn(reader.page, site, 'viewer');
    await reader.page.goto(`${site.url}/studies/${study}`);
    await reader.page.locator('.report-list a').first().click();
    await reader.page.getByRole('article').waitFor();
    expect(await reader.page.getByRole('textbox').count()).toBe(0);
    await look(reader.page, 'report-reader-tablet');
    expect(reader.errors).toEqual([]);
    await reader.context.close();
  }, 300_000);
});
