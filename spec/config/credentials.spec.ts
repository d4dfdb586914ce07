import { expect } from 'chai';
import path from 'node:path';
import type { CredentialsSource } from '../../lib/config/config.js';
import { ConfigError } from '../../lib/config/error.js';
import { printCredentials, withoutPassword } from '../../lib/config/kinds.js';
import { configure, loadConfig } from '../../lib/config/load.js';

const load = (text: string): CredentialsSource =>
  loadConfig({ command: 'run', args: { credentials: [text] } }).credentials;

describe('config: --credentials', () => {
  const here = path.resolve('x.db');
  const right: [string, CredentialsSource][] = [
    ['embedded', { store: 'embedded' }],
    ['sqlite:/a/b.db', { store: 'sqlite', file: '/a/b.db', passwordType: 'plaintext' }],
    ['sqlite:x.db', { store: 'sqlite', file: here, passwordType: 'plaintext' }],
    ['sqlite:/a b/c.db?password_type=crypt', { store: 'sqlite', file: '/a b/c.db', passwordType: 'crypt' }],
    ['sqlite:/a?password_type=a1hash', { store: 'sqlite', file: '/a', passwordType: 'a1hash' }],
    ['sqlite:/a?password_type=plaintext', { store: 'sqlite', file: '/a', passwordType: 'plaintext' }],
    [
      'postgres:postgresql://u:p@h/d',
      { store: 'postgres', url: 'postgresql://u:p@h/d', passwordType: 'plaintext' },
    ],
    [
      'postgres://u:p@h:5433/d',
      { store: 'postgres', url: 'postgres://u:p@h:5433/d', passwordType: 'plaintext' },
    ],
    [
      'postgresql://h/d?sslmode=verify-full&password_type=bcrypt&connect_timeout=3',
      {
        store: 'postgres',
        url: 'postgresql://h/d?sslmode=verify-full&connect_timeout=3',
        passwordType: 'bcrypt',
      },
    ],
    [
      'postgres:postgresql:///d?host=/run/postgresql',
      { store: 'postgres', url: 'postgresql:///d?host=%2Frun%2Fpostgresql', passwordType: 'plaintext' },
    ],
    ['pipe:/usr/bin/auth.pl', { store: 'pipe', command: ['/usr/bin/auth.pl'] }],
    ['pipe:./auth.pl  --ldap ./x', { store: 'pipe', command: [path.resolve('auth.pl'), '--ldap', './x'] }],
    ['pipe:perl auth.pl', { store: 'pipe', command: ['perl', 'auth.pl'] }],
  ];
  for (const [text, source] of right) it(`${text} is right`, () => expect(load(text)).to.deep.equal(source));

  it('has paths that start from the directory of the file that they stand in', () => {
    expect(configure({ credentials: 'sqlite:x.db' }).credentials).to.deep.include({ file: here });
  });

  const wrong = [
    '',
    'none',
    'sqlite',
    'sqlite:',
    'sqlite:?password_type=crypt',
    'sqlite:/a?password_type=bcrypt',
    'sqlite:/a?password_type=md5',
    'sqlite:/a?password_type=',
    'sqlite:/a?password_type=crypt&password_type=crypt',
    'sqlite:/a?mode=ro',
    'postgres:',
    'postgres:host/db',
    'postgres:mysql://u:secret@h/d',
    'postgres://u:sec%ret@h/d',
    'postgres://u:secret@h:port/d',
    'postgres://u:secret@h/d?password_type=scram',
    'mysql://u:secret@h/d',
    'pipe:',
    'pipe:  ',
    'pipe:/a\0b',
  ];
  for (const text of wrong) {
    it(`${JSON.stringify(text)} is wrong, and not shown`, () => {
      expect(() => load(text))
        .to.throw(
          ConfigError,
          /^argument --credentials: must be "embedded", "sqlite:PATH", "postgres:URL" with .*bcrypt$/,
        )
        .with.property('message')
        .that.does.not.contain('secret');
    });
  }

  it('is printed as it can be given, but for passwords', () => {
    for (const [text, source] of right) {
      if (text.includes('u:p@')) expect(printCredentials(source)).to.contain('u:***@').and.not.contain(':p@');
      else expect(load(printCredentials(source))).to.deep.equal(source);
    }
  });

  it('has no password in a URL for the log, wherever it stood', () => {
    expect(withoutPassword('postgresql://u:secret@h/d')).to.equal('postgresql://u:***@h/d');
    expect(withoutPassword('postgresql:///d?host=/x&password=secret&user=u')).not.to.contain('secret');
    expect(withoutPassword('postgresql://u@h/d')).to.equal('postgresql://u@h/d');
  });
});
