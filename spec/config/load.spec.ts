import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import type { Config } from '../../lib/config/config.js';
import { ConfigError } from '../../lib/config/error.js';
import { configure, loadConfig, loadOptions, ignoredVariables } from '../../lib/config/load.js';
import type { Inputs } from '../../lib/config/load.js';
import { OPTIONS } from '../../lib/config/options.js';

type Args = Inputs['args'];

/** What a container of Kubernetes finds that runs beside a service called sm-component, and one called sm-component-link. */
const SERVICE = {
  SM_COMPONENT_SERVICE_HOST: '10.96.0.17',
  SM_COMPONENT_SERVICE_PORT: '5222',
  SM_COMPONENT_SERVICE_PORT_XMPP_CLIENT: '5222',
  SM_COMPONENT_PORT: 'tcp://10.96.0.17:5222',
  SM_COMPONENT_PORT_5222_TCP: 'tcp://10.96.0.17:5222',
  SM_COMPONENT_PORT_5222_TCP_PROTO: 'tcp',
  SM_COMPONENT_PORT_5222_TCP_PORT: '5222',
  SM_COMPONENT_PORT_5222_TCP_ADDR: '10.96.0.17',
  SM_COMPONENT_LINK_SERVICE_HOST: 'fd00::17',
  SM_COMPONENT_LINK_SERVICE_PORT: '5347',
  SM_COMPONENT_LINK_PORT: 'tcp://[fd00::17]:5347',
};

