import { expect } from 'chai';
import { clientRate, networks, redis, type Kind } from '../../lib/config/kinds.js';

/** What a kind makes of texts, and how it prints that; undefined: it refuses the text. */
function expectParsed<T>(
  kind: Kind<T>,
  texts: Record<string, readonly [value: T, printed: string] | undefined>,
): void {
  for (const [text, expected] of Object.entries(texts)) {
    it(`${expected ? 'reads' : 'refuses'} "${text}"`, () => {
      const value = kind.parse(text, '/');
      expect(value).to.deep.equal(expected?.[0]);
      if (value !== undefined) expect(kind.print!(value)).to.equal(expected![1]);
    });
  }
}

describe('a network', () => {
  expectParsed(networks, {
    '192.0.2.1': [{ address: '192.0.2.1', prefix: 32 }, '192.0.2.1'],
    '192.0.2.0/24': [{ address: '192.0.2.0', prefix: 24 }, '192.0.2.0/24'],
    '0.0.0.0/0': [{ address: '0.0.0.0', prefix: 0 }, '0.0.0.0/0'],
    '2001:db8::/32': [{ address: '2001:db8::', prefix: 32 }, '2001:db8::/32'],
    '::1': [{ address: '::1', prefix: 128 }, '::1'],
    '': undefined,
    '/24': undefined,
    '192.0.2.0/33': undefined,
    '192.0.2.0/': undefined,
    '192.0.2': undefined,
    '2001:db8::/129': undefined,
    'fe80::1%eth0': undefined,
    'proxy.example': undefined,
  });
});

describe('a rate of a client', () => {
  expectParsed(clientRate, {
    '262144/200': [{ bytes: 262144, stanzas: 200 }, '262144/200'],
    '4096/1': [{ bytes: 4096, stanzas: 1 }, '4096/1'],
    off: ['off', 'off'],
    '4095/1': undefined,
    '4096/0': undefined,
    '262144': undefined,
    '9999999999/1': undefined,
    '-1/1': undefined,
    on: undefined,
  });
});

describe('a Redis', () => {
  expectParsed(redis, {
    'redis:redis://127.0.0.1:6379': ['redis://127.0.0.1:6379', 'redis:redis://127.0.0.1:6379'],
    'redis://127.0.0.1:6379/2': ['redis://127.0.0.1:6379/2', 'redis:redis://127.0.0.1:6379/2'],
    'redis:rediss://user:secret@host': ['rediss://user:secret@host', 'redis:rediss://user:***@host'],
    'redis:127.0.0.1:6379': undefined,
    'http://127.0.0.1': undefined,
    'redis://': undefined,
    'redis://%zz@host': undefined,
  });
});
