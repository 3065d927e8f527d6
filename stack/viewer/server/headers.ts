/** Headers of the pages: what a browser may load and run. Ours are strict; OHIF is given what it needs and no more. */

const COMMON = {
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
} as const;

const policy = (directives: Readonly<Record<string, string>>): string =>
  Object.entries(directives)
    .map(([name, value]) => `${name} ${value}`)
    .join('; ');

/** Of our own pages. Accessible components place popovers by style attributes, which are no scripts. */
export const PAGES: Readonly<Record<string, string>> = {
  ...COMMON,
  'content-security-policy': policy({
    'default-src': "'none'",
    'script-src': "'self'",
    'style-src': "'self'",
    'style-src-attr': "'unsafe-inline'",
    'img-src': "'self' blob: data:",
    'font-src': "'self'",
    'connect-src': "'self'",
    'frame-ancestors': "'none'",
    'base-uri': "'none'",
    'form-action': "'self'",
  }),
};

/** Of OHIF: decoders in WebAssembly, workers from blobs, and styles and one script that stand in its page. */
export const OHIF: Readonly<Record<string, string>> = {
  ...COMMON,
  'cross-origin-embedder-policy': 'require-corp',
  'content-security-policy': policy({
    'default-src': "'none'",
    'script-src': "'self' 'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval' blob:",
    'worker-src': "'self' blob:",
    'style-src': "'self' 'unsafe-inline'",
    'img-src': "'self' blob: data:",
    'font-src': "'self' data:",
    'connect-src': "'self' blob: data:",
    'manifest-src': "'self'",
    'media-src': "'self' blob:",
    'frame-ancestors': "'none'",
    'base-uri': "'none'",
    'form-action': "'none'",
  }),
};
