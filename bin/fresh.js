// What `npm start` and `npm test` need on a fresh clone: packages as package-lock.json has them, and a build of the sources.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BUILT = path.join(ROOT, 'dist/lib/cli/main.js');

/** Runs a command; what it prints goes to standard error where standard output is for the program itself. */
export function command([name, ...args], stdout = 2) {
  const { status, error } = spawnSync(name, args, { cwd: ROOT, stdio: ['ignore', stdout, 2] });
  if (error) console.error(`${name} cannot be run: ${error.message}`);
  return status ?? 1;
}

/** npm leaves a copy of what it installed; where it differs from package-lock.json, the packages are not those. */
function isInstalled() {
  const hidden = path.join(ROOT, 'node_modules/.package-lock.json');
  if (!existsSync(hidden)) return false;
  const versions = (file) => JSON.parse(readFileSync(file, 'utf8')).packages;
  const installed = versions(hidden);
  const wanted = Object.entries(versions(path.join(ROOT, 'package-lock.json')));
  return wanted.every(
    ([name, { version, optional }]) => name === '' || optional || installed[name]?.version === version,
  );
}

export function install() {
  if (isInstalled()) return;
  console.error('Installing packages (npm ci), once …');
  // --include=dev: the compiler is needed also where NODE_ENV says production
  if (command(['npm', 'ci', '--include=dev', '--no-progress']) === 0) return;
  console.error(
    '\nThe packages could not be installed: see the error above.\n' +
      '- No network, or a proxy: the npm registry must be reachable once.\n' +
      '- Errors of node-gyp, make or a compiler: better-sqlite3 had to be built from source on this machine. It needs\n' +
      '  Python 3, make and a C++ compiler (Debian: apt-get install python3 make g++). Then try again.',
  );
  process.exit(1);
}

function newest(directory) {
  const times = readdirSync(directory, { withFileTypes: true }).map((entry) => {
    const file = path.join(directory, entry.name);
    return entry.isDirectory() ? newest(file) : statSync(file).mtimeMs;
  });
  return Math.max(0, ...times);
}

function isBuilt() {
  if (!existsSync(BUILT)) return false;
  const sources = [newest(path.join(ROOT, 'lib')), ...['tsconfig.json', 'package-lock.json'].map(changed)];
  return statSync(BUILT).mtimeMs >= Math.max(...sources);
}

const changed = (file) => statSync(path.join(ROOT, file)).mtimeMs;

export function build() {
  if (isBuilt()) return;
  console.error('Building …');
  if (command(['npm', 'run', '--silent', 'build']) === 0) return;
  // A build with errors must not look like a good one at the next start.
  rmSync(BUILT, { force: true });
  console.error('\nThe sources could not be built: see the error above.');
  process.exit(1);
}
