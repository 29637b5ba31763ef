import { writeFileSync } from 'node:fs';

/** A vitest reporter that counts, for the last line of `npm test`: files that do not load and errors outside of tests are failures too. */
export default class Tally {
  onTestRunEnd(modules, unhandledErrors) {
    const count = { passed: 0, failed: unhandledErrors.length };
    for (const module of modules) {
      count.failed += module.errors().length;
      for (const suite of module.children.allSuites()) count.failed += suite.errors().length;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') count.passed++;
        else if (state !== 'skipped') count.failed++; // failed, or still pending when the run ended
      }
    }
    writeFileSync(process.env.POSTROOM_TALLY, JSON.stringify(count));
  }
}
