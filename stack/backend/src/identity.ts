/** Who this backend is among others which share a database. */
import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';

/**
 * A name that the process restarted in this one's place has again, and no other has at the same time.
 *
 * In one network namespace of one running kernel only one process can listen on an address. So who listens there may
 * take over at once what its predecessor held, without waiting for the lease to end. Where Linux' /proc is missing the
 * name is random, and a restart waits.
 *
 * @param host the address listened on
 * @param port the port listened on
 */
export function identityOf(host: string, port: number): string {
  let place: string;
  try {
    place = `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')} ${readlinkSync('/proc/self/ns/net')}`;
  } catch {
    return randomUUID();
  }
  return createHash('sha256')
    .update(`${place} ${host} ${String(port)}`)
    .digest('hex')
    .slice(0, 32);
}
