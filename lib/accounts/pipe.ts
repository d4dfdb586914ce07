import type { Log } from '../observe/log.js';
import { isSame } from '../xmpp/sasl/same.js';
import {
  CredentialsError,
  isName,
  isPlausiblePassword,
  requireName,
  requirePassword,
  type Account,
  type AccountChange,
  type CredentialStore,
} from './credential-store.js';
import { Program, type ProgramCommand, type ProgramTimeouts } from './program.js';

/** Of a question, with its line end: c2s cuts off the rest, and programs read no more at once. */
const MAX_QUESTION_BYTES = 1023;

/** How long a call may wait for the calls before it. */
const ANSWER_TIMEOUT_MS = 10_000;

/** The words of the program that each change needs. */
const NEEDED: Readonly<Record<AccountChange, readonly string[]>> = {
  set: ['SET-PASSWORD'],
  create: ['CREATE-USER', 'SET-PASSWORD'],
  delete: ['DELETE-USER'],
};

/**
 * Starts a program that knows the accounts, as c2s does with `<pipe>`: a bridge to PAM, LDAP or another directory.
 *
 * @throws {CredentialsError} where it does not start as it should, or has no way to check passwords
 */
export async function openPipe(
  command: ProgramCommand,
  log: Log,
  patience?: ProgramTimeouts,
): Promise<CredentialStore> {
  const program = await Program.start(command, log, patience);
  const { abilities } = program;
  if (abilities.has('USER-EXISTS') && (abilities.has('CHECK-PASSWORD') || abilities.has('GET-PASSWORD')))
    return new PipeCredentialStore(program);
  await program.close();
  throw new CredentialsError(
    `the accounts program ${command[0]} must support USER-EXISTS, and CHECK-PASSWORD or GET-PASSWORD`,
  );
}

/** Asks the program one line. @returns its answer as it is */
type Ask = (...words: string[]) => Promise<string>;

/** The lines of jabberd2's pipe protocol: names are written as they are, passwords in base64. [authreg_pipe.c] */
class PipeCredentialStore implements CredentialStore {
  private lastCall: Promise<unknown> = Promise.resolve();

  constructor(private readonly program: Program) {}

  get readable(): boolean {
    return this.program.abilities.has('GET-PASSWORD');
  }

  get can(): ReadonlySet<AccountChange> {
    const changes = Object.keys(NEEDED) as AccountChange[];
    return new Set(changes.filter((change) => NEEDED[change].every((word) => this.supports(word))));
  }

  async exists(username: string, realm: string): Promise<boolean> {
    if (!isAskable(username, realm)) return false;
    return this.exclusively((ask) => exists(ask, username, realm));
  }

  async check(username: string, realm: string, password: string): Promise<boolean> {
    if (!isPlausiblePassword(password) || !isAskable(username, realm, password)) return false;
    if (!this.program.abilities.has('CHECK-PASSWORD')) {
      const secret = await this.secret(username, realm);
      return secret !== undefined && isSame(password, secret);
    }
    return this.exclusively(async (ask) =>
      isYes(await ask('CHECK-PASSWORD', username, base64(password), realm)),
    );
  }

  async secret(username: string, realm: string): Promise<string | undefined> {
    if (!this.readable || !isAskable(username, realm)) return undefined;
    return this.exclusively(async (ask) => readPassword(await ask('GET-PASSWORD', username, realm)));
  }

  async set(username: string, realm: string, password: string): Promise<boolean> {
    this.requireChange('set');
    requirePassword(password);
    if (!isAskable(username, realm)) return false;
    requireAskable(username, realm, password);
    return this.exclusively(async (ask) => {
      if (!(await exists(ask, username, realm))) return false;
      await requireYes(ask('SET-PASSWORD', username, base64(password), realm), 'store a password');
      return true;
    });
  }

