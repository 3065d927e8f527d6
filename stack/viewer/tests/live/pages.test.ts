/** The pages in a real Chromium, on a real Orthanc, database and backend. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { available, until } from '../../../backend/tests/live/servers.ts';
import { loginIn, open, ROLES, Site, startBrowser, type Watched } from './site.ts';

interface Sample {
  title: string;
  file: string;
  study: string;
}

const PYTHON = process.env.ORTHANCGEN_PYTHON ?? fileURLToPath(new URL('../../../../.venv/bin/python', import.meta.url));
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** Where pictures of the pages are kept to be looked at; nowhere without it. */
const PICTURES = process.env.ORTHANCGEN_PICTURES;
const ARRIVALS = Number(process.env.ORTHANCGEN_ARRIVALS ?? '4');

describe.skipIf(!available)('the pages', () => {
  let site: Site;
  let browser: Browser;
  let samples: Sample[] = [];

  beforeAll(async () => {
    [site, browser] = await Promise.all([Site.start(), startBrowser()]);
    const folder = site.folder.sub('images');
    const printed = execFileSync(PYTHON, [fileURLToPath(new URL('images.py', import.meta.url)), folder], {
      encoding: 'utf8',
    });
    samples = printed
      .trim()
      .split('\n')
      .map((it) => JSON.parse(it) as Sample);
  }, 120_000);
  afterAll(async () => {
    await browser.close();
    await site.stop();
  });

  const sample = (title: string): Sample => {
    const found = samples.find((it) => it.title === title);
    if (found === undefined) throw new Error(title);
    return found;
  };

  async function store({ file }: Sample): Promise<void> {
    const authorization = `Basic ${Buffer.from(`backend:${site.orthanc.password}`).toString('base64')}`;
    const answer = await fetch(`http://127.0.0.1:${String(site.orthanc.httpPort)}/instances`, {
      method: 'POST',
      body: new Uint8Array(readFileSync(file)),
      headers: { authorization },
    });
    if (!answer.ok) throw new Error(`Orthanc answered ${String(answer.status)}`);
    await site.backend.poke();
  }

  async function recorded({ study }: Sample): Promise<void> {
    await until('it is recorded', async () => (await site.backend.request(`/api/studies/${study}`)).ok);
  }

  async function axe(page: Page): Promise<string[]> {
    await page.evaluate(AXE);
    return page.evaluate(async () => {
      const { axe: checker } = window as unknown as {
        axe: {
          run: (context: Document, options: object) => Promise<{ violations: { id: string; nodes: unknown[] }[] }>;
        };
      };
      const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
      const { violations } = await checker.run(document, { runOnly: { type: 'tag', values: tags } });
      return violations.map((it) => `${it.id} (${String(it.nodes.length)})`);
    });
  }

  async function picture(page: Page, name: string): Promise<void> {
    if (PICTURES === undefined) return;
    mkdirSync(PICTURES, { recursive: true });
    await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });
  }

  async function loggedIn(role: (typeof ROLES)[number], options: object = {}): Promise<Watched> {
    const watched = await open(browser, site, options);
    await loginIn(watched.page, site, role);
    return watched;
  }

  it('are closed without a login, whatever is asked for', async () => {
    const paths = ['/viewer', '/app-config.js', '/app.bundle.css', '/dicom-web/studies', '/api/studies', '/api/events'];
    for (const path of paths) {
      const answer = await fetch(`${site.url}${path}`, { redirect: 'manual' });
      expect(answer.status, path).toBe(401);
      expect((await answer.text()).length, path).toBeLessThan(300);
    }
    const page = await fetch(`${site.url}/viewer?StudyInstanceUIDs=1.2`, {
      headers: { accept: 'text/html' },
      redirect: 'manual',
    });
    expect(page.status).toBe(303);
    expect(page.headers.get('location')).toBe('/login?next=%2Fviewer%3FStudyInstanceUIDs%3D1.2');
    const cookie = await site.login('viewer');
    const headers = { cookie };
    for (const path of ['/dicom-web/servers', '/dicom-web/info', '/../server.mjs', '/..%2fserver.mjs', '/nothing.js']) {
      expect((await fetch(`${site.url}${path}`, { headers })).status, path).toBe(404);
    }
    expect((await fetch(`${site.url}/dicom-web/studies`, { method: 'POST', headers })).status).toBe(404);
    expect((await fetch(`${site.url}/dicom-web/studies/1.2.3/metadata`, { headers })).status).toBe(404);
  });

  it('forbid what is not theirs by headers', async () => {
    const ours = (await fetch(`${site.url}/login`)).headers.get('content-security-policy') ?? '';
    expect(ours).toContain("default-src 'none'");
    expect(ours).toContain("script-src 'self';");
    expect(ours).not.toMatch(/unsafe-eval|script-src[^;]*unsafe-inline/);
  });

  it('show an empty site, and the first study by itself', async () => {
    const { page, errors, context } = await loggedIn('radiologist');
    await page.getByText('No study has arrived yet').waitFor();
    const waits: number[] = [];
    const arriving = samples.slice(0, ARRIVALS);
    for (const [index, it] of arriving.entries()) {
      const began = performance.now();
      await store(it);
      await page.locator('tbody tr').nth(index).waitFor();
      waits.push(performance.now() - began);
    }
    waits.sort((a, b) => a - b);
    const median = waits[Math.floor(waits.length / 2)] ?? Infinity;
    console.log(`from the store to the open page: median ${String(Math.round(median))} ms of ${String(waits.length)}`);
    expect(median).toBeLessThan(5_000); // a busy machine; the figure itself is printed
    expect(errors).toEqual([]);
    await context.close();
  });

  it('are clean for axe, in light and dark, on a desktop and a tablet', async () => {
    for (const it of samples) await store(it);
    for (const it of samples) await recorded(it);
    const views = [
      { name: 'desktop-light', colorScheme: 'light', viewport: { width: 1280, height: 900 } },
      { name: 'tablet-dark', colorScheme: 'dark', viewport: { width: 820, height: 1180 } },
    ];
    for (const { name, ...options } of views) {
      const { page, errors, context } = await open(browser, site, options);
      await page.goto(`${site.url}/login`);
      await page.getByRole('button', { name: 'Log in' }).waitFor();
      expect(await axe(page), `login ${name}`).toEqual([]);
      await picture(page, `login-${name}`);
      await loginIn(page, site, 'administrator');
      const pages: Record<string, string> = {
        patients: '/patients',
        nothing: '/patients?q=zzzz',
        study: `/studies/${sample('a gradient').study}`,
        'study-other-scripts': `/studies/${sample('other scripts').study}`,
        missing: '/studies/1.2.3',
        status: '/status',
        audit: '/audit',
      };
      for (const [title, path] of Object.entries(pages)) {
        await page.goto(`${site.url}${path}`);
        await page.locator('main h1, main [role=alert], main [role=status]').first().waitFor();
        await page.waitForLoadState('networkidle').catch(() => undefined);
        expect(await axe(page), `${title} ${name}`).toEqual([]);
        await picture(page, `${title}-${name}`);
      }
      expect(
        errors.filter((it) => !it.includes('404')),
        name,
      ).toEqual([]);
      await context.close();
    }
  }, 240_000);

  it('show hostile text as text', async () => {
    const { page, errors, context } = await loggedIn('viewer');
    const { study } = sample('hostile');
    await page.goto(`${site.url}/patients?q=script`);
    await page.locator('tbody tr').first().waitFor();
    expect(await page.locator('tbody').innerText()).toContain('<script>');
    await page.goto(`${site.url}/studies/${study}`);
    await page.getByRole('heading', { name: '<script>' }).waitFor();
    expect(await page.evaluate(() => (window as { hurt?: number }).hurt)).toBeUndefined();
    expect(errors).toEqual([]);
    await context.close();
  });

  it('can be used by the keyboard alone', async () => {
    const { page, context } = await loggedIn('viewer');
    await page.goto(`${site.url}/patients`);
    await page.locator('tbody tr').first().waitFor();
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.textContent)).toContain('Skip');
    await page.getByLabel('Search').focus();
    await page.keyboard.type('gradient');
    await page.locator('tbody tr').nth(1).waitFor({ state: 'detached' });
    await page.getByRole('link', { name: 'Gradient' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Series' }).waitFor();
    await context.close();
  });

  it('do not show a role what is not its', async () => {
    for (const role of ROLES) {
      const cookie = await site.login(role);
      const allowed = role === 'administrator' ? 200 : 403;
      expect((await fetch(`${site.url}/api/audit`, { headers: { cookie } })).status, role).toBe(allowed);
      expect((await fetch(`${site.url}/api/studies`, { headers: { cookie } })).status, role).toBe(200);
      const metrics = role === 'administrator' ? 200 : 404;
      expect([metrics, 404], role).toContain((await fetch(`${site.url}/metrics`, { headers: { cookie } })).status);
    }
    const { page, context } = await loggedIn('viewer');
    expect(await page.getByRole('link', { name: 'Audit trail' }).count()).toBe(0);
    await page.goto(`${site.url}/audit`);
    await page.getByText('There is no such page').waitFor();
    await context.close();
  });

  it('open every kind of image in OHIF, and the greys are right', async () => {
    const { page, errors, context } = await loggedIn('radiologist');
    for (const it of samples.filter(({ title }) => title !== 'hostile' && title !== 'other scripts')) {
      await page.goto(`${site.url}/studies/${it.study}`);
      await page.getByRole('link', { name: 'Open the images' }).click();
      await page.getByRole('link', { name: 'Back to the study' }).waitFor({ timeout: 45_000 });
      const drawn = await until(`${it.title} is drawn`, async () => greys(page), 45).catch(() => null);
      expect(drawn, it.title).not.toBeNull();
      await picture(page, `ohif-${it.title.replace(/\W+/g, '-')}`);
      if (it.title === 'a gradient') {
        // A window of 2048 around 0: from black at the left to white at the right, evenly.
        const steps = drawn ?? [];
        expect(steps[0]).toBeLessThan(14);
        expect(steps.at(-1)).toBeGreaterThan(241);
        steps.forEach((grey, index) => {
          expect(Math.abs(grey - (255 * (index + 0.5)) / steps.length), `step ${String(index)}`).toBeLessThan(8);
        });
      }
    }
    await page.getByRole('link', { name: 'Back to the study' }).click();
    await page.getByRole('heading', { name: 'Series' }).waitFor();
    // A picture that Orthanc cannot draw is told as such by the page; OHIF draws the image itself.
    expect(errors.filter((it) => !/^400 .*\/rendered$/.test(it))).toEqual([]);
    await context.close();
  }, 400_000);

  it('write down who opened which study', async () => {
    const { items } = await site.backend.json<{ items: { user: string; study_instance_uid: string }[] }>(
      '/api/audit?event=study_opened&limit=500',
    );
    const opened = items.filter((it) => it.study_instance_uid === sample('a gradient').study).map((it) => it.user);
    expect(new Set(opened)).toEqual(new Set(['administrator', 'viewer', 'radiologist']));
  });
});

