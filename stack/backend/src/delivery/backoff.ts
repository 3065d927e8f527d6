/** Waiting: with jitter after failures, and so that it can be cut short. */

const FIRST_MILLISECONDS = 500;
const LONGEST_MILLISECONDS = 30_000;

/**
 * How long to wait after the n-th failure in a row (n from 1): half of an exponential bound, plus a random part of it.
 *
 * Source: "equal jitter" of https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function backoffMilliseconds(failures: number, random: () => number = Math.random): number {
  const bound = Math.min(LONGEST_MILLISECONDS, FIRST_MILLISECONDS * 2 ** Math.min(failures - 1, 16));
  return bound / 2 + (bound / 2) * random();
}

/** A wait that others can end. A wake-up that comes while nobody waits ends the next wait at once. */
export class Waker {
  #woken = false;
  #resolve: (() => void) | null = null;

  wake(): void {
    this.#woken = true;
    this.#resolve?.();
  }

  /** Waits until woken, at most so long. Resolves to whether it was woken. */
  async wait(milliseconds: number): Promise<boolean> {
    if (!this.#woken) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, milliseconds);
        this.#resolve = () => { clearTimeout(timer); resolve(); };
      });
      this.#resolve = null;
    }
    const woken = this.#woken;
    this.#woken = false;
    return woken;
  }
}
