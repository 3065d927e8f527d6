/** What comes from elsewhere and means harm, or is broken: shown as text or refused, in bounded time and memory. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { available, until } from '../../../backend/tests/live/servers.ts';
import { drawn } from './ohif.ts';
import { HostileProvider, SCRIPT, WAYS, type Way } from './provider.ts';
import { readyReport } from './routes.ts';
import { loginIn, open, Site, startBrowser, type Watched } from './site.ts';

interface Sample {
  title: string;
  file: string;
  study: string;
}
interface Analyses {
  items: { statement: string }[];
  jobs: { provider: string; state: string; last_error: string | null }[];
}

const PYTHON = process.env.ORTHANCGEN_PYTHON ?? fileURLToPath(new URL('../../../../.venv/bin/python', import.meta.url));
/** Which of the files are opened in OHIF too: all of them, or two. */
const ALL = process.env.ORTHANCGEN_HOSTILE === 'all';
const BOMB = 'a deflate bomb';
const HARD = ['text: script', 'claims 60,000 frames'];
/** What the backend and the viewer may take, in MiB: a few times what they do. */
const MOST_MEBIBYTES = 400;
/** Whose pixels are as they should be, whatever its texts. */
const draws = (title: string): boolean => title.startsWith('text: ');
/** How long a page of ours may take to show itself, on a busy machine too. */
const PAGE_MILLISECONDS = 60_000;

