import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import sax from 'sax';
import { parse, type Element } from '../../lib/xml/index.js';
import { call, Program, type Outcome } from '../cli/program.js';

/** A file of legacy-examples/. */
export function example(...names: string[]): string {
  return path.resolve('legacy-examples', ...names);
}

export function readExample(...names: string[]): string {
  return readFileSync(example(...names), 'utf8');
}

/** The configuration as XML; jabberd reads it with expat, which lets nothing pass that is not well-formed. */
export function readJabberXml(source: string): Element {
  const strict = new sax.SAXParser(true, {});
  strict.onerror = (error) => {
    throw error;
  };
  strict.write(source).close();
  return parse(source.replace(/<\?xml.*?\?>|<!--[^]*?-->/g, '').trim());
}

/** The service that a socket manager connects to. */
export function acceptOf(service: Element | undefined): { sm: string; secret: string | undefined } {
  const accept = service?.child('accept');
  return {
    sm: `${accept?.childText('ip')}:${accept?.childText('port')}`,
    secret: accept?.childText('secret'),
  };
}

/** What sm-component.json of a directory says, and its secret; check-config must find nothing wrong with it. */
export function readConfiguration(directory: string): Record<string, unknown> & { secret: string } {
  const { code, stderr } = call(['check-config', '--config', example(directory, 'sm-component.json')]);
  expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
  const options = JSON.parse(readExample(directory, 'sm-component.json')) as Record<string, unknown>;
  const [secret] = readExample(directory, String(options['secret-file'])).split('\n');
  return { ...options, secret };
}

/** Runs one of the scripts to its end. */
export function runScript(script: string, ...args: string[]): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
    encoding: 'utf8',
    timeout: 10_000,
  });
  return { code: status, stdout, stderr };
}

/** One of the scripts, running. */
export class Script {
  stdout = '';
  readonly exit: Promise<number | null>;
  private readonly child: ChildProcessWithoutNullStreams;

  constructor(script: string, env: Readonly<Record<string, string>>, ...args: string[]) {
    this.child = spawn(process.execPath, [script, ...args], { env: { ...process.env, ...env } });
    this.child.stdout.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()));
    this.exit = once(this.child, 'close').then(([code]) => code as number | null);
  }

  /** Resolves when what it printed matches, with the match. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.stdout);
      if (found) return found;
      const over = await Promise.race([once(this.child.stdout, 'data'), this.exit]);
      if (!Array.isArray(over)) throw new Error(`exit ${over} before ${pattern}:\n${this.stdout}`);
    }
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** For the end of a spec that failed: nothing stays behind. */
  async discard(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exit;
  }
}

/**
 * A deployment as an example has it, on free ports: our session manager in the place of jabberd, with the values of
 * jabber.xml, and the socket manager with the configuration that belongs to it.
 */
export class Deployment {
  private readonly data = mkdtempSync(path.join(tmpdir(), 'sm-component-'));
  private readonly programs: Program[] = [];

  /** @returns where clients connect to */
  async start(directory: string, ...back: string[]): Promise<string> {
    const sessionManager = this.program('session-manager', '--data', this.data, '--listen', '0', ...back);
    const [, sm] = await sessionManager.says(/connects to (\S+)/);
    const config = example(directory, 'sm-component.json');
    const socketManager = this.program(
      ...['--config', config, '--sm', sm, '--listen', '0', '--data', path.join(this.data, 'front')],
    );
    const [, where] = await socketManager.says(/connect to ([^\s,]+)[^]*Stop:/);
    return where;
  }

  async stop(): Promise<void> {
    await Promise.all(this.programs.map((program) => program.discard()));
    rmSync(this.data, { recursive: true });
  }

  private program(...args: string[]): Program {
    const program = new Program(args);
    this.programs.push(program);
    return program;
  }
}

/** Runs client.mjs, the client that the examples share. */
export function runClient(where: string, ...account: string[]): Outcome {
  return runScript(example('jabberd-1.1', 'client.mjs'), where, ...account);
}