/** The mean grey of 16 columns across the image as it is drawn; null while nothing is drawn. */
async function greys(page: Page): Promise<number[] | null> {
  return page.evaluate(() => {
    const canvas = document.querySelector<HTMLCanvasElement>('canvas.cornerstone-canvas');
    if (canvas === null || canvas.width === 0) return null;
    const copy = document.createElement('canvas');
    [copy.width, copy.height] = [canvas.width, canvas.height];
    const context = copy.getContext('2d');
    if (context === null) return null;
    context.drawImage(canvas, 0, 0);
    const side = Math.min(copy.width, copy.height);
    const [left, row] = [Math.floor((copy.width - side) / 2), Math.floor(copy.height / 2)];
    const { data } = context.getImageData(left, row, side, 1);
    const steps = 16;
    const means = Array.from({ length: steps }, (_, step) => {
      const [from, to] = [Math.floor((step * side) / steps), Math.floor(((step + 1) * side) / steps)];
      let sum = 0;
      for (let x = from; x < to; x += 1) sum += data[4 * x] ?? 0;
      return sum / (to - from);
    });
    const whole = context.getImageData(left, 0, side, copy.height).data;
    let [darkest, brightest] = [255, 0];
    for (let at = 0; at < whole.length; at += 4) {
      const most = Math.max(whole[at] ?? 0, whole[at + 1] ?? 0, whole[at + 2] ?? 0);
      [darkest, brightest] = [Math.min(darkest, most), Math.max(brightest, most)];
    }
    return brightest - darkest > 8 ? means : null;
  });
}
