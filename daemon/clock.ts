/**
 * The wall clock beside one that nobody can set. Dates are read from the wall clock (when a grant ends, when a mail is due), durations
 * from the monotonic one; and whoever waits for a date must look again when somebody sets the clock, because timers do not notice.
 */

/** Smaller differences are a clock that is being kept right. */
const jumpMs = 2_000;

/** Calls `jumped` with how far the clock was set, back when negative, soon after it was. A machine that slept looks the same. */
export function watchClock(now: () => number, jumped: (byMs: number) => void): () => void {
  const ahead = (): number => now() - performance.now();
  let known = ahead();
  const watch = setInterval(() => {
    const by = ahead() - known;
    known += by;
    if (Math.abs(by) >= jumpMs) jumped(by);
  }, 500);
  watch.unref();
  return () => clearInterval(watch);
}
