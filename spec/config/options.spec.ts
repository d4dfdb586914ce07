import { expect } from 'chai';
import { NAMES, optionOf, takes, type CommandName } from '../../lib/config/options.js';

describe('config/options', () => {
  it('each option is a field of the configuration by itself, but for the names of files that are only read', () => {
    const fields = NAMES.map((name) => optionOf(name).field).filter((field) => field !== undefined);
    expect(new Set(fields)).to.have.lengthOf(fields.length);
    const without = NAMES.filter((name) => optionOf(name).field === undefined);
    expect(without).to.deep.equal(['secret-file', 'config']);
  });

  it('a default depends only on options that stand before it', () => {
    for (const [at, name] of NAMES.entries()) {
      const { default: initial } = optionOf(name);
      if (typeof initial !== 'object') continue;
      const known = new Set<string>(NAMES.slice(0, at));
      const values = { sm: undefined, dialect: 'sto-sfrom', listen: [], 'listen-tls': [] } as const;
      const before = new Proxy(values, {
        get: (target, key: keyof typeof values) => {
          expect(known, `--${name} depends on --${key}`).to.include(key);
          return target[key];
        },
      });
      initial.from(before, 'run');
    }
  });

  const taken: [CommandName, string][] = [
    [
      'session-manager',
      'dialect name secret secret-file domain listen data registration log-level log-format config link-queue-bytes',
    ],
    ['users', 'dialect domain data credentials realm config'],
    ['sessions', 'data config'],
    [
      'probe',
      'sm dialect name secret secret-file router-user router-tls router-ca domain data credentials realm config',
    ],
  ];
  for (const [command, names] of taken) {
    it(`${command} takes what it has a use for`, () => {
      expect(NAMES.filter((name) => takes(command, name)).join(' ')).to.equal(names);
    });
  }

  it('run takes all', () => {
    expect(NAMES.filter((name) => takes('run', name))).to.deep.equal(NAMES);
  });
});
