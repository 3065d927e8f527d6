// Brings OHIF's published build, checks that it is the very one, leaves out what is not used, and makes it small to send.
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const PACKAGE = '@ohif/app@3.13.2';
const INTEGRITY = 'sha512-WZdxmpmG7rqFgW9ZJLcbgr3XCtLi1KDNPoMaeY5PPe6j4G4fjEjjkycZM6C6Zk2F87BKxFfpq+jd5xXZB9E8EA==';
/** Parts of the build that no page of ours opens: AI models, microscopy, maps of sources, Netlify's files. */
const LEFT_OUT = /^(ort|dicom-microscopy-viewer)(\/|$)|\.map$|^(_headers|_redirects|app-config\.js)$/;

/** What becomes smaller; pictures and fonts are compressed as they are. */
const SHRINKS = /\.(css|html|js|json|svg|wasm|xml)$/;
/** Below this a file travels in a few packets anyway. */
const WORTH_BYTES = 4096;
/** Of 0 to 11: more takes three times as long for a twentieth less. Brotli's default is for files that are sent for years. */
const BROTLI_QUALITY = 5;
const STAMP = `${PACKAGE}, compressed\n`;

/** Lays beside each file what the server sends to browsers that take it: `FILE.br`, and `FILE.gz` for plain HTTP. */
export function compress(folder) {
  for (const name of readdirSync(folder, { recursive: true })) {
    const file = join(folder, name);
    if (!SHRINKS.test(name)) continue;
    const content = readFileSync(file);
    if (content.length < WORTH_BYTES) continue;
    const params = { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY };
    writeFileSync(`${file}.br`, brotliCompressSync(content, { params }));
    writeFileSync(`${file}.gz`, gzipSync(content));
  }
}

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
    compress(target);
    writeFileSync(join(target, '.version'), STAMP);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

export const isPlaced = (target) =>
  existsSync(join(target, '.version')) && readFileSync(join(target, '.version'), 'utf8') === STAMP;
