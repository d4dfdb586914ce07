import { readFileSync } from 'node:fs';

/** The version in package.json, which is in the directory of dist/. */
export function version(): string {
  const file = new URL('../../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
