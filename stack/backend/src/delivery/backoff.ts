/** Waiting: with jitter after failures, and so that it can be cut short. */

const FIRST_MILLISECONDS = 500;
const LONGEST_MILLISECONDS = 10_000;

/**
 * How long to wait after the n-th failure in a row (n from 1): half of an exponential bound, plus a random part of it.
 *
 * Source: "equal jitter" of https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function backoffMilliseconds(failures: number, random: () => number = Math.random): number {
  const bound = Math.min(LONGEST_MILLISECONDS, FIRST_MILLISECONDS * 2 ** Math.min(failures - 1, 16));
  return bound / 2 + (bound / 2) * random();
}

/** Waits that others can cut short. */
export class Waker {
  #woken = false;
  #ended = false;
  #resolve: (() => void) | null = null;
  #resolveSleep: (() => void) | null = null;

  /** Ends a wait; one that comes while nobody waits ends the next wait at once. */
  wake(): void {
    this.#woken = true;
    this.#resolve?.();
  }

  /** Ends all waiting, now and later. */
  end(): void {
    this.#ended = true;
    this.wake();
    this.#resolveSleep?.();
  }

  /** Waits so long, whoever wakes; only the end cuts it short. */
  async sleep(milliseconds: number): Promise<void> {
    if (this.#ended || milliseconds <= 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#resolveSleep = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#resolveSleep = null;
  }

  /** Waits until woken, at most so long. Resolves to whether it was woken. */
  async wait(milliseconds: number): Promise<boolean> {
    if (!this.#woken && !this.#ended) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, milliseconds);
        this.#resolve = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#resolve = null;
    }
    const woken = this.#woken;
    this.#woken = false;
    return woken;
  }
}
