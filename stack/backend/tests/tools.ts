/** Programs that look at what is made with other eyes: poppler's pdftotext, and pydicom. */
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PYTHONS = ['python3', fileURLToPath(new URL('../../../.venv/bin/python', import.meta.url))];
const works = (command: string, ...options: string[]): boolean => spawnSync(command, options).status === 0;
const python = PYTHONS.find((it) => works(it, '-c', 'import pydicom'));

/** Whether both are here. ORTHANCGEN_REQUIRE_LIVE=1 makes the suites fail instead of being left out. */
export const TOOLS = (python !== undefined && works('pdftotext', '-v')) || process.env.ORTHANCGEN_REQUIRE_LIVE === '1';

/** A PDF's text, as it stands on the pages. */
export function textOfPdf(pdf: Buffer, folder: string): string {
  const file = join(folder, 'read.pdf');
  writeFileSync(file, pdf);
  return execFileSync('pdftotext', ['-layout', file, '-'], { encoding: 'utf8' });
}

/** What a program of pydicom prints about a DICOM file, whose dataset is `d`. */
export function readByPydicom(file: Buffer, folder: string, program: readonly string[]): unknown {
  const path = join(folder, 'read.dcm');
  writeFileSync(path, file);
  const lines = ['import json, sys, pydicom', 'd = pydicom.dcmread(sys.argv[1])', ...program];
  return JSON.parse(execFileSync(python ?? 'python3', ['-c', lines.join('\n'), path], { encoding: 'utf8' }));
}
