/** Real images of every kind and transfer syntax: drawn as they should be, or it is known why not. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { available, until } from '../../../backend/tests/live/servers.ts';
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
const IMAGES = Number(process.env.ORTHANCGEN_IMAGES ?? '3');
const SEED = process.env.ORTHANCGEN_SEED ?? '1';
const PICTURES = process.env.ORTHANCGEN_PICTURES;
/** Names of images, with commas between: only these, to look at one. */
const ONLY = process.env.ORTHANCGEN_ONLY?.split(',');
/** How far the drawn greys may be from the computed ones, of 255: small blocks share their neighbours' pixels. */
const MOST_OFF = { median: 3, nine_of_ten: 8 };

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
      .filter((it) => ONLY?.includes(it.title) ?? true);
  }, 180_000);
  afterAll(async () => {
    await browser.close();
    await site.stop();
  });

  it('are drawn as they should be, or it is known why not', async () => {
    const rows: string[] = [];
    const wrong: string[] = [];
    const { page, errors, context } = await open(browser, site);
    await loginIn(page, site, 'radiologist');
    for (const it of samples) {
      const result = await shown(page, it);
      const foreign = errors.splice(0).filter((one) => one.startsWith('request to'));
      const row = [it.title, it.modality, it.syntax, it.frames, result.text].join(' | ');
      rows.push(row);
      if (IMAGES === 0) console.log(row);
      // OHIF makes no display set of an image without Modality (0008,0060), which every image has to have.
      const excuse =
        it.modality === '' ? 'no Modality' : Object.hasOwn(UNSHOWN, it.title) ? UNSHOWN[it.title] : undefined;
      if (foreign.length > 0 || (!result.right && excuse === undefined)) wrong.push([row, ...foreign].join(' '));
    }
    console.log(rows.join('\n'));
    expect(wrong).toEqual([]);
    await context.close();
  }, 3_600_000);

  async function shown(page: Page, it: Sample): Promise<{ right: boolean; text: string }> {
    const stored = await site.offer(it.file);
    if (!stored.ok) return { right: true, text: `refused by Orthanc: ${String(stored.status)}` };
    await site.recorded(it.study);
    await page.goto(`${site.url}/patients?q=${encodeURIComponent(`ID ${it.title}`)}`);
    await page.goto(`${site.url}/studies/${it.study}`);
    await page.getByRole('link', { name: 'Open the images' }).click();
    const there = page.getByRole('link', { name: 'Back to the study' }).waitFor({ timeout: 60_000 });
    if (!(await there.then(() => true).catch(() => false))) return { right: false, text: 'OHIF does not come up' };
    const seconds = it.modality === '' || Object.hasOwn(UNSHOWN, it.title) ? 5 : 30;
    const image = await until(it.title, async () => drawn(page), seconds).catch(() => null);
    if (PICTURES !== undefined) {
      mkdirSync(PICTURES, { recursive: true });
      await page.screenshot({ path: join(PICTURES, `archive-${it.title}.png`) });
    }
    if (image === null) return { right: false, text: `not drawn: ${(await says(page)) ?? 'without a word'}` };
    if (it.expected === null) return { right: true, text: `drawn; not compared: ${it.incomparable ?? ''}` };
    const { median, nineOfTen, most } = differences(image, it.expected);
    const figures = [median, nineOfTen, most].map((one) => one.toFixed(1)).join(' / ');
    const right = median <= MOST_OFF.median && nineOfTen <= MOST_OFF.nine_of_ten;
    return { right, text: `drawn, off by ${figures} (median, nine of ten, most)` };
  }
});

/** What is not shown as the standard has it, and why: seen with Orthanc 1.10.1 and OHIF 3.13.2. */
const UNSHOWN: Readonly<Record<string, string>> = {
  J2K_pixelrep_mismatch: 'its header and its JPEG 2000 disagree about the sign of a pixel',
  'JPEG2000-embedded-sequence-delimiter': 'its JPEG 2000 holds what looks like the end of the item',
};

interface Off {
  readonly median: number;
  readonly nineOfTen: number;
  readonly most: number;
}

function differences({ blocks }: Drawn, expected: readonly (readonly number[])[]): Off {
  const all = blocks.flatMap((block, index) =>
    block.map((value, channel) => Math.abs(value - (expected[index]?.[channel] ?? 0))),
  );
  all.sort((a, b) => a - b);
  const at = (part: number): number => all[Math.floor((all.length - 1) * part)] ?? Infinity;
  return { median: at(0.5), nineOfTen: at(0.9), most: at(1) };
}
