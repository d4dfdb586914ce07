// npm start: on a fresh clone installs and builds, then is the program itself, so that signals and exit codes are its own.
import { build, install } from './fresh.js';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`sm-component needs Node 20.19 or newer; this is ${process.version}.`);
  process.exit(1);
}
install();
build();
const { main } = await import('../dist/lib/cli/main.js');
process.exitCode = await main(process.argv.slice(2));