  /** The program has no answer for "taken", so it is asked for the name first. */
  async create(username: string, realm: string, password: string): Promise<boolean> {
    this.requireChange('create');
    requireName(username, realm);
    requirePassword(password);
    requireAskable(username, realm, password);
    return this.exclusively(async (ask) => {
      if (await exists(ask, username, realm)) return false;
      await requireYes(ask('CREATE-USER', username, realm), 'make an account');
      try {
        await requireYes(ask('SET-PASSWORD', username, base64(password), realm), 'store a password');
      } catch (error) {
        // an account without a password would keep the name taken
        if (this.can.has('delete')) await ask('DELETE-USER', username, realm).catch(() => undefined);
        throw error;
      }
      return true;
    });
  }

  /** The protocol has no such question. */
  list(): Promise<readonly Account[]> {
    return Promise.reject(new CredentialsError('an accounts program (pipe:) cannot list accounts'));
  }

  async delete(username: string, realm: string): Promise<void> {
    this.requireChange('delete');
    if (!isAskable(username, realm)) return;
    await this.exclusively(async (ask) => {
      if (await exists(ask, username, realm))
        await requireYes(ask('DELETE-USER', username, realm), 'remove an account');
    });
  }

  close(): Promise<void> {
    return this.program.close();
  }

  /** jabberd2's own sample announces DESTROY-USER, and answers DELETE-USER. [jabberd2 2.7.0 tools/pipe-auth.pl] */
  private supports(word: string): boolean {
    const { abilities } = this.program;
    return abilities.has(word) || (word === 'DELETE-USER' && abilities.has('DESTROY-USER'));
  }

  private requireChange(change: AccountChange): void {
    if (!this.can.has(change))
      throw new CredentialsError(`the accounts program does not support ${NEEDED[change].join(' and ')}`);
  }

  /** An answer does not say which question it belongs to, so the questions of one call are asked before the next call's. */
  private exclusively<Result>(questions: (ask: Ask) => Promise<Result>): Promise<Result> {
    const until = performance.now() + ANSWER_TIMEOUT_MS;
    const result = this.lastCall.then(() => {
      if (performance.now() < until) return questions((...words) => this.program.ask(words.join(' ')));
      throw new CredentialsError('the accounts program is too busy to answer');
    });
    this.lastCall = result.catch(() => undefined);
    return result;
  }
}

/**
 * Can the program be asked about this? A space would make two words of a name, and a line end two questions; too long a
 * question would be read in two parts, and the second part taken for another question.
 */
function isAskable(username: string, realm: string, password = ''): boolean {
  if (!isName(username, realm) || /[\s\p{Cc}]/u.test(username + realm)) return false;
  return Buffer.byteLength(`CHECK-PASSWORD ${username} ${base64(password)} ${realm}\n`) <= MAX_QUESTION_BYTES;
}

function requireAskable(username: string, realm: string, password: string): void {
  if (isAskable(username, realm, password)) return;
  throw new RangeError(
    'the user name or the password is too long for the accounts program, or the name contains a space',
  );
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

const exists = async (ask: Ask, username: string, realm: string): Promise<boolean> =>
  isYes(await ask('USER-EXISTS', username, realm));

/** @throws {CredentialsError} where the program answers NO */
async function requireYes(answer: Promise<string>, what: string): Promise<void> {
  if (!isYes(await answer)) throw new CredentialsError(`the accounts program refused to ${what}`);
}

/** Words may follow OK or NO. @throws {CredentialsError} where the answer is neither */
function isYes(answer: string): boolean {
  const [, word] = /^(OK|NO)(?:[ \t].*)?$/.exec(answer) ?? [];
  if (word !== undefined) return word === 'OK';
  throw new CredentialsError(
    `the accounts program answered neither OK nor NO: ${JSON.stringify(answer.slice(0, 80))}`,
  );
}

/** Perl's encode_base64 writes a long password in several lines. */
const ENCODED = /^OK\s+([A-Za-z0-9+/\s]+={0,2})$/;

/** @throws {CredentialsError} without the answer in it, which may be a part of a password */
function readPassword(answer: string): string | undefined {
  const [, encoded] = ENCODED.exec(answer) ?? [];
  if (encoded === undefined) {
    if (/^NO(?:[ \t].*)?$/.test(answer)) return undefined;
    throw new CredentialsError('the accounts program did not answer with a password in base64');
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(encoded, 'base64')) || undefined;
  } catch {
    throw new CredentialsError('the accounts program answered with a password that is not UTF-8');
  }
}
