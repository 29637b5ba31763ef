import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';

/** A vitest reporter that counts, for the last lines of `npm test`: files that do not load and errors outside of tests are failures too. */
export default class Tally {
  onTestRunEnd(modules, unhandledErrors) {
    let passed = 0;
    const failures = unhandledErrors.map((error) => `outside of tests: ${firstLine(error)}`);
    for (const module of modules) {
      const file = relative(process.cwd(), module.moduleId);
      for (const error of module.errors()) failures.push(`${file}: ${firstLine(error)}`);
      for (const suite of module.children.allSuites()) {
        for (const error of suite.errors()) failures.push(`${file} > ${suite.fullName}: ${firstLine(error)}`);
      }
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') passed++;
        else if (state !== 'skipped') failures.push(`${file} > ${test.fullName}`); // failed, or still pending when the run ended
      }
    }
    writeFileSync(process.env.POSTROOM_TALLY, JSON.stringify({ passed, failures }));
  }
}

const firstLine = ({ message }) => String(message).split('\n', 1)[0];
