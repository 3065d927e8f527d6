/** Real images of every kind and transfer syntax, opened from the Patients page: drawn as they should be, or told why not. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { available } from '../../../backend/tests/live/servers.ts';
import { drawn, says, type Drawn } from './ohif.ts';
import { loginIn, open, Site, startBrowser } from './site.ts';

interface Sample {
  title: string;
  file: string;
  study: string;
  modality: string;
  syntax: string;
  frames: string;
  expected: number[][] | null;
  incomparable: string | null;
}

const PYTHON = process.env.ORTHANCGEN_PYTHON ?? fileURLToPath(new URL('../../../../.venv/bin/python', import.meta.url));
/** How many of the images; 0 for all. */
const IMAGES = Number(process.env.ORTHANCGEN_IMAGES ?? '6');
const SEED = process.env.ORTHANCGEN_SEED ?? '1';
const PICTURES = process.env.ORTHANCGEN_PICTURES;
const ONLY = process.env.ORTHANCGEN_ONLY;

describe.skipIf(!available)('real images', () => {
  let site: Site;
  let browser: Browser;
  let samples: Sample[] = [];

  beforeAll(async () => {
    [site, browser] = await Promise.all([Site.start(), startBrowser()]);
    const program = fileURLToPath(new URL('archive.py', import.meta.url));
    const some = IMAGES > 0 ? [String(IMAGES), SEED] : [];
    const printed = execFileSync(PYTHON, [program, site.folder.sub('images'), ...some], { encoding: 'utf8' });
    samples = printed
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Sample)
      .filter((it) => ONLY === undefined || ONLY.split(',').includes(it.title));
  }, 180_000);
  afterAll(async () => {
    await browser.close();
    await site.stop();
  });

  it('are drawn as they should be, or it is told why not', async () => {
    const table: string[][] = [];
    const { page, errors, context } = await open(browser, site);
    await loginIn(page, site, 'radiologist');
    for (const it of samples) {
      const stored = await site.offer(it.file);
      if (!stored.ok) {
        table.push([it.title, it.syntax, `Orthanc refused it: ${String(stored.status)}`]);
        continue;
      }
      const began = performance.now();
      await site.recorded(it.study);
      await page.goto(`${site.url}/studies/${it.study}`);
      await page.getByRole('link', { name: 'Open the images' }).click();
      await page.getByRole('link', { name: 'Back to the study' }).waitFor({ timeout: 45_000 });
      let image: Drawn | null = null;
      let text: string | null = null;
      const end = Date.now() + 20_000;
      while (image === null && Date.now() < end) {
        await page.waitForTimeout(150);
        image = await drawn(page).catch((error: unknown) => {
          text = String(error);
          return null;
        });
      }
      text ??= image === null ? await says(page) : null;
      if (PICTURES !== undefined) {
        mkdirSync(PICTURES, { recursive: true });
        await page.screenshot({ path: join(PICTURES, `archive-${it.title}.png`) });
      }
      let result = image === null ? `NOT DRAWN: ${text ?? 'no word'}` : 'drawn';
      if (image !== null && it.expected !== null) {
        const off = differences(image, it.expected);
        result += `, greys off by ${off.median.toFixed(1)} at the median, ${off.most.toFixed(1)} at most`;
        if (image.window !== null)
          result += `, window ${image.window.lower.toFixed(1)} to ${image.window.upper.toFixed(1)}`;
      }
      table.push([
        it.title,
        it.modality,
        it.syntax,
        it.frames,
        result,
        `${String(Math.round(performance.now() - began))} ms`,
        errors.splice(0).join(' ; ').slice(0, 300),
      ]);
      if (IMAGES === 0) console.log(table.at(-1)?.join(' | '));
    }
    console.log(table.map((row) => row.join(' | ')).join('\n'));
    await context.close();
  }, 2_400_000);
});

function differences({ blocks }: Drawn, expected: readonly (readonly number[])[]): { median: number; most: number } {
  const all = blocks.flatMap((block, index) =>
    block.map((value, channel) => Math.abs(value - (expected[index]?.[channel] ?? 0))),
  );
  all.sort((a, b) => a - b);
  return { median: all[Math.floor(all.length / 2)] ?? Infinity, most: all.at(-1) ?? Infinity };
}
