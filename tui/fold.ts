/** Which quotes a screen folds. */
import { type Block, firstFilled } from '../protocol/quotes.ts';

/** A quote this short stands between answers to it: folding it would take the question away from its answer. */
const shortQuote = 3;

/**
 * Whether a quote is folded: not when it is short and answered below, and not when there is nothing else to read. `seen` says whether
 * its mail had words of its own before it.
 */
export function folds(block: Block, lines: readonly string[], seen: boolean): boolean {
  const end = firstFilled(lines, block.to) === lines.length;
  return end ? seen : block.to - block.from > shortQuote;
}
