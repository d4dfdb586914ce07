import type { Config } from '../config/config.js';
import * as kinds from '../config/kinds.js';
import { loadConfig } from '../config/load.js';
import { createLog } from '../observe/log.js';
import { NoAnswer, ServerStream, StreamFailure } from '../scenario/stream.js';
import { SocketManager } from '../server.js';
import { IQ_AUTH, VERSION } from '../xmpp/namespaces.js';
import { element, type Element } from '../xml/index.js';
import { command, EXIT, Failure, UsageError } from './command.js';
import { askPassword } from './password.js';
import { onceInterrupted } from './signals.js';

export const probeCommand = command({
  usage: 'probe',
  help:
    'Find out the dialect of a session manager and the domains that it serves, and test a login. Do not probe while a ' +
    'socket manager of the same name is connected: jabberd 1.4 disconnects that one, and jabberd 1.1 crashes. With ' +
    '--dialect jabberd2 (which is not detected), it lists the names on the router, tries those that are domains ' +
    'unless --domain is given, and logs in with --credentials',
  configured: 'probe',
  own: {
    user: { kind: kinds.text, help: 'Log in as this user, and log out again' },
    password: {
      kind: kinds.text,
      help: 'The password of --user. Other users of the machine can read arguments: use --password-file instead',
      secret: true,
    },
    'password-file': { kind: kinds.file, help: 'A file whose first line is the password of --user' },
  },
  examples: [['$0 probe --sm 10.0.0.2:15347 --secret-file secret --domain foo.com --user juliet', '']],
  async run({ options, own }) {
    const config = loadConfig({ command: 'probe', args: options, env: process.env });
    if (!config.sm) throw new UsageError('probe needs a session manager: give --sm HOST:PORT');
    const { user } = own;
    const login = user === undefined ? undefined : { user, password: await askPassword(own, 'try') };
    return new Probe(config, login).run();
  },
});

/** How long the session manager may take for an answer. */
const ANSWER_TIMEOUT_MS = 10_000;

/** What came back: an element, nothing in time, or the end of the stream. */
type Answer = Element | 'silence' | 'end';

const OTHER_DIALECT = 'if the session manager speaks another dialect, use --dialect auto';

interface ProbeLogin {
  readonly user: string;
  readonly password: string;
}

/** Asks through a whole socket manager, so that what works here works for clients. */
class Probe {
  private readonly manager: SocketManager;
  private interrupted = false;

  constructor(
    private readonly config: Config,
    private readonly login: ProbeLogin | undefined,
  ) {
    // Any domain is tried: whether it is served is what we want to know.
    const front: Config = {
      ...config,
      domains: [],
      listen: [{ host: '127.0.0.1', port: 0 }],
      registration: true,
    };
    this.manager = new SocketManager(front, createLog('error', 'text'));
  }

  /** Also when it is interrupted the session manager is told that the link, and the session, are over. */
  async run(): Promise<number> {
    const interrupted = new Promise<never>((_resolve, reject) => {
      onceInterrupted((name) => {
        this.interrupted = true;
        reject(new Failure(`interrupted by ${name}`));
      });
    });
    try {
      return await Promise.race([this.find(), interrupted]);
    } finally {
      await this.manager.stop();
    }
  }

  private async find(): Promise<number> {
    const failed = await this.connect();
    if (failed) return this.tell('link', `none: ${failed}`, EXIT.failed);
    this.tell('link', `up, as ${this.config.name} to ${kinds.printAddress(this.config.sm!)}`);
    const { finding } = this.manager;
    this.tell('dialect', finding ? `${finding.dialect}: ${finding.why}` : this.config.dialect);
    const { names = [] } = this.manager;
    if (names.length > 0) this.tell('router', `has ${names.join(', ')}`);
    return (await this.tryDomains(names)) ? EXIT.stopped : EXIT.failed;
  }

  /** @returns why there is no link; undefined when there is */
  private connect(): Promise<string | undefined> {
    return new Promise((resolve, reject) => {
      this.manager.once('linkFailed', resolve);
      this.manager.start().then(() => resolve(undefined), reject);
    });
  }

  /** @returns whether all that were named are served, or one of those that were guessed */
  private async tryDomains(names: readonly string[]): Promise<boolean> {
    const { domains } = this.config;
    const tried: boolean[] = [];
    for (const domain of domains.length > 0 ? domains : guessed(names))
      tried.push(await this.tryDomain(domain));
    return domains.length > 0 ? tried.every(Boolean) : tried.some(Boolean);
  }

  private async tryDomain(domain: string): Promise<boolean> {
    const client = await ServerStream.connect(this.manager.addresses()[0]);
    try {
      await client.start(domain);
      const form = await ask(client, 'get', element('query', { xmlns: IQ_AUTH }));
      if (form === 'end') return this.tell(domain, 'not served', false);
      if (form === 'silence') return this.tell(domain, `no answer: ${OTHER_DIALECT}`, false);
      const fields = form.child('query')?.elements.map(({ localName }) => localName) ?? [];
      this.tell(
        domain,
        `served; a login takes ${fields.join(', ') || 'fields that are only known with --user'}`,
      );
      return this.login === undefined || (await this.tryLogin(client, domain, this.login));
    } finally {
      // A session manager that does not answer keeps the stream open: that is not waited for.
      void client.close();
    }
  }

  private async tryLogin(
    client: ServerStream,
    domain: string,
    { user, password }: ProbeLogin,
  ): Promise<boolean> {
    const parts = Object.entries({ username: user, password, resource: 'sm-component-probe' });
    const children = parts.map(([name, text]) => element(name, {}, text));
    const answer = await ask(client, 'set', element('query', { xmlns: IQ_AUTH }, ...children));
    if (typeof answer === 'string' || answer.attribute('type') !== 'result') {
      return this.tell('login', `refused: ${refusal(answer)}`, false);
    }
    this.tell('login', `works as ${user}@${domain}`);
    const version = await ask(client, 'get', element('query', { xmlns: VERSION }), domain);
    return this.tell('version', describe(version), true);
  }

  private tell(what: string, text: string): void;
  private tell<T>(what: string, text: string, result: T): T;
  private tell<T>(what: string, text: string, result?: T): T | undefined {
    if (!this.interrupted) console.log(`${`${what}:`.padEnd(12)} ${text}`);
    return result;
  }
}

/** A router does not say which of its names are domains of an sm. Others than `sm` or `c2s` have a dot, most of the time. */
function guessed(names: readonly string[]): readonly string[] {
  const found = names.filter((name) => name === 'localhost' || name.includes('.'));
  return found.length > 0 ? found : ['localhost'];
}

async function ask(client: ServerStream, type: 'get' | 'set', query: Element, to?: string): Promise<Answer> {
  try {
    return await client.ask(type, query, { id: 'ask', to, patience: ANSWER_TIMEOUT_MS });
  } catch (error) {
    if (!(error instanceof StreamFailure)) throw error;
    return error instanceof NoAnswer ? 'silence' : 'end';
  }
}

function refusal(answer: Answer): string {
  if (typeof answer === 'string') return 'no answer';
  const error = answer.child('error');
  return error?.text || error?.elements[0]?.localName || error?.attribute('code') || 'no reason given';
}

function describe(answer: Answer): string {
  if (typeof answer === 'string' || answer.attribute('type') !== 'result') return 'unknown';
  const query = answer.child('query');
  // jabberd 1.1 calls it <ver/>
  const parts = ['name', 'version', 'ver', 'os'].map((name) => query?.childText(name)).filter(Boolean);
  return parts.join(', ') || 'unknown';
}