describe.skipIf(!available)('what means harm', () => {
  // What never answers is waited for as short as may be; an answer, as long as a busy machine takes to send it.
  const waits = { hostile: 120, impatient: 3 } as const;
  const [patient, impatient] = [new HostileProvider('hostile'), new HostileProvider('impatient')];
  let site: Site;
  let browser: Browser;
  let samples: Sample[] = [];
  let stored: Sample[] = [];
  let highest = { viewer: 0, backend: 0, orthanc: 0 };

  beforeAll(async () => {
    const urls = { hostile: await patient.start(), impatient: await impatient.start() };
    browser = await startBrowser();
    site = await Site.start((folder) => {
      const token = join(folder.sub('provider'), 'token');
      writeFileSync(token, 'provider-token-0123456789\n', { mode: 0o600 });
      const ids = ['hostile', 'impatient'] as const;
      const providers = ids.map((id) => ({ id, url: urls[id], token_file: token, timeout_seconds: waits[id] }));
      return { analysis: { providers, poll_seconds: 0.2, attempts: 1, retry_seconds: 0.1 } };
    });
    const program = fileURLToPath(new URL('hostile.py', import.meta.url));
    const printed = execFileSync(PYTHON, [program, site.folder.sub('images')], { encoding: 'utf8' });
    samples = printed
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Sample);
  }, 300_000);
  afterAll(async () => {
    await browser.close();
    await site.stop();
    await Promise.all([patient.stop(), impatient.stop()]);
  });

  /** Fails where a process is gone or has grown beyond its bound. */
  function healthy(after: string): void {
    for (const name of ['viewer', 'backend', 'orthanc'] as const) {
      const status = readFileSync(`/proc/${String(site.processes[name])}/status`, 'utf8');
      const most = Math.round(Number(/^VmHWM:\s*(\d+) kB/m.exec(status)?.[1]) / 1024);
      highest = { ...highest, [name]: most };
      if (name !== 'orthanc') expect(most, `${name} after ${after}`).toBeLessThan(MOST_MEBIBYTES);
    }
  }

  /** A page that tells of everything which must not happen. */
  async function watched(role: 'radiologist' | 'viewer'): Promise<Watched & { dialogs: string[] }> {
    const it = await open(browser, site);
    const dialogs: string[] = [];
    it.page.on('dialog', (dialog) => {
      dialogs.push(dialog.message());
      void dialog.dismiss();
    });
    await loginIn(it.page, site, role);
    return { ...it, dialogs };
  }
  const unhurt = async (page: Page, what: string): Promise<void> => {
    expect(await page.evaluate(() => (window as { hurt?: number }).hurt), what).toBeUndefined();
  };

  it('in files is refused with a reason, or shown as text', async () => {
    const rows: string[] = [];
    const { page, errors, dialogs, context } = await watched('radiologist');
    const pictures: string[] = [];
    page.on('request', (request) => {
      if (request.url().endsWith('/rendered')) pictures.push(request.url());
    });
    for (const it of samples) {
      const answer = await site.offer(it.file);
      const said = (await answer.json()) as { Message?: string; Details?: string };
      healthy(`${it.title} was offered`);
      if (!answer.ok) {
        rows.push(`${it.title}: refused by Orthanc, ${String(answer.status)} ${said.Details ?? said.Message ?? ''}`);
        expect(said.Message, it.title).toBeTruthy();
        continue;
      }
      stored = [...stored, it];
      await site.recorded(it.study);
      await page.goto(`${site.url}/studies/${it.study}`);
      await page.getByRole('heading', { name: 'Series' }).waitFor({ timeout: PAGE_MILLISECONDS });
      await page.locator('.series a').first().waitFor({ timeout: PAGE_MILLISECONDS });
      const note = (await page.locator('.series .note').allInnerTexts()).join(' ');
      if (it.title === 'without Modality') expect(note, it.title).toContain('(0008,0060)');
      else if (!it.title.includes('Modality')) expect(note, it.title).toBe('');
      // Orthanc would inflate it, and give nobody an image meanwhile.
      if (it.title === BOMB) await page.locator('.series .thumbnail.none').waitFor({ timeout: PAGE_MILLISECONDS });
      await unhurt(page, it.title);
      healthy(`${it.title} was shown`);
      rows.push(`${it.title}: shown`);
    }
    const bomb = samples.find(({ title }) => title === BOMB)?.study ?? '';
    expect(pictures).not.toEqual([]);
    expect(pictures.filter((url) => url.includes(bomb))).toEqual([]);
    await page.goto(`${site.url}/patients`);
    await page
      .locator('tbody tr')
      .nth(stored.length - 1)
      .waitFor({ timeout: PAGE_MILLISECONDS });
    expect(await page.locator('tbody').innerText()).toContain('<script>');
    // Nothing is wider than its place: a text without spaces does not push the page sideways.
    expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)).toBeLessThanOrEqual(0);
    await unhurt(page, 'the list');
    expect(dialogs).toEqual([]);
    // A picture that Orthanc cannot draw is told as such by the page.
    expect(errors.filter((it) => !/^(400|415|500|503) .*\/rendered$/.test(it))).toEqual([]);
    console.log(`${rows.join('\n')}\nmost memory in MiB: ${JSON.stringify(highest)}`);
    await context.close();
  }, 300_000);

  it('does no harm in OHIF', async () => {
    const rows: string[] = [];
    const opened = stored.filter(({ title }) => ALL || HARD.includes(title));
    for (const it of opened) {
      const { page, errors, unanswered, dialogs, context } = await watched('viewer');
      await page.goto(`${site.url}/viewer?StudyInstanceUIDs=${it.study}`);
      // Of images without a modality OHIF takes none: the study's page says so.
      const nameless = it.title.includes('Modality');
      const home = page.getByRole('link', { name: 'Back to the study' });
      const starts = async (): Promise<boolean> => {
        const there = home.waitFor({ timeout: nameless ? 10_000 : 60_000 });
        return there.then(() => true).catch(() => false);
      };
      let up = await starts();
      if (!up && !nameless) {
        // Seen once, on a busy machine, for a study that it shows at other times: told, not hidden.
        const known = [...errors, ...unanswered(), await page.locator('body').innerText()].join('\n');
        console.log(`${it.title}: OHIF did not start in a minute, opened again:\n${known}`);
        await page.reload();
        up = await starts();
      }
      expect(up || nameless, `${it.title}: ${errors.join('; ')}`).toBe(true);
      const seconds = draws(it.title) ? 30 : 6;
      const image = up ? await until(it.title, async () => drawn(page), seconds).catch(() => null) : null;
      if (draws(it.title)) expect(image, it.title).not.toBeNull();
      await unhurt(page, it.title);
      expect(dialogs, it.title).toEqual([]);
      expect(
        errors.filter((one) => one.startsWith('request to')),
        it.title,
      ).toEqual([]);
      // The page still answers.
      expect(await page.evaluate(() => 1 + 1)).toBe(2);
      healthy(`${it.title} was opened`);
      rows.push(
        `${it.title}: ${image === null ? 'not drawn' : 'drawn'}, ${[...new Set(errors)].join('; ').slice(0, 300)}`,
      );
      await context.close();
    }
    expect((await site.backend.request('/readyz')).ok).toBe(true);
    console.log(`${rows.join('\n')}\nmost memory in MiB: ${JSON.stringify(highest)}`);
  }, 600_000);

  it('in the answers of a provider is refused with a reason, or shown as text', async () => {
    const study = stored[0]?.study ?? '';
    const person = await site.session('radiologist');
    const rows: string[] = [];
    for (const [way, reason] of Object.entries(WAYS) as [Way, string | null][]) {
      const provider = reason === 'no answer within' ? impatient : patient;
      provider.way = way;
      const asked = await fetch(`${site.url}/api/studies/${study}/analyses`, {
        method: 'POST',
        headers: { cookie: person.cookie, 'x-csrf-token': person.csrf, 'content-type': 'application/json' },
        body: JSON.stringify({ provider: provider.id }),
      });
      expect(asked.status, way).toBe(202);
      const look = async (): Promise<Analyses['jobs'][number] | undefined> => {
        const { jobs } = await site.backend.json<Analyses>(`/api/studies/${study}/analyses`);
        return jobs.find((it) => it.provider === provider.id && (it.state === 'dead' || it.state === 'done'));
      };
      const job = await until(way, look, waits.hostile + 30);
      expect(job.state, `${way}: ${job.last_error ?? ''}`).toBe(reason === null ? 'done' : 'dead');
      if (reason !== null) expect(job.last_error, way).toContain(reason);
      // eslint-disable-next-line no-control-regex
      expect(job.last_error ?? '', way).not.toMatch(/[\u0000-\u001f\u2028\u202e]/);
      healthy(way);
      rows.push(`${way}: ${job.state}${job.last_error === null ? '' : `, ${job.last_error.slice(0, 120)}`}`);
    }
    const { items } = await site.backend.json<Analyses>(`/api/studies/${study}/analyses`);
    expect(items.map(({ statement }) => statement)).toEqual([SCRIPT]);
    const { page, errors, dialogs, context } = await watched('radiologist');
    await page.goto(`${site.url}/studies/${study}`);
    await page.getByRole('heading', { name: 'Series' }).waitFor();
    await page.waitForLoadState('networkidle').catch(() => undefined);
    await unhurt(page, 'the study with its analyses');
    expect([dialogs, errors.filter((it) => !it.endsWith('/rendered'))]).toEqual([[], []]);
    console.log(`${rows.join('\n')}\nmost memory in MiB: ${JSON.stringify(highest)}`);
    await context.close();
  }, 300_000);

  it('typed in a report is refused with a reason, or stays text', async () => {
    const study = stored[0]?.study ?? '';
    const record = await site.backend.json<{ id: string }>(`/api/studies/${study}`);
    const person = await site.session('radiologist');
    const headers = { cookie: person.cookie, 'x-csrf-token': person.csrf, 'content-type': 'application/json' };
    const ready = await readyReport(site, record.id, person);
    let { revision } = ready;
    const texts: Readonly<Record<string, [text: string, status: number]>> = {
      script: [SCRIPT, 200],
      template: ["{{constructor.constructor('window.hurt=1')()}}", 200],
      combining: [`Z${'\u0301\u0348'.repeat(5000)}`, 200],
      'right to left': ['\u202egnp.exe\u202c \u2066\u200f', 200],
      control: ['a\u0007b', 400],
      'half a character': ['\ud800', 400],
      long: ['x'.repeat(20_001), 400],
      huge: ['x'.repeat(600_000), 413],
    };
    for (const [name, [text, status]] of Object.entries(texts)) {
      const body = { revision, editor: crypto.randomUUID(), sequence: 1, fields: { findings: text, impression: text } };
      const answer = await fetch(`${site.url}/api/reports/${ready.id}/draft`, {
        method: 'PUT',
        headers,
        body: JSON.stringify(body),
      });
      expect(answer.status, name).toBe(status);
      const said = (await answer.json()) as { detail?: string; draft?: { revision: number } };
      if (status >= 400) expect(said.detail, name).toBeTruthy();
      revision = said.draft?.revision ?? revision;
      healthy(`a report with ${name}`);
      if (status >= 400) continue;
      const { page, errors, dialogs, context } = await watched('radiologist');
      await page.goto(`${site.url}/reports/${ready.id}`);
      await page.getByLabel('Impression').waitFor();
      expect(await page.getByLabel('Impression').inputValue(), name).toBe(text);
      await unhurt(page, name);
      expect([dialogs, errors], name).toEqual([[], []]);
      await context.close();
    }
    const signed = await fetch(`${site.url}/api/reports/${ready.id}/sign`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ revision }),
    });
    expect(signed.status, await signed.text()).toBe(200);
    const pdf = await fetch(`${site.url}/api/reports/${ready.id}/versions/1/pdf`, { headers });
    const bytes = Buffer.from(await pdf.arrayBuffer()).toString('latin1');
    expect(bytes.startsWith('%PDF-')).toBe(true);
    expect(bytes).not.toMatch(/\/(JavaScript|JS|OpenAction|Launch)\b/);
    healthy('a PDF');
  }, 300_000);
});
