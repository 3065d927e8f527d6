/** The session's cookie: for this host alone, out of reach of scripts, never sent from another site's page. */
import type { CookieSerializeOptions } from '@fastify/cookie';

/**
 * Name and attributes. With HTTPS the prefix makes browsers refuse the cookie from anything but this very host:
 * https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Set-Cookie#cookie_prefixes
 */
export function sessionCookie(secure: boolean): { readonly name: string; readonly options: CookieSerializeOptions } {
  return {
    name: secure ? '__Host-orthancgen' : 'orthancgen',
    options: { path: '/', httpOnly: true, sameSite: 'strict', secure },
  };
}
