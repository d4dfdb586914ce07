// npm start: on a fresh clone installs and builds, then is the program itself, so that signals and exit codes are its own.
import './signals.js';
import './node-version.js';
import { build, install } from './fresh.js';

install();
build();
const { main } = await import('../dist/lib/cli/main.js');
process.exitCode = await main(process.argv.slice(2));
