// Brings OHIF's published build, checks that it is the very one, and leaves out what is not used.
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PACKAGE = '@ohif/app@3.13.2';
const INTEGRITY = 'sha512-WZdxmpmG7rqFgW9ZJLcbgr3XCtLi1KDNPoMaeY5PPe6j4G4fjEjjkycZM6C6Zk2F87BKxFfpq+jd5xXZB9E8EA==';
/** Parts of the build that no page of ours opens: AI models, microscopy, maps of sources, Netlify's files. */
const LEFT_OUT = /^(ort|dicom-microscopy-viewer)(\/|$)|\.map$|^(_headers|_redirects|app-config\.js)$/;

export function placeOhif(target) {
  const scratch = mkdtempSync(join(tmpdir(), 'ohif-'));
  try {
    const npm = process.env.npm_execpath;
    const [command, before] = npm === undefined ? ['npm', []] : [process.execPath, [npm]];
    execFileSync(command, [...before, 'pack', PACKAGE, '--silent', '--pack-destination', scratch], { stdio: 'pipe' });
    const archive = join(scratch, 'ohif-app-3.13.2.tgz');
    const seen = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
    if (seen !== INTEGRITY) throw new Error(`${PACKAGE} is not the one that is known: ${seen}`);
    execFileSync('tar', ['-xzf', archive, '-C', scratch]);
    const source = join(scratch, 'package', 'dist');
    rmSync(target, { recursive: true, force: true });
    cpSync(source, target, {
      recursive: true,
      filter: (from) => from === source || !LEFT_OUT.test(from.slice(source.length + 1)),
    });
    cpSync(join(scratch, 'package', 'LICENSE'), join(target, 'LICENSE'));
    writeFileSync(join(target, '.version'), `${PACKAGE}\n`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

export const isPlaced = (target) =>
  existsSync(join(target, '.version')) && readFileSync(join(target, '.version'), 'utf8') === `${PACKAGE}\n`;
