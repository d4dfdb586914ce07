import { writeFileSync } from 'node:fs';
import path from 'node:path';
import * as kinds from '../config/kinds.js';
import { makeSelfSigned } from '../net/self-signed.js';
import { command, EXIT, Failure, UsageError } from './command.js';

export const certificate = command({
  usage: 'certificate [domains..]',
  help:
    'Make a certificate for trying, signed by nobody but itself: a PEM file with its private key. Clients warn of such a ' +
    'certificate, or refuse it; docs/tls.md says how to get one that they accept',
  words: {
    domains: { kind: kinds.domains, help: 'The domains that it is for' },
  },
  own: {
    out: { kind: kinds.file, help: 'The file to write; without it DOMAIN.pem, in this directory.' },
    days: { kind: kinds.whole('days', 1, 36_500), help: 'How long it is valid.', default: '365' },
  },
  examples: [
    ['$0 certificate foo.com', 'writes foo.com.pem'],
    ['$0 --tls-cert foo.com.pem --domain foo.com', 'uses it'],
  ],
  async run({ own: { domains, out, days } }) {
    if (domains.length === 0)
      throw new UsageError('certificate takes the domains that it is for: certificate foo.com');
    const file = out ?? path.resolve(`${domains[0]}.pem`);
    write(file, await makeSelfSigned(domains, days));
    const name = path.relative('.', file);
    console.log(
      [
        `Wrote ${name}: a certificate for ${domains.join(', ')}, valid for ${days} days, and its private key.`,
        `  Use it:  bin/sm-component --tls-cert ${name} --domain ${domains[0]}`,
        '  Clients have to be told to trust it. For one that they trust by themselves see docs/tls.md.',
      ].join('\n'),
    );
    return EXIT.stopped;
  },
});

/** Readable by its owner only. A file that is there may be the key of somebody's real certificate: it stays. */
function write(file: string, pem: string): void {
  try {
    writeFileSync(file, pem, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw new Failure(`${file} is there already: name another file with --out`);
    throw new Failure(`${file} cannot be written: ${message}`);
  }
}
