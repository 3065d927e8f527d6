/** Images of several kinds, made for the pages' tests, and their way into a site. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Site } from './site.ts';

export interface Sample {
  title: string;
  file: string;
  study: string;
}

const PYTHON = process.env.ORTHANCGEN_PYTHON ?? fileURLToPath(new URL('../../../../.venv/bin/python', import.meta.url));

export function makeSamples(site: Site): Sample[] {
  const folder = site.folder.sub('images');
  const printed = execFileSync(PYTHON, [fileURLToPath(new URL('images.py', import.meta.url)), folder], {
    encoding: 'utf8',
  });
  return printed
    .trim()
    .split('\n')
    .map((it) => JSON.parse(it) as Sample);
}

export function named(samples: readonly Sample[], title: string): Sample {
  const found = samples.find((it) => it.title === title);
  if (found === undefined) throw new Error(title);
  return found;
}

export async function store(site: Site, { file }: Sample): Promise<void> {
  const answer = await site.offer(file);
  if (!answer.ok) throw new Error(`Orthanc answered ${String(answer.status)}`);
}
