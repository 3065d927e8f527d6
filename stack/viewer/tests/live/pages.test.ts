/** The pages in a real Chromium, on a real Orthanc, database and backend. */
import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { available, until } from '../../../backend/tests/live/servers.ts';
import { picture, views, wrongWith } from './looks.ts';
import { drawn, GRID, type Drawn } from './ohif.ts';
import { makeSamples, named, store as storeIn, type Sample } from './samples.ts';
import { loginIn, open, PASSWORD, ROLES, Site, startBrowser, type Watched } from './site.ts';

const ARRIVALS = Number(process.env.ORTHANCGEN_ARRIVALS ?? '4');

describe.skipIf(!available)('the pages', () => {
  let site: Site;
  let browser: Browser;
  let samples: Sample[] = [];

  beforeAll(async () => {
    [site, browser] = await Promise.all([Site.start(), startBrowser()]);
    samples = makeSamples(site);
  }, 240_000);
  afterAll(async () => {
    await browser.close();
    await site.stop();
  });

  const sample = (title: string): Sample => named(samples, title);
  const store = async (it: Sample): Promise<void> => storeIn(site, it);
  const recorded = async (it: Sample): Promise<void> => site.recorded(it.study);

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

  it('send programs compressed to browsers that take it', async () => {
    const headers = { cookie: await site.login('viewer') };
    for (const page of ['/login', '/viewer']) {
      const html = await (await fetch(`${site.url}${page}`, { headers })).text();
      const program = /src="(\/[^"]*\/index-[^"]*\.js|\/app\.bundle\.[^"]*\.js)"/.exec(html)?.[1] ?? '';
      const texts = new Set<string>();
      for (const coding of ['br', 'gzip', 'identity']) {
        const asked = { ...headers, 'accept-encoding': coding };
        const answer = await fetch(`${site.url}${program}`, { headers: asked });
        expect(answer.headers.get('content-encoding') ?? 'identity', program).toBe(coding);
        expect(answer.headers.get('vary'), program).toContain('accept-encoding');
        expect(answer.headers.get('content-type'), program).toContain('javascript');
        texts.add(await answer.text());
      }
      expect([texts.size, [...texts][0]?.includes('function')], program).toEqual([1, true]);
    }
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

  it('are clean for axe and as wide as the window, in light and dark, on a desktop, a tablet and a phone', async () => {
    for (const it of samples) await store(it);
    for (const it of samples) await recorded(it);
    await tellVerification(site);
    for (const [name, options] of views()) {
      const { page, errors, context } = await open(browser, site, options);
      await page.goto(`${site.url}/login`);
      await page.getByRole('button', { name: 'Log in' }).waitFor();
      expect(await wrongWith(page, `login-${name}`), `login ${name}`).toEqual([]);
      await loginIn(page, site, 'administrator');
      const { parent_patient } = await site.backend.json<{ parent_patient: string }>(
        `/api/studies/${sample('a gradient').study}`,
      );
      const pages: Record<string, string> = {
        patients: '/patients',
        nothing: '/patients?q=zzzz',
        patient: `/patients/${parent_patient}`,
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
        if (title === 'status') for (const it of await page.locator('summary').all()) await it.click();
        expect(await wrongWith(page, `${title}-${name}`), `${title} ${name}`).toEqual([]);
      }
      expect(
        errors.filter((it) => !it.includes('404')),
        name,
      ).toEqual([]);
      await context.close();
    }
  }, 240_000);

  it('say what the last verification saw, and whom Orthanc refused until then', async () => {
    const { page, context } = await loggedIn('administrator');
    await page.goto(`${site.url}/status`);
    await page.getByText('1 failed').waitFor();
    await page.getByText('run by tester@host').waitFor();
    await page.getByText('a caller without TLS is refused').first().waitFor();
    const refused = page.getByRole('region', { name: 'Latest refused associations' });
    expect(await refused.getByRole('row').nth(1).innerText()).toContain('OTHER<b>');
    await page.getByText('Read from Orthanc’s log by the last verification').waitFor();
    for (const role of ROLES.filter((it) => it !== 'administrator')) {
      const headers = { cookie: await site.login(role) };
      expect((await fetch(`${site.url}/api/status/verification`, { headers })).status, role).toBe(403);
    }
    await context.close();
  });

  it('give the audit trail as a file, and write that down', async () => {
    const { page, errors, context } = await loggedIn('administrator');
    await page.goto(`${site.url}/audit`);
    const texts: Record<string, string> = {};
    for (const format of ['atna', 'csv', 'json']) {
      await page.getByLabel('Export as').selectOption(format);
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('link', { name: 'Export', exact: true }).click(),
      ]);
      texts[format] = readFileSync(await download.path(), 'utf8');
    }
    const lines = (texts.json ?? '').trim().split('\n');
    const entries = lines.map((it) => JSON.parse(it) as { event: string; user: string });
    expect(entries.at(-1)).toMatchObject({ event: 'audit_exported', user: 'administrator' });
    // The oldest first: each file has the one before as its last but one.
    expect((texts.csv ?? '').split('\r\n')[0]).toBe(
      'id,at,event,action,outcome,user,role,address,patient_id,study_instance_uid',
    );
    const messages = (texts.atna ?? '').trim().split('\n');
    expect(messages.every((it) => /^<AuditMessage>.*<\/AuditMessage>$/.test(it))).toBe(true);
    expect(lines.length).toBe(messages.length + 2);
    await page.getByLabel('From day').fill('2001-01-01');
    await page.getByLabel('To day').fill('2001-01-02');
    const [none] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Export', exact: true }).click(),
    ]);
    expect(readFileSync(await none.path(), 'utf8')).toBe('');
    expect(errors).toEqual([]);
    await context.close();
    for (const role of ROLES.filter((it) => it !== 'administrator')) {
      const headers = { cookie: await site.login(role) };
      expect((await fetch(`${site.url}/api/audit/export?format=csv`, { headers })).status, role).toBe(403);
    }
  });

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

  it('can be used by the keyboard alone: from the login to a study and back', async () => {
    const { page, errors, context } = await open(browser, site);
    await page.goto(`${site.url}/login`);
    await page.getByRole('button', { name: 'Log in' }).waitFor();
    await tabTo(page, 'User');
    await page.keyboard.type('viewer');
    await page.keyboard.press('Tab');
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press('Enter');
    await page.locator('tbody tr').nth(1).waitFor();
    await tabTo(page, 'Skip to the content');
    await page.keyboard.press('Enter');
    await tabTo(page, 'Search');
    await page.keyboard.type('gradient');
    await page.locator('tbody tr').nth(1).waitFor({ state: 'detached' });
    await tabTo(page, 'Gradient');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Series' }).waitFor();
    // The key for it is the browser's own, and a browser without a window has none.
    await page.goBack();
    await page.locator('tbody tr').first().waitFor();
    expect(await page.getByLabel('Search').inputValue()).toBe('gradient');
    await tabTo(page, 'Patients');
    await page.keyboard.press('Enter');
    await page.locator('tbody tr').nth(1).waitFor();
    expect(errors).toEqual([]);
    await context.close();
  });

  it('write names of every script in their direction, days alike in every time zone, nothing for nothing', async () => {
    for (const timezoneId of ['Pacific/Auckland', 'America/Los_Angeles']) {
      const { page, context } = await loggedIn('viewer', { timezoneId, locale: 'en-GB' });
      await page.goto(`${site.url}/studies/${sample('a gradient').study}`);
      await page.getByText('2 Jan 2026 03:04').waitFor();
      await page.getByText('born 1 Jan 1970 (56 years)').waitFor();
      await page.goto(`${site.url}/studies/${sample('other scripts').study}`);
      const name = page.locator('.name bdi');
      await name.first().waitFor();
      expect(await name.allInnerTexts()).toEqual(['山田, 太郎', 'Yamada, Tarou', 'やまだ, たろう']);
      const heading = page.getByRole('heading', { level: 1 }).locator('bdi');
      expect(await heading.innerText()).toBe('دراسة الصدر');
      expect(await heading.evaluate((it) => getComputedStyle(it).unicodeBidi)).toBe('isolate');
      await context.close();
    }
    const { page, context } = await loggedIn('viewer', { locale: 'en-GB' });
    await page.goto(`${site.url}/studies/${sample('unknown dates').study}`);
    await page.getByText('born –', { exact: false }).waitFor();
    expect(await page.locator('main').innerText()).not.toMatch(/Invalid|NaN|undefined|null/);
    await context.close();
  });

  it('move nothing for who wants no movement', async () => {
    const { page, context } = await loggedIn('viewer', { reducedMotion: 'reduce' });
    await page.route('**/api/studies/**', () => undefined); // it waits for as long as we look
    await page.goto(`${site.url}/studies/${sample('unknown dates').study}`);
    const spinner = page.getByText('Loading the study').locator('.spinner');
    await spinner.waitFor();
    expect(await spinner.evaluate((it) => getComputedStyle(it).animationName)).toBe('none');
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
      const seen = async (): Promise<Drawn | null> =>
        until(`${it.title} is drawn`, async () => drawn(page), 45).catch(() => null);
      let image = await seen();
      if (image === null) {
        // A request that was not answered in time is not made again by OHIF: its user opens the page anew.
        console.log(`${it.title}: opened anew; ${errors.join('; ')}`);
        await page.reload();
        image = await seen();
      }
      expect(image, `${it.title}: ${errors.join('; ')}`).not.toBeNull();
      await picture(page, `ohif-${it.title.replace(/\W+/g, '-')}`);
      if (it.title === 'a gradient') {
        // A window of 2048 around 0: from black at the left to white at the right, evenly.
        const steps = image === null ? [] : columns(image);
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

/** The mean grey of each column of blocks. */
function columns({ blocks }: Drawn): number[] {
  return Array.from({ length: GRID }, (_, column) => {
    const greys = blocks.filter((_block, index) => index % GRID === column).map(([red = 0]) => red);
    return greys.reduce((sum, it) => sum + it, 0) / greys.length;
  });
}

/** Presses the tabulator until something of that name has the focus. */
async function tabTo(page: Page, name: string): Promise<void> {
  const seen: string[] = [];
  for (let count = 0; count < 60; count += 1) {
    await page.keyboard.press('Tab');
    const focused = await page.evaluate(() => {
      const it = document.activeElement;
      const label = it instanceof HTMLInputElement ? (it.labels?.[0]?.textContent ?? '') : '';
      return label === '' ? (it?.textContent ?? '') : label;
    });
    if (focused === name) return;
    seen.push(focused.slice(0, 20));
  }
  throw new Error(`${name} never had the focus, but ${seen.join(', ')}`);
}

/** What `orthancgen verify` tells the backend. */
async function tellVerification(site: Site): Promise<void> {
  const passed = { group: 'positive', outcome: 'passed', expected: 'an answer', seen: 'an answer', hint: null };
  const answer = await site.backend.request('/api/status/verification', {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      environment: 'test',
      run_by: 'tester@host',
      started_at: '2026-01-02T03:00:00Z',
      finished_at: '2026-01-02T03:04:05Z',
      checks: [
        { ...passed, id: 'orthanc-system', title: 'Orthanc answers its administrator' },
        { ...passed, id: 'record-made', title: 'an image that is stored becomes a record' },
        { ...passed, id: 'roles', title: 'each role may what it may', outcome: 'skipped', seen: 'there is one user' },
        {
          id: 'dicom-tls',
          title: 'a caller without TLS is refused',
          group: 'negative',
          outcome: 'failed',
          expected: 'the association is refused',
          seen: 'C-ECHO was answered with 0x0000',
          hint: 'orthancgen doctor test',
        },
      ],
      refused_associations: {
        since: '2026-01-01T03:00:00Z',
        until: '2026-01-02T03:04:05Z',
        count: 1234,
        latest: [
          {
            at: '2026-01-02T02:00:00Z',
            reason: 'the AE title is of no registered modality',
            aet: 'OTHER<b>',
            address: '192.0.2.7',
          },
          {
            at: '2026-01-02T01:00:00Z',
            reason: 'A caller spoke without TLS to the TLS port',
            aet: null,
            address: null,
          },
        ],
      },
    }),
  });
  expect(answer.status).toBe(204);
}
