import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Compiled specs run from dist/spec/support. */
const DIRECTORY = new URL('../../../spec/fixtures/tls/', import.meta.url);

/** A file with certificates or keys: each is valid until 2100 and signed by a CA of the specs, unless its name says otherwise. */
export function tlsFile(name: string): string {
  return fileURLToPath(new URL(`${name}.pem`, DIRECTORY));
}

export function tlsText(name: string): string {
  return readFileSync(tlsFile(name), 'utf8');
}
