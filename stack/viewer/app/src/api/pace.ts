/** Work that many ask for at once is done at once, and again after a rest, however often it was asked for meanwhile. */

export interface Pace {
  ask: () => void;
  stop: () => void;
}

/**
 * @param work what is asked for; the next one begins when it has ended and the rest is over, so that an answer that
 *   takes long is waited for and not begun anew
 */
export function paced(work: () => Promise<unknown>, restMilliseconds: number): Pace {
  let state: 'idle' | 'busy' | 'asked' | 'stopped' = 'idle';
  let timer: ReturnType<typeof setTimeout> | undefined;
  const done = (): void => {
    timer = setTimeout(() => {
      const again = state === 'asked';
      if (state !== 'stopped') state = 'idle';
      if (again) ask();
    }, restMilliseconds);
  };
  const ask = (): void => {
    if (state === 'busy') state = 'asked';
    if (state !== 'idle') return;
    state = 'busy';
    void work().then(done, done);
  };
  const stop = (): void => {
    state = 'stopped';
    clearTimeout(timer);
  };
  return { ask, stop };
}
