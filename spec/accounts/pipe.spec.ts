import { expect } from 'chai';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CredentialsError, type CredentialStore } from '../../lib/accounts/credential-store.js';
import { openPipe } from '../../lib/accounts/pipe.js';
import {
  PROGRAM_TIMEOUTS_MS,
  type ProgramCommand,
  type ProgramTimeouts,
} from '../../lib/accounts/program.js';
import { RecordedLog } from '../support/log.js';
import { broken, refusal, storyOf } from './story.js';

const PROGRAM = path.resolve('spec/accounts/accounts-program.mjs');
const HOST = 'foo.com';

/** Restarts that no spec waits for. */
const SOON: ProgramTimeouts = { ...PROGRAM_TIMEOUTS_MS, restart: 5, longestRestart: 20 };

const script = (text: string): ProgramCommand => [process.execPath, '-e', text];
/** A program that starts as it should and answers each question with what the text says of `question`. */
const answering = (text: string): ProgramCommand =>
  script(`
    console.log('OK USER-EXISTS CHECK-PASSWORD GET-PASSWORD SET-PASSWORD CREATE-USER DELETE-USER');
    process.stdin.setEncoding('utf8').on('data', (question) => { ${text} });`);

describe('accounts/pipe', () => {
  let store: CredentialStore | undefined;
  let log: RecordedLog;
  let directory: string;
  const open = async (command: ProgramCommand, patience = SOON): Promise<CredentialStore> =>
    (store = await openPipe(command, log, patience));

  beforeEach(() => {
    log = new RecordedLog();
    directory = mkdtempSync(path.join(tmpdir(), 'sm-component-'));
  });
  afterEach(async () => {
    await store?.close();
    store = undefined;
    rmSync(directory, { recursive: true });
  });

  describe('with a program that can do everything', () => {
    storyOf({ open: () => open([process.execPath, PROGRAM]), readable: true, spaces: false, lists: false });
  });

  describe('what a program can do', () => {
    const can = (...words: string[]): Promise<CredentialStore> => open([process.execPath, PROGRAM, ...words]);

    it('is all there is, where it only checks', async () => {
      const checking = await can('USER-EXISTS', 'CHECK-PASSWORD');
      expect(checking.readable).to.equal(false);
      expect([...checking.can]).to.deep.equal([]);
      expect(await checking.exists('juliet', HOST)).to.equal(false);
      expect(await checking.secret('juliet', HOST)).to.equal(undefined);
      expect(await broken(checking.create('juliet', HOST, 'secret'))).to.match(
        /does not support CREATE-USER and SET-PASSWORD$/,
      );
      expect(await broken(checking.set('juliet', HOST, 'secret'))).to.match(/does not support SET-PASSWORD$/);
      expect(await broken(checking.delete('juliet', HOST))).to.match(/does not support DELETE-USER$/);
    });

    it('is not to create where it can not set', async () => {
      const odd = await can('USER-EXISTS', 'CHECK-PASSWORD', 'CREATE-USER');
      expect([...odd.can]).to.deep.equal([]);
    });

    it('is to delete where it says DESTROY-USER, as the sample of jabberd2 does: it is asked to DELETE-USER', async () => {
      const sample = await can(
        ...['USER-EXISTS', 'GET-PASSWORD', 'CHECK-PASSWORD', 'SET-PASSWORD', 'CREATE-USER', 'DESTROY-USER'],
      );
      expect([...sample.can]).to.have.members(['set', 'create', 'delete']);
      await sample.create('juliet', HOST, 'secret');
      await sample.delete('juliet', HOST);
      expect(await sample.exists('juliet', HOST)).to.equal(false);
    });

    it('may be to give passwords and not to check them', async () => {
      const giving = await can('USER-EXISTS', 'GET-PASSWORD', 'CREATE-USER', 'SET-PASSWORD');
      await giving.create('juliet', HOST, 'secret');
      expect(giving.readable).to.equal(true);
      expect(await giving.check('juliet', HOST, 'secret')).to.equal(true);
      expect(await giving.check('juliet', HOST, 'other')).to.equal(false);
      expect(await giving.check('romeo', HOST, 'secret')).to.equal(false);
    });

    for (const words of [
      ['CHECK-PASSWORD'],
      ['USER-EXISTS'],
      ['USER-EXISTS', 'SET-PASSWORD', 'CREATE-USER', 'DELETE-USER'],
    ])
      it(`is too little with ${words.join(', ')}`, async () =>
        expect(await broken(can(...words))).to.match(/must support USER-EXISTS, and CHECK-PASSWORD or/));
  });

  describe('a name or a password that would be another question', () => {
    /** Writes down what it is asked, one read a line, and says that everybody exists. */
    const listening = (): ProgramCommand =>
      answering(`
        require('fs').appendFileSync(${JSON.stringify(path.join(directory, 'asked'))}, JSON.stringify(question) + '\\n');
        console.log('OK');`);
    const asked = (): string[] =>
      readFileSync(path.join(directory, 'asked'), 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));

    for (const name of ['a b', 'a\nDELETE-USER b', 'a\rb', 'a\tb', 'a\u00a0b', 'a\u2028b', 'a\u0085b', ' '])
      it(`is not asked: ${JSON.stringify(name)}`, async () => {
        const open1 = await open(listening());
        for (const [username, realm] of [
          [name, HOST],
          ['juliet', name],
        ]) {
          expect(await open1.exists(username, realm)).to.equal(false);
          expect(await open1.check(username, realm, 'secret')).to.equal(false);
          expect(await open1.secret(username, realm)).to.equal(undefined);
          expect(await open1.set(username, realm, 'secret')).to.equal(false);
          expect(await refusal(open1.create(username, realm, 'secret'))).to.be.instanceOf(RangeError);
          await open1.delete(username, realm);
        }
        expect(existsSync(path.join(directory, 'asked'))).to.equal(false);
      });

    it('is not asked when it is too long for one read', async () => {
      const open1 = await open(listening());
      expect(await open1.check('n'.repeat(1000), HOST, 'secret')).to.equal(false);
      expect(await open1.check('n'.repeat(700), HOST, 'x'.repeat(256))).to.equal(false);
      expect(await open1.check('juliet', HOST, 'x'.repeat(900))).to.equal(false);
      expect(await refusal(open1.set('n'.repeat(700), HOST, 'x'.repeat(256)))).to.be.instanceOf(Error);
      expect(await refusal(open1.create('n'.repeat(1000), HOST, 'secret'))).to.be.instanceOf(RangeError);
      expect(existsSync(path.join(directory, 'asked'))).to.equal(false);
      expect(await open1.check('n'.repeat(400), HOST, 'x'.repeat(256))).to.equal(true);
      expect(asked()[0]).to.have.lengthOf.at.most(1023);
    });

    it('is not asked without a password: a directory may take that for somebody who wants no more than to look', async () => {
      const open1 = await open(listening());
      for (const password of ['', '\0', '\0secret'])
        expect(await open1.check('juliet', HOST, password)).to.equal(false);
      expect(existsSync(path.join(directory, 'asked'))).to.equal(false);
    });

    it('is one line with the password in base 64', async () => {
      const open1 = await open(listening());
      await open1.check('юлия', HOST, 'a b\nc');
      await open1.exists('juliet', '');
      expect(asked()).to.deep.equal(['CHECK-PASSWORD юлия YSBiCmM= foo.com\n', 'USER-EXISTS juliet \n']);
    });

    it('is asked alone: the next waits for the answer', async () => {
      const open1 = await open(listening());
      await Promise.all(['a', 'b', 'c'].map((name) => open1.exists(name, HOST)));
      expect(asked()).to.deep.equal(['a', 'b', 'c'].map((name) => `USER-EXISTS ${name} ${HOST}\n`));
    });
  });

  describe('an answer', () => {
    const answer = (text: string): ProgramCommand =>
      answering(`process.stdout.write(${JSON.stringify(text)})`);

    for (const text of ['OK\n', 'OK \n', 'OK it is so\n', 'OK\tso\n', '\nOK\n', 'OK\r\n', 'OK\n\n'])
      it(`${JSON.stringify(text)} is yes`, async () =>
        expect(await (await open(answer(text))).check('juliet', HOST, 'secret')).to.equal(true));

    for (const text of ['NO\n', 'NO such user\n', 'NO\n\n'])
      it(`${JSON.stringify(text)} is no`, async () => {
        const open1 = await open(answer(text));
        expect(await open1.check('juliet', HOST, 'secret')).to.equal(false);
        expect(await open1.secret('juliet', HOST)).to.equal(undefined);
      });

    for (const text of ['OKAY\n', 'ok\n', 'yes\n', 'NO\nOK\n', 'OK\nNO\n', 'NOT OK\n', '0\n'])
      it(`${JSON.stringify(text)} is neither`, async () => {
        const open1 = await open(answer(text));
        expect(await broken(open1.check('juliet', HOST, 'secret'))).to.match(/answered neither OK nor NO: /);
        expect(await broken(open1.exists('juliet', HOST))).to.match(/answered neither OK nor NO: /);
      });

    const password = 'päßword '.repeat(12);
    const encoded = Buffer.from(password).toString('base64');
    for (const [what, text] of [
      ['', `OK ${encoded}\n`],
      [' in the lines that Perl makes of it', `OK ${encoded.replace(/.{76}/g, '$&\n')}\n\n`],
    ])
      it(`gives a password${what}`, async () =>
        expect(await (await open(answer(text))).secret('juliet', HOST)).to.equal(password));

    for (const text of ['OK\n', 'OK c2Vjcm.V0\n', 'OK secret words!\n', 'garbage\n', 'OK /w==\n'])
      it(`${JSON.stringify(text)} gives none, and is not shown`, async () => {
        const message = await broken((await open(answer(text))).secret('juliet', HOST));
        expect(message).to.match(
          /(?:did not answer with a password in base64|answered with a password that is not UTF-8)$/,
        );
      });

    it('may come in pieces', async () => {
      const pieces = `['O', 'K', ' \\n'].forEach((piece, i) => setTimeout(() => process.stdout.write(piece), 5 * i))`;
      expect(await (await open(answering(pieces))).exists('juliet', HOST)).to.equal(true);
    });

    it('no to a change of somebody who is there is an error', async () => {
      const no = `console.log(question.startsWith('USER-EXISTS juliet') ? 'OK' : 'NO')`;
      const open1 = await open(answering(no));
      expect(await broken(open1.set('juliet', HOST, 'secret'))).to.match(/refused to store a password$/);
      expect(await broken(open1.delete('juliet', HOST))).to.match(/refused to remove an account$/);
      expect(await broken(open1.create('romeo', HOST, 'secret'))).to.match(/refused to make an account$/);
      expect(await open1.set('romeo', HOST, 'secret')).to.equal(false);
      await open1.delete('romeo', HOST);
    });

    it('no to the password of a new account takes the account back', async () => {
      const asked = path.join(directory, 'asked');
      const open1 = await open(
        answering(`
          require('fs').appendFileSync(${JSON.stringify(asked)}, question);
          console.log(/^(?:CREATE|DELETE)-USER/.test(question) ? 'OK' : 'NO');`),
      );
      expect(await broken(open1.create('juliet', HOST, 'secret'))).to.match(/refused to store a password$/);
      expect(readFileSync(asked, 'utf8').match(/^\S+/gm)).to.deep.equal([
        'USER-EXISTS',
        'CREATE-USER',
        'SET-PASSWORD',
        'DELETE-USER',
      ]);
    });
  });

  describe('a program that does not start as it should', () => {
    const wrong = async (command: ProgramCommand, patience?: ProgramTimeouts): Promise<string> => {
      const message = await broken(open(command, patience));
      expect(log.lines.filter((line) => line.message !== 'output of the accounts program')).to.deep.equal([]);
      return message;
    };

    it('is not there', async () =>
      expect(await wrong([path.join(directory, 'none')])).to.match(/none cannot be run: .*ENOENT/));
    it('may not be run', async () => {
      writeFileSync(path.join(directory, 'plain'), '');
      expect(await wrong([path.join(directory, 'plain')])).to.match(/plain cannot be run: .*EACCES/);
    });
    it('ends', async () =>
      expect(await wrong(script('process.exit(3)'))).to.match(/ended with exit code 3$/));
    it('is killed', async () =>
      expect(await wrong(script('process.kill(process.pid, "SIGTERM")'))).to.match(/ended with SIGTERM$/));
    it('says something else', async () =>
      expect(await wrong(script('console.log("Hello"); setInterval(() => {}, 1000)'))).to.match(
        /did not print "OK" first/,
      ));
    it('says nothing', async () =>
      expect(await wrong(script('setInterval(() => {}, 1000)'), { ...SOON, answer: 300 })).to.match(
        /did not answer within 0.3 s$/,
      ));
    it('says no whole line', async () =>
      expect(
        await wrong(script('process.stdout.write("OK"); setInterval(() => {}, 1000)'), {
          ...SOON,
          answer: 300,
        }),
      ).to.match(/did not answer within 0.3 s$/));
    it('says far too much', async () =>
      expect(await wrong(script('for (;;) process.stdout.write("x".repeat(100000))'))).to.match(
        /sent much more than an answer$/,
      ));
    it('says why on standard error', async () => {
      await wrong(script('console.error("no such server\\n" + "x".repeat(1000)); process.exit(1)'));
      const said = log.lines.map(({ details }) => details.text);
      expect(said[0]).to.equal('no such server');
      expect(said[1]).to.equal('x'.repeat(200));
    });
  });

  describe('a program that goes wrong later', () => {
    /** Once wrong, then right: the file says that it has been started before. */
    const onceWrong = (text: string): ProgramCommand => {
      const file = JSON.stringify(path.join(directory, 'started'));
      return answering(`
        const fs = require('fs');
        if (fs.existsSync(${file})) return console.log('OK');
        fs.writeFileSync(${file}, '');
        ${text}`);
    };
    const comesBack = async (): Promise<void> => {
      await log.line(/is running again/);
      expect(await store!.exists('juliet', HOST)).to.equal(true);
    };

    for (const [what, text, complaint] of [
      ['ends', 'process.exit(7)', / ended with exit code 7$/],
      [
        'ends in the middle of an answer',
        'process.stdout.write("O", () => process.exit(7))',
        /ended with exit code 7$/,
      ],
      [
        'says far too much',
        'for (;;) process.stdout.write("x".repeat(100000))',
        /sent much more than an answer$/,
      ],
    ] as const) {
      it(`and ${what} is started again`, async () => {
        const open1 = await open(onceWrong(text));
        expect(await broken(open1.exists('juliet', HOST))).to.match(complaint);
        expect((await log.line(/^the accounts program (?:ended|sent much)/)).level).to.equal('warn');
        await comesBack();
      });
    }

    it('and says nothing is stopped, so that its answer is not taken for the next', async () => {
      const open1 = await open(
        onceWrong(`setTimeout(() => console.log('OK'), 1500); process.on('SIGTERM', () => undefined);`),
        { ...SOON, answer: 500, end: 100 },
      );
      const first = broken(open1.check('juliet', HOST, 'wrong'));
      expect(await first).to.match(/did not answer within 0.5 s$/);
      await comesBack();
    }).timeout(5000);

    it('and talks out of turn is stopped', async () => {
      const open1 = await open(onceWrong(`console.log('NO'); setTimeout(() => console.log('OK'), 20);`));
      expect(await open1.check('juliet', HOST, 'wrong')).to.equal(false);
      await log.line(/sent an answer without a request/);
      await comesBack();
    });

    it('is waited for longer each time that it does not answer', async () => {
      const file = path.join(directory, 'started');
      const open1 = await open(
        script(`
          const fs = require('fs');
          if (fs.existsSync(${JSON.stringify(file)})) process.exit(1);
          console.log('OK USER-EXISTS CHECK-PASSWORD');
          process.stdin.on('data', () => { fs.writeFileSync(${JSON.stringify(file)}, ''); process.exit(1); });`),
      );
      await broken(open1.exists('juliet', HOST));
      const waits: unknown[] = [];
      for (let i = 0; i < 4; i += 1) waits.push((await log.line(/ended with/)).details.nextTrySeconds);
      expect(waits).to.deep.equal([0.005, 0.01, 0.02, 0.02]);
      expect(await broken(open1.exists('juliet', HOST))).to.match(/ended with exit code 1$|is starting$/);
      rmSync(file);
      await log.line(/is running again/);
    });

    it('does not read is late', async () => {
      const open1 = await open(
        script(`console.log('OK USER-EXISTS CHECK-PASSWORD'); setInterval(() => {}, 1000);`),
        {
          ...SOON,
          answer: 300,
        },
      );
      expect(await broken(open1.exists('juliet', HOST))).to.match(/did not answer within 0.3 s$/);
    });
  });

  describe('closed', () => {
    const gone = (pid: number): boolean => {
      try {
        process.kill(pid, 0);
        return false;
      } catch {
        return true;
      }
    };
    const pidOf = (file: string): number => Number(readFileSync(path.join(directory, file), 'utf8'));

    it('tells the program to go where it knows how', async () => {
      const file = path.join(directory, 'said');
      const open1 = await open(
        script(`
          console.log('OK USER-EXISTS CHECK-PASSWORD FREE');
          process.stdin.on('data', (question) => { require('fs').writeFileSync(${JSON.stringify(file)}, question); process.exit(); });`),
      );
      await open1.close();
      expect(readFileSync(file, 'utf8')).to.equal('FREE\n');
    });

    it('ends one that does not go, and what it has started', async () => {
      const open1 = await open(
        script(`
          const { spawn } = require('child_process'), { writeFileSync } = require('fs');
          process.chdir(${JSON.stringify(directory)});
          process.on('SIGTERM', () => undefined);
          const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' });
          writeFileSync('child', String(child.pid));
          writeFileSync('parent', String(process.pid));
          console.log('OK USER-EXISTS CHECK-PASSWORD');
          setInterval(() => {}, 1000);`),
        { ...SOON, end: 100 },
      );
      await open1.close();
      for (const file of ['parent', 'child'])
        while (!gone(pidOf(file))) await new Promise((resolve) => setTimeout(resolve, 5));
    });

    it('tells those who wait', async () => {
      const open1 = await open(answering(''));
      const waiting = ['a', 'b'].map((name) => refusal(open1.exists(name, HOST)));
      await new Promise(setImmediate);
      await open1.close();
      for (const error of await Promise.all(waiting)) {
        expect(error).to.be.instanceOf(CredentialsError);
        expect(error.message).to.equal('the accounts are closed');
      }
    });
  });
});