describe('config/load', () => {
  let directory: string;
  const file = (name: string, content: unknown): string => {
    const whole = path.join(directory, name);
    writeFileSync(whole, typeof content === 'string' ? content : JSON.stringify(content));
    return whole;
  };
  const load = (args: Args = {}, env: Inputs['env'] = {}): Config =>
    loadConfig({ command: 'run', args, env });

  const refusal = (call: () => unknown): string => {
    try {
      call();
    } catch (error) {
      if (error instanceof ConfigError) return error.message;
      throw error;
    }
    throw new Error('nothing was refused');
  };

  beforeEach(() => (directory = mkdtempSync(path.join(tmpdir(), 'sm-component-'))));
  afterEach(() => rmSync(directory, { recursive: true }));

  describe('defaults', () => {
    it('are those of the embedded session manager on a loopback address', () => {
      expect(load()).to.deep.equal({
        sm: undefined,
        dialect: 'sto-sfrom',
        name: 'foo-sockets',
        secret: '',
        domains: ['localhost'],
        router: { user: 'jabberd', tls: 'auto', ca: undefined },
        aliases: new Map(),
        aliasReplies: true,
        listen: [{ host: '127.0.0.1', port: 5222 }],
        proxyFrom: [],
        proxyTls: false,
        data: path.resolve('data'),
        registration: true,
        credentials: { store: 'embedded' },
        realms: new Map(),
        logLevel: 'info',
        logFormat: 'text',
        limits: {
          loginStanzaBytes: 16384,
          stanzaBytes: 262144,
          depth: 64,
          attributes: 64,
          stanzaTimeout: 120,
          loginTimeout: 60,
          loginAttempts: 5,
          heldBytes: 65536,
          clientQueueBytes: 1048576,
          linkQueueBytes: 4194304,
          maxClients: undefined,
          clientRate: { bytes: 262144, stanzas: 200 },
          clientBurst: 10,
        },
        perAddress: {
          maxClients: 500,
          connectsPerSecond: 50,
          failedLoginsPerAccount: 10,
          failedLoginsPerAddress: 50,
          failedLoginSeconds: 900,
          registrationsPerHour: 10,
          exempt: [
            { address: '127.0.0.0', prefix: 8 },
            { address: '::1', prefix: 128 },
          ],
          shared: undefined,
        },
        tls: {
          listen: [],
          certificates: [],
          keys: [],
          policy: 'auto',
          minVersion: 'TLSv1.2',
          ciphers: undefined,
          clientCa: undefined,
        },
        keepalive: { idle: 120, interval: 30, probes: 4, userTimeout: 120, whitespace: 0 },
      } satisfies Config);
    });

    it('freeze, so that nothing can change under way', () => {
      const config = load();
      for (const part of [config, config.domains, config.listen, config.limits, config.keepalive]) {
        expect(part).to.be.frozen;
      }
    });

    it('name no domain in front of a session manager', () => {
      expect(load({ sm: ['a:1'], secret: ['x'] }).domains).to.deep.equal([]);
    });

    it('let nobody register at a jabberd2 from everywhere: there nobody else decides about it', () => {
      const args = { dialect: ['jabberd2'], sm: ['a:1'], secret: ['x'] };
      expect(load(args).registration).to.equal(true);
      expect(load({ ...args, listen: ['0.0.0.0:5222'] }).registration).to.equal(false);
    });

    it('of session-manager listen where socket managers look for it', () => {
      const config = loadConfig({ command: 'session-manager', args: { secret: ['x'] } });
      expect(config.listen).to.deep.equal([{ host: '127.0.0.1', port: 5347 }]);
    });

    const registration: [string, Args, boolean][] = [
      [
        'on where only loopback addresses are listened on',
        { listen: ['5222', '[::1]:5222', 'localhost:5223'] },
        true,
      ],
      ['off where one address is not a loopback address', { listen: ['5222', '192.0.2.1:5222'] }, false],
      ['off on all addresses', { listen: ['0.0.0.0:5222'] }, false],
      [
        'left to the session manager with --sm',
        { sm: ['a:1'], secret: ['x'], listen: ['0.0.0.0:5222'] },
        true,
      ],
      ['on where asked for', { listen: ['0.0.0.0:5222'], registration: ['on'] }, true],
      ['off where asked for', { registration: ['off'] }, false],
    ];
    for (const [what, args, on] of registration) {
      it(`registration is ${what}`, () => expect(load(args).registration).to.equal(on));
    }
  });

  describe('precedence', () => {
    it('is arguments, environment, file, default', () => {
      const config = file('a.json', {
        name: 'of-file',
        domain: ['of.file'],
        depth: 10,
        'log-level': 'debug',
      });
      const env = {
        SM_COMPONENT_NAME: 'of-env',
        SM_COMPONENT_DOMAIN: 'of.env,also.env',
        SM_COMPONENT_CONFIG: config,
      };
      const { values, origins } = loadOptions({ command: 'run', args: { name: ['of-args'] }, env });
      expect(values.name).to.equal('of-args');
      expect(values.domain).to.deep.equal(['of.env', 'also.env']);
      expect(values.depth).to.equal(10);
      expect(origins.get('name')).to.equal('argument --name');
      expect(origins.get('domain')).to.equal('environment variable SM_COMPONENT_DOMAIN');
      expect(origins.get('depth')).to.equal(`file ${config}, key "depth"`);
      expect(origins.get('attributes')).to.equal('default');
    });

    it('passes over an empty environment variable, as if it were unset', () => {
      const config = file('a.json', { name: 'of-file', depth: 10 });
      const env = {
        SM_COMPONENT_NAME: '',
        SM_COMPONENT_DEPTH: '',
        SM_COMPONENT_DOMAIN: '',
        SM_COMPONENT_SM: '',
        SM_COMPONENT_NO_OPTION: '',
        SM_COMPONENT_CONFIG: config,
      };
      const { values, origins } = loadOptions({ command: 'run', env });
      expect(values).to.deep.include({ name: 'of-file', depth: 10, domain: ['localhost'], sm: undefined });
      expect(origins.get('name')).to.equal(`file ${config}, key "name"`);
      expect(origins.get('domain')).to.equal('default');
      const empty = { ...env, SM_COMPONENT_CONFIG: '' };
      expect(loadOptions({ command: 'run', env: empty }).values.name).to.equal('foo-sockets');
    });

    it('of a list is of the whole list', () => {
      const config = load({ listen: ['1', '2'] }, { SM_COMPONENT_LISTEN: '3' });
      expect(config.listen.map(({ port }) => port)).to.deep.equal([1, 2]);
    });

    it('does not hide that an overridden value is wrong', () => {
      expect(refusal(() => load({ depth: ['9'] }, { SM_COMPONENT_DEPTH: 'deep' }))).to.match(
        /^environment variable SM_/,
      );
    });
  });

  describe('values', () => {
    it('of addresses may be names, IPv4, and IPv6 in brackets', () => {
      const listen = ['5222', '[::1]:0', 'foo.com:65535', '0.0.0.0:1'];
      expect(load({ listen }).listen).to.deep.equal([
        { host: '127.0.0.1', port: 5222 },
        { host: '::1', port: 0 },
        { host: 'foo.com', port: 65535 },
        { host: '0.0.0.0', port: 1 },
      ]);
    });

    it('of domains are lower case, each once', () => {
      expect(load({ domain: ['Foo.COM', 'bar.com', 'foo.com'] }).domains).to.deep.equal([
        'foo.com',
        'bar.com',
      ]);
    });

    it('in a file may be JSON numbers, booleans and lists', () => {
      const config = file('a.json', {
        listen: [6222, '[::1]:6223'],
        depth: 12,
        attributes: '13',
        registration: false,
      });
      const { listen, limits, registration } = load({ config: [config] });
      expect(listen.map(({ port }) => port)).to.deep.equal([6222, 6223]);
      expect([limits.depth, limits.attributes, registration]).to.deep.equal([12, 13, false]);
    });

    it('in a file may be a single one where a list is meant', () => {
      expect(load({ config: [file('a.json', { domain: 'foo.com' })] }).domains).to.deep.equal(['foo.com']);
    });

    it('that are relative paths start from the directory of the file they stand in', () => {
      file('secret', 's3cret\n');
      const config = file('a.json', { sm: 'a:1', 'secret-file': 'secret', data: '../store' });
      const loaded = load({ config: [config] });
      expect(loaded.secret).to.equal('s3cret');
      expect(loaded.data).to.equal(path.resolve(directory, '../store'));
    });

    it('of a secret file are its first line, whatever ends it', () => {
      for (const content of ['s3 cret', 's3 cret\nmore', 's3 cret\r\n', 's3 cret \n', 's3 cret\t \r\n']) {
        expect(load({ 'secret-file': [file('secret', content)] }).secret).to.equal('s3 cret');
      }
    });

    it('of a secret in the environment are without a line end, and with a blank that was meant', () => {
      const secret = (text: string): string => load({}, { SM_COMPONENT_SECRET: text }).secret;
      expect(secret('s3 cret\n')).to.equal('s3 cret');
      expect(secret('s3 cret ')).to.equal('s3 cret ');
    });

    it('in files are not changed by a byte order mark', () => {
      const secret = file('secret', '\uFEFFs3cret\n');
      const ca = file('ca.pem', '\uFEFF-----BEGIN CERTIFICATE-----\n');
      const config = file('a.json', `\uFEFF${JSON.stringify({ 'secret-file': secret, 'router-ca': ca })}`);
      const loaded = load({ config: [config] });
      expect(loaded.secret).to.equal('s3cret');
      expect(loaded.router.ca).to.equal('-----BEGIN CERTIFICATE-----\n');
    });

    it('in files of another encoding are refused, and not read as other letters', () => {
      const utf16 = path.join(directory, 'secret');
      writeFileSync(utf16, Buffer.concat([Buffer.of(0xff, 0xfe), Buffer.from('s3cret', 'utf16le')]));
      expect(refusal(() => load({ 'secret-file': [utf16] }))).to.equal(
        `argument --secret-file: the file cannot be read: ${utf16} is not UTF-8: save it in that encoding`,
      );
      expect(refusal(() => load({ config: [utf16] }))).to.contain('is not UTF-8');
    });
  });

  describe('mistakes in one option', () => {
    const LISTEN =
      'must be [HOST:]PORT with a port from 0 (any free port) to 65535 (IPv6 in brackets: "[::1]:5222"; ' +
      'without HOST, it is 127.0.0.1)';
    const PEER = 'must be HOST:PORT with a port from 1 to 65535 (IPv6 in brackets: "[::1]:5347")';
    const NAME = 'must be 1 to 255 characters of a-z, 0-9, ".", "_" and "-"';

    const wrong: [string, string, string][] = [
      ['sm', 'foo.com', `${PEER}, not "foo.com"`],
      ['sm', '5347', `${PEER}, not "5347"`],
      ['sm', 'foo.com:0', `${PEER}, not "foo.com:0"`],
      ['sm', '::1:5347', `${PEER}, not "::1:5347"`],
      ['sm', '[foo]:5347', `${PEER}, not "[foo]:5347"`],
      ['dialect', 'pigeon', `must be ${OPTIONS.dialect.kind.expected}, not "pigeon"`],
      ['name', 'Foo', `${NAME}, not "Foo"`],
      ['name', 'a@b', `${NAME}, not "a@b"`],
      ['name', 'x'.repeat(256), `${NAME}, not "${'x'.repeat(256)}"`],
      ['secret', '', 'must be a non-empty text'],
      [
        'domain',
        'a b',
        'must be a domain name: letters, digits, ".", "_" and "-", at most 255 characters with A-labels (xn--…), not "a b"',
      ],
      ['listen', '65536', `${LISTEN}, not "65536"`],
      ['listen', ':5222', `${LISTEN}, not ":5222"`],
      ['listen', 'five', `${LISTEN}, not "five"`],
      ['data', '', 'must be the path of a directory, not ""'],
      ['registration', 'yes', 'must be "on" or "off", not "yes"'],
      ['log-level', 'loud', 'must be "error", "warn", "info" or "debug", not "loud"'],
      ['depth', '91', 'must be a whole number of elements from 4 to 90, not "91"'],
      ['depth', '6.5', 'must be a whole number of elements from 4 to 90, not "6.5"'],
      ['stanza-bytes', '900001', 'must be a whole number of bytes from 1024 to 900000, not "900001"'],
      ['login-timeout', '-1', 'must be a whole number of seconds from 1 to 3600, not "-1"'],
      ['login-timeout', '60s', 'must be a whole number of seconds from 1 to 3600, not "60s"'],
    ];
    for (const [name, text, sentence] of wrong) {
      it(`--${name} ${JSON.stringify(text.slice(0, 20))}`, () => {
        expect(refusal(() => load({ [name]: [text] }))).to.equal(`argument --${name}: ${sentence}`);
      });
    }

    it('name the environment variable', () => {
      const sentence = 'environment variable SM_COMPONENT_LOG_FORMAT: must be "text" or "json", not "xml"';
      expect(refusal(() => load({}, { SM_COMPONENT_LOG_FORMAT: 'xml' }))).to.equal(sentence);
    });

    it('name the file and the key', () => {
      const config = file('a.json', { 'log-format': 'xml' });
      const sentence = `file ${config}, key "log-format": must be "text" or "json", not "xml"`;
      expect(refusal(() => load({ config: [config] }))).to.equal(sentence);
    });

    it('never show a secret', () => {
      const env = { SM_COMPONENT_SECRET: 'hush' };
      expect(refusal(() => load({ sm: ['a:1'], name: ['A'] }, env))).not.to.contain('hush');
      const config = file('a.json', { secret: ['hush'] });
      expect(refusal(() => load({ config: [config] })))
        .to.contain('key "secret": must be')
        .and.not.contain('hush');
    });

    it('are also found by a command that has no use for the option', () => {
      const call = (): unknown => loadOptions({ command: 'users', env: { SM_COMPONENT_DEPTH: '1' } });
      expect(refusal(call)).to.match(/^environment variable SM_COMPONENT_DEPTH: must be/);
    });

    it('are an option given twice that can be given once', () => {
      const sentence = 'argument --name is given 2 times; give it once';
      expect(refusal(() => load({ name: ['a', 'b'] }))).to.equal(sentence);
    });
  });

  describe('what is unknown', () => {
    it('in the environment is named, with the nearest name', () => {
      const sentence = 'unknown environment variable SM_COMPONENT_LISTN; did you mean SM_COMPONENT_LISTEN?';
      expect(refusal(() => load({}, { SM_COMPONENT_LISTN: '5222' }))).to.equal(sentence);
    });

    it('in the environment is passed over where Kubernetes sets it for a service of our name', () => {
      const loaded = loadOptions({ command: 'run', env: { ...SERVICE, SM_COMPONENT_DEPTH: '10' } });
      expect(loaded.values.depth).to.equal(10);
      expect(loaded.foreign).to.deep.equal(Object.keys(SERVICE));
      expect(ignoredVariables(loaded)).to.equal(
        `ignored, because Kubernetes sets these variables for a service: ${Object.keys(SERVICE).join(', ')}`,
      );
      expect(ignoredVariables(loadOptions({ command: 'run' }))).to.equal(undefined);
    });

    it('in the environment is no variable of Kubernetes where its value is not of that form', () => {
      const wrong = {
        SM_COMPONENT_PORT: '5222',
        SM_COMPONENT_SERVICE_HOST: 'foo.com',
        SM_COMPONENT_SERVICE_PORT: 'tcp://10.0.0.1:5222',
        SM_COMPONENT_PORT_5222_TCP_PROTO: 'on',
        SM_COMPONENT_PORTS: 'tcp://10.0.0.1:5222',
      };
      for (const [name, value] of Object.entries(wrong))
        expect(refusal(() => load({}, { [name]: value }))).to.contain(`unknown environment variable ${name}`);
    });

    it('in the environment of others is not ours', () => {
      expect(load({}, { SM_COMPONENTS: '1', LISTEN: '1' }).listen[0].port).to.equal(5222);
    });

    it('in a file is named, with the nearest name', () => {
      const config = file('a.json', { domains: ['foo.com'] });
      const sentence = `unknown key "domains" in file ${config}; did you mean "domain"?`;
      expect(refusal(() => load({ config: [config] }))).to.equal(sentence);
    });

    it('and like nothing we know is named alone', () => {
      const config = file('a.json', { zzzzzz: 1 });
      expect(refusal(() => load({ config: [config] }))).to.equal(`unknown key "zzzzzz" in file ${config}`);
    });

    it('in a file includes another file', () => {
      const config = file('a.json', { config: 'b.json' });
      expect(refusal(() => load({ config: [config] }))).to.match(/^unknown key "config"/);
    });

    it('is what only looks like an option', () => {
      const config = file('a.json', '{ "__proto__": 1 }');
      expect(refusal(() => load({ config: [config] }))).to.match(/^unknown key "__proto__"/);
    });
  });

  describe('a configuration file', () => {
    it('that is missing is named, with who named it', () => {
      const missing = path.join(directory, 'none.json');
      const message = refusal(() => load({}, { SM_COMPONENT_CONFIG: missing }));
      expect(message).to.match(/^environment variable SM_COMPONENT_CONFIG: the file cannot be read: ENOENT/);
      expect(message).to.contain(missing);
    });

    it('that is not JSON is named', () => {
      const config = file('a.json', '{ name: 1 }');
      expect(refusal(() => load({ config: [config] }))).to.contain(`file ${config} is not JSON: `);
    });

    it('with a comma too many is named, with the line', () => {
      const config = file('a.json', '{\n  "name": "a",\n}\n');
      expect(refusal(() => load({ config: [config] }))).to.match(/ is not JSON: .*\(line 3\b.*\)$/);
    });

    it('that is no object is named', () => {
      for (const content of ['[]', 'null', '"x"']) {
        const config = file('a.json', content);
        expect(refusal(() => load({ config: [config] }))).to.match(/ must contain one JSON object/);
      }
    });

    const types: [object, string][] = [
      [{ name: 5 }, '"name": must be 1 to 255 characters of a-z, 0-9, ".", "_" and "-", as a JSON string'],
      [
        { depth: true },
        '"depth": must be a whole number of elements from 4 to 90, as a JSON number or string',
      ],
      [
        { depth: [5] },
        '"depth": must be a whole number of elements from 4 to 90, as a JSON number or string',
      ],
      [{ registration: 1 }, '"registration": must be "on" or "off", as a JSON string or boolean'],
      [{ name: null }, '"name": must be 1 to 255 characters of a-z, 0-9, ".", "_" and "-", as a JSON string'],
    ];
    for (const [content, sentence] of types) {
      it(`that holds ${JSON.stringify(content)} is refused`, () => {
        const config = file('a.json', content);
        expect(refusal(() => load({ config: [config] }))).to.equal(`file ${config}, key ${sentence}`);
      });
    }

    it('says that a list may be given', () => {
      const config = file('a.json', { domain: [{}] });
      expect(refusal(() => load({ config: [config] }))).to.match(
        /as a JSON string, or a list of such values$/,
      );
    });
  });

  describe('mistakes between options', () => {
    it('a session manager without a secret', () => {
      expect(refusal(() => load({ sm: ['[::1]:5347'] }))).to.equal(
        'a secret is needed for the session manager at [::1]:5347 (argument --sm): ' +
          'give --secret-file FILE, or SM_COMPONENT_SECRET',
      );
    });

    it('the router of jabberd2 without a secret', () => {
      expect(refusal(() => load({ sm: ['[::1]:5347'], dialect: ['jabberd2'] }))).to.contain(
        'a secret is needed for the router at [::1]:5347 (argument --sm): ',
      );
    });

    it('session-manager without a secret', () => {
      const message = refusal(() => loadConfig({ command: 'session-manager' }));
      expect(message).to.match(/^a secret is needed for socket managers to log in: give --secret-file/);
    });

    it('session-manager that shall find its own dialect out', () => {
      const args = { secret: ['x'], dialect: ['auto'] };
      expect(refusal(() => loadConfig({ command: 'session-manager', args }))).to.equal(
        'argument --dialect: session-manager needs a dialect, "sto-sfrom" or "route"',
      );
    });

    it('two secrets', () => {
      const env = { SM_COMPONENT_SECRET_FILE: '/x' };
      expect(refusal(() => load({ secret: ['a'] }, env))).to.equal(
        'argument --secret and environment variable SM_COMPONENT_SECRET_FILE exclude each other: give one of them',
      );
    });

    it('jabberd2 without a router', () => {
      expect(refusal(() => load({ dialect: ['jabberd2'] }))).to.equal(
        'argument --dialect: jabberd2 needs --sm HOST:PORT, the address of its router',
      );
    });

    it('jabberd2 as what is served', () => {
      const args = { dialect: ['jabberd2'], secret: ['x'] };
      expect(refusal(() => loadConfig({ command: 'session-manager', args }))).to.contain(
        'session-manager needs a dialect',
      );
    });

    it('a file of authorities that is missing', () => {
      const missing = path.join(directory, 'none');
      const args = { dialect: ['jabberd2'], sm: ['a:1'], secret: ['x'], 'router-ca': [missing] };
      expect(refusal(() => load(args))).to.match(/^argument --router-ca: the file cannot be read: ENOENT/);
    });

    for (const wrong of [
      'foo.com',
      'foo.com=',
      '=company',
      'foo@com=company',
      `foo.com=${'x'.repeat(257)}`,
    ]) {
      it(`a realm like ${wrong.slice(0, 20)}`, () => {
        expect(refusal(() => load({ realm: [wrong] }))).to.contain('must be DOMAIN=REALM');
      });
    }

    it('a secret file that is missing, or empty', () => {
      const missing = path.join(directory, 'none');
      const message = refusal(() => load({ 'secret-file': [missing] }));
      expect(message).to.match(/^argument --secret-file: the file cannot be read: ENOENT/);
      const empty = file('empty', '\ns3cret');
      expect(refusal(() => load({ 'secret-file': [empty] }))).to.contain(
        `the first line of ${empty} must be the secret`,
      );
    });

    const overlapping: [string[], string][] = [
      [['5222', '127.0.0.1:5222'], '127.0.0.1:5222 is given twice; give one of them'],
      [
        ['0.0.0.0:5222', '127.0.0.1:5222'],
        '0.0.0.0:5222 listens on 127.0.0.1:5222 as well; give one of them',
      ],
      [['[::1]:5222', '[0:0::0]:5222'], '[::]:5222 listens on [::1]:5222 as well; give one of them'],
    ];
    for (const [listen, sentence] of overlapping) {
      it(`--listen ${listen.join(' --listen ')}`, () =>
        expect(refusal(() => load({ listen }))).to.equal(`argument --listen: ${sentence}`));
    }

    it('but not IPv4 and IPv6 of one port, or several free ports', () => {
      const listen = ['0.0.0.0:5222', '[::]:5222', '5223', '[::1]:5223', '0', '0'];
      expect(load({ listen }).listen).to.have.lengthOf(6);
    });

    it('a name that is also a domain', () => {
      expect(refusal(() => load({ domain: ['foo.com', 'foo-sockets'] }))).to.match(
        /^--name and --domain must differ, but both are "foo-sockets" \(default; argument --domain\)/,
      );
    });

    it('more bytes before login than after it', () => {
      expect(refusal(() => load({ 'stanza-bytes': ['2048'] }))).to.equal(
        '--login-stanza-bytes (16384, default) must not be more than --stanza-bytes (2048, argument --stanza-bytes)',
      );
    });
  });

  describe('configure()', () => {
    it('takes options as a file has them', () => {
      const config = configure({ sm: 'a:1', secret: 'x', listen: [0], data: undefined, registration: false });
      expect(config).to.deep.include({ sm: { host: 'a', port: 1 }, secret: 'x', registration: false });
      expect(config.listen).to.deep.equal([{ host: '127.0.0.1', port: 0 }]);
    });

    it('names what is wrong', () => {
      expect(refusal(() => configure({ lisen: 1 }))).to.equal(
        'unknown key "lisen" in configure(); did you mean "listen"?',
      );
    });
  });
});
