// npm test: everything that must hold, from a fresh clone on; stops at the first thing that does not.
import './node-version.js';
import { command, install } from './fresh.js';

const CHECKS = ['build', 'lint', 'format:check', 'specs'];

install();
for (const check of CHECKS) {
  console.log(`\n== ${check}`);
  const status = command(['npm', 'run', '--silent', check], 'inherit');
  if (status !== 0) {
    console.error(`\nnpm test stopped: "npm run ${check}" failed.`);
    process.exit(status);
  }
}
