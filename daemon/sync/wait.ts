/** How the engine waits: until something happens, or longer after every failure. */

/** Wakes one sleeper; raised while nobody sleeps it is kept for the next. */
export class Signal {
  #raised = false;
  #up: () => void = () => {};

  raise(): void {
    this.#raised = true;
    this.#up();
  }

  /** What was raised so far is no reason to wake any more. */
  clear(): void {
    this.#raised = false;
  }

  async wait(timeoutMs: number): Promise<void> {
    if (!this.#raised) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, Math.max(0, timeoutMs));
      this.#up = resolve;
      await promise;
      clearTimeout(timer);
    }
    this.#raised = false;
  }
}

/** Doubles with every failure in a row; not in step with the other mailboxes of that server. */
export function growingPause(failures: number, { retryMinMs, retryMaxMs }: { retryMinMs: number; retryMaxMs: number }): number {
  return Math.min(retryMaxMs, retryMinMs * 2 ** Math.min(failures - 1, 20)) * (0.8 + 0.4 * Math.random());
}
