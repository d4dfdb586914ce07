import { readFileSync } from 'node:fs';

/** The version of package.json, which stands beside dist/. */
export function version(): string {
  const file = new URL('../../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
