import { expect } from 'chai';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { EchoPeer } from './support/echo-peer.js';
import { hasProsody, Prosody } from './support/prosody.js';
import { program } from './support/front.js';
import { Running } from './support/running.js';
import { GIVEN, MISSING_GIVEN, scenario } from './support/scenarios.js';

/** Scripts of ours. */
const OWN = path.resolve('spec/fixtures/scenarios');

const missing = [
  ...(hasProsody() ? [] : ['prosody (apt-get install prosody prosody-modules)']),
  ...MISSING_GIVEN,
];

/** Prosody asks about each client's features once: after that its own scripts about them can not pass on it. */
const ASK_ONCE = ['modern_startup.scs', 'pep_nickname.scs', 'pep_publish_subscribe.scs'];

if (missing.length > 0) {
  const reason = `scenarios cannot be tried: missing ${missing.join(' and ')}`;
  console.error(`\n*** ${reason} ***`);
  const inCi = (): void => {
    throw new Error(reason);
  };
  if (process.env.CI) it(reason, inCi);
  else it.skip(reason);
} else {
  describe('interop: scenarios on a real Prosody', function () {
    this.timeout(120_000);
    const scripts = readdirSync(GIVEN).filter((name) => name.endsWith('.scs'));
    const prosody = new Prosody();
    let directory: string;

    before(async () => {
      directory = mkdtempSync(path.join(tmpdir(), 'sm-component-scenario-'));
      await prosody.start();
    });
    after(async () => {
      await prosody.stop();
      rmSync(directory, { recursive: true });
    });

    describe('verdicts', () => {
      for (const auth of ['sasl', 'iq-auth']) {
        it(`all ${scripts.length} scripts of Prosody's own pass (${auth})`, async () => {
          await prosody.restart();
          const { code, lines } = await scenario('run', GIVEN, '--auth', auth, ...to());
          expect(lines.filter((line) => line.startsWith('not ok'))).to.deep.equal([]);
          expect(lines.filter((line) => line.startsWith('ok '))).to.have.lengthOf(scripts.length);
          expect(code).to.equal(0);
        });
      }

      it('scripts of ours, nastier ones, pass as well', async () => {
        const { code, lines } = await scenario('run', OWN, ...to());
        expect(lines.filter((line) => line.startsWith('not ok'))).to.deep.equal([]);
        expect(code).to.equal(0);
      });

      it('each of them fails when one expectation is broken, by the line and the thing that is wrong', async () => {
        await prosody.restart();
        const broken = [...folder(GIVEN), ...folder(OWN)].map(breakFirst);
        for (const { file, text } of broken) writeFileSync(path.join(directory, file), text);
        const { code, lines } = await scenario(
          'run',
          directory,
          '--timeout',
          '0.8',
          '--format',
          'json',
          ...to(),
        );
        const { scripts: results } = JSON.parse(lines.join('\n')) as { scripts: Told[] };
        expect(results.map(({ file, failure }) => [path.basename(file), failure?.line])).to.have.deep.members(
          broken.map(({ file, line }) => [file, line]),
        );
        for (const { failure } of results) {
          expect(failure!.differences.map(({ text }) => text)).to.deep.include(
            'attribute broken is missing, expected "yes"',
          );
        }
        expect(code).to.equal(1);
      });

      it('verdicts are the same ten times in a row, on one server, in one go and by one after the other', async () => {
        await prosody.restart();
        const again = folder(GIVEN).filter((file) => !ASK_ONCE.includes(path.basename(file)));
        for (let round = 0; round < 2; round += 1) {
          expect((await scenario('run', ...again, ...to())).code).to.equal(0);
        }
        const racy = ['basic_message.scs', 'muc_whois_anyone_member.scs'].map((name) =>
          path.join(GIVEN, name),
        );
        for (let round = 0; round < 10; round += 1)
          expect((await scenario('run', ...racy, ...to())).code).to.equal(0);
      });

      it('a script that leaves out what arrives in between passes in tolerant order only', async () => {
        const file = path.join(GIVEN, 'basic_message.scs');
        const { lines } = await scenario('run', file, ...to());
        expect(lines.join('\n')).to.match(/# \S*basic_message\.scs:134: Juliet skipped <presence /);
        const exact = await scenario('run', file, '--exact', ...to());
        expect(exact.lines.join('\n')).to.contain(
          'basic_message.scs:134: Juliet receives <message>: another stanza arrived',
        );
        expect(exact.code).to.equal(1);
      });
    });

    describe('other servers', () => {
      const others: [string, ConstructorParameters<typeof Prosody>[0], string[]][] = [
        [
          'takes passwords by SCRAM only',
          { options: { authentication: '"internal_hashed"', allow_unencrypted_plain_auth: 'false' } },
          ['--auth', 'sasl'],
        ],
        [
          'takes any password and registers nobody',
          {
            options: {
              authentication: '"insecure"',
              insecure_open_authentication: `"Yes please, I know what I'm doing!"`,
              allow_registration: 'false',
            },
          },
          [],
        ],
      ];
      for (const [what, deviations, args] of others) {
        it(`one that ${what}`, async () => {
          await withProsody(deviations, async (other) => {
            const { code, lines } = await scenario(
              'run',
              GIVEN,
              OWN,
              ...args,
              '--to',
              `127.0.0.1:${other.port}`,
            );
            expect(lines.filter((line) => line.startsWith('not ok'))).to.deep.equal([]);
            expect(code).to.equal(0);
          });
        });
      }
    });

    describe('record', () => {
      it('what was recorded passes on the same server, also stanza for stanza', async () => {
        await prosody.restart();
        const file = path.join(directory, 'recorded.scs');
        const recorder = new Running('recorder', command('record', file, '--listen', '127.0.0.1:0', ...to()));
        try {
          const port = await recorder.find(
            'where it listens',
            (line) => /of 127\.0\.0\.1:(\d+)/.exec(line)?.[1],
          );
          const played = ['basic_message.scs', 'vcard_temp.scs', 'basic_roster.scs'].map((name) =>
            path.join(GIVEN, name),
          );
          const accounts = ['user', 'juliet', 'romeo'].flatMap((name) => ['--account', `${name}:password`]);
          await register(prosody.port, 'user', 'juliet', 'romeo');
          expect((await scenario('run', ...played, ...accounts, '--to', `127.0.0.1:${port}`)).code).to.equal(
            0,
          );
        } finally {
          expect(await recorder.stop()).to.equal(0);
        }
        const text = readFileSync(file, 'utf8');
        expect(text).to.contain("User sends:\n\t<message to=\"${Juliet's full JID}\" type='chat'>");
        expect(text).not.to.match(/scenario-barrier|urn:ietf:params:xml:ns:xmpp-(?:bind|sasl)/);
        await prosody.restart();
        for (const args of [[], ['--exact']]) {
          const { code, lines } = await scenario('run', file, ...args, ...to());
          expect(code, lines.join('\n')).to.equal(0);
        }
      });
    });

    describe('compare', () => {
      it('a server is the same as another one that is set up alike', async () => {
        await withProsody({}, async (other) => {
          await prosody.restart();
          const { code, lines } = await compare(other, GIVEN, '--ignore', 'none');
          expect(lines.filter((line) => /only on the|not the same/.test(line))).to.deep.equal([]);
          expect(lines.at(-1)).to.match(/^all +\d\d\d +0 +0 +0$/);
          expect(code, lines.join('\n')).to.equal(0);
        });
      });

      it('and differs from one that is not in just that, unless it is ignored', async () => {
        await withProsody({ without: ['version'] }, async (other) => {
          const files = ['basic.scs', 'basic_message.scs', 'version.scs'].map((name) =>
            path.join(GIVEN, name),
          );
          const { code, lines } = await compare(other, ...files, '--ignore', 'none');
          expect(lines.filter((line) => line.includes('not the same'))).to.have.lengthOf(1);
          const report = lines.join('\n');
          expect(report).to.contain('iq: type is "result" on the left, and "error" on the right');
          expect(report).to.match(/version\.scs +0 +1 +0 +0 +passes +fails \(line 18\)/);
          expect(report).to.match(/^all +17 +1 +0 +0$/m);
          expect(code).to.equal(1);
          const some = await compare(other, ...files.slice(0, 2), '--ignore', '/iq');
          expect(some.code).to.equal(0);
        });
      });
    });

    interface Told {
      readonly file: string;
      readonly failure?: {
        readonly line: number;
        readonly differences: readonly { readonly text: string }[];
      };
    }

    const to = (): string[] => ['--to', `127.0.0.1:${prosody.port}`];

    function compare(other: Prosody, ...args: string[]): ReturnType<typeof scenario> {
      const sides = ['--left', `127.0.0.1:${prosody.port}`, '--right', `127.0.0.1:${other.port}`];
      return scenario('compare', ...args, ...sides);
    }

    async function withProsody(
      deviations: ConstructorParameters<typeof Prosody>[0],
      body: (other: Prosody) => Promise<void>,
    ): Promise<void> {
      const other = new Prosody(deviations);
      try {
        await other.start();
        await body(other);
      } finally {
        await other.stop();
      }
    }
  });
}

function command(...args: string[]): { file: string; args: string[] } {
  const [file, ...all] = program('scenario', ...args);
  return { file, args: all };
}

const folder = (directory: string): string[] =>
  readdirSync(directory)
    .filter((name) => name.endsWith('.scs'))
    .map((name) => path.join(directory, name));

/** Accounts that the caller of the runner has, so that it leaves them alone. */
async function register(port: number, ...users: string[]): Promise<void> {
  for (const username of users) {
    await EchoPeer.register(port, { username, password: 'password', domain: 'localhost' });
  }
}

/** A script that expects an attribute too many of the first stanza that it expects. */
function breakFirst(file: string): { file: string; line: number; text: string } {
  const lines = readFileSync(file, 'utf8').split('\n');
  const line = lines.findIndex((one) => /^\S.* receives/.test(one));
  const stanza = lines.findIndex((one, at) => at >= line && one.includes('<'));
  lines[stanza] = lines[stanza].replace(/<[a-z]+/, "$& broken='yes'");
  return { file: path.basename(file), line: line + 1, text: lines.join('\n') };
}
