// Bundles each program and everything it needs into one file of dist/, so that running it needs Node alone.
import { chmod, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const require = createRequire(import.meta.url);

/** Lets `import text from "asset:PACKAGE/FILE"` carry a package's file inside the bundle. */
const assets = {
  name: 'assets',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^asset:/ }, ({ path }) => ({ path: path.slice('asset:'.length), namespace: 'asset' }));
    onLoad({ filter: /.*/, namespace: 'asset' }, async ({ path }) => ({
      contents: await readFile(require.resolve(path), 'utf8'),
      loader: 'text',
    }));
  },
};

// CommonJS packages inside an ES module still call require for Node's own modules.
const BANNER = `
import { createRequire as __createRequire } from 'node:module';
import { fileURLToPath as __fileURLToPath } from 'node:url';
const require = __createRequire(import.meta.url);
const __filename = __fileURLToPath(import.meta.url);
const __dirname = __fileURLToPath(new URL('.', import.meta.url));
`;

/** Lets `import bytes from "bytes:PACKAGE/FILE"` carry a package's file that is no text. */
const bytes = {
  name: 'bytes',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^bytes:/ }, ({ path }) => ({ path: path.slice('bytes:'.length), namespace: 'bytes' }));
    onLoad({ filter: /.*/, namespace: 'bytes' }, async ({ path }) => ({
      contents: await readFile(require.resolve(path)),
      loader: 'binary',
    }));
  },
};

/** The programs: name in dist/, and the module each starts from. */
const PROGRAMS = { server: 'src/main.ts', account: 'src/account.ts', dump: 'src/dump.ts', load: 'src/load.ts' };

const { version } = JSON.parse(await readFile(new URL('package.json', import.meta.url), 'utf8'));

await build({
  absWorkingDir: fileURLToPath(new URL('.', import.meta.url)),
  entryPoints: PROGRAMS,
  outdir: 'dist',
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'linked',
  logLevel: 'warning',
  plugins: [assets, bytes],
  define: { __VERSION__: JSON.stringify(version) },
  // Optional parts of the packages, looked for at run time and done without.
  external: [
    '@aws-sdk/credential-providers',
    '@mongodb-js/zstd',
    'gcp-metadata',
    'kerberos',
    'mongodb-client-encryption',
    'snappy',
    'socks',
    'pino-pretty',
  ],
  banner: { js: BANNER },
});
for (const name of Object.keys(PROGRAMS)) await chmod(new URL(`dist/${name}.mjs`, import.meta.url), 0o755);
