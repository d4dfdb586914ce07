import path from 'node:path';
import type { Address, Config, ListenerTls } from '../config/config.js';
import { printAddress, printCredentials } from '../config/kinds.js';
import { loadOptions, ignoredVariables, toConfig, withoutEffect } from '../config/load.js';
import { tooManyClients } from '../net/admission.js';
import { createLog, type Log } from '../observe/log.js';
import { SocketManager } from '../server.js';
import { connectionRows, type SessionRow } from '../control/sessions.js';
import { command } from './command.js';
import type { DirectoryLock } from '../store/lock.js';
import { Control, lockStore } from './control.js';
import { Embedded } from './embedded.js';
import { serve, type Service } from './service.js';
import { version } from './version.js';

export const run = command({
  usage: ['run', '$0'],
  help: 'Run the socket manager; this is the default command',
  configured: 'run',
  examples: [
    ['$0', 'with the embedded session manager'],
    [
      '$0 --sm 10.0.0.2:15347 --secret-file secret --domain foo.com --dialect auto',
      'in front of a jabberd 1.x',
    ],
    [
      '$0 --sm 10.0.0.2:5347 --secret-file secret --dialect jabberd2 --credentials sqlite:/var/lib/jabberd2/sqlite.db',
      'in front of the router of jabberd2',
    ],
  ],
  async run({ options }) {
    const loaded = loadOptions({ command: 'run', args: options, env: process.env });
    const config = toConfig(loaded);
    const log = createLog(config.logLevel, config.logFormat);
    const warning = withoutEffect(loaded);
    if (warning !== undefined) log.warn(warning);
    const tooMany = tooManyClients(config.limits.maxClients);
    if (tooMany !== undefined) log.warn(tooMany);
    const foreign = ignoredVariables(loaded);
    if (foreign !== undefined) log.info(foreign);
    const lock = config.sm ? undefined : await lockStore(config.data);
    const service = new RunService(config, log, lock);
    return serve(service, log, () => console.log(greeting(config, service.manager)));
  },
});

/** The socket manager, with the embedded session manager unless another one is named. */
class RunService implements Service {
  readonly manager: SocketManager;
  readonly reloads: string | undefined;
  private readonly embedded: Embedded | undefined;
  private readonly control: Control;

  constructor(config: Config, log: Log, lock: DirectoryLock | undefined) {
    this.reloads = config.tls.certificates.length > 0 ? 'the certificates' : undefined;
    this.embedded = lock && new Embedded(config, log, lock);
    this.manager = new SocketManager(config, log, this.embedded?.sessionManager);
    const rows = (): Iterable<SessionRow> =>
      connectionRows(this.manager.connected(), this.embedded?.sessionManager.sessions);
    this.control = new Control(config, log, { sessions: rows, ...this.embedded?.commands });
  }

  async start(): Promise<void> {
    await this.control.open();
    await this.manager.start();
  }

  reload(): void {
    this.manager.reloadCertificates();
  }

  /** Clients first, so that the session manager is still there to end their sessions. */
  async stop(): Promise<void> {
    this.control.close();
    try {
      await this.manager.stop();
    } finally {
      await this.embedded?.stop();
    }
  }
}

/** What is printed when the program is ready. */
function greeting(config: Config, manager: SocketManager): string {
  const domains = config.domains.join(', ') || 'any that the session manager serves';
  const hasTls = config.tls.certificates.length > 0;
  return [
    `sm-component ${version()} is ready.`,
    `  Clients:  connect to ${places(manager)}, domain ${domains}${hasTls ? '' : ', without encryption'}`,
    ...(hasTls ? [] : [`  TLS:      off; make a certificate for trying: ${certificateCommand(config)}`]),
    ...(config.sm ? behind(config, config.sm, manager) : embedded(config)),
    '  Stop:     Ctrl-C',
  ].join('\n');
}

const ENCRYPTION: Readonly<Record<ListenerTls, string>> = {
  direct: ' (TLS)',
  required: ' (STARTTLS required)',
  optional: ' (STARTTLS)',
  off: '',
};

function places(manager: SocketManager): string {
  return manager
    .addresses()
    .map((address) => printAddress(address) + ENCRYPTION[address.tls])
    .join(' and ');
}

function certificateCommand({ domains }: Config): string {
  return `bin/sm-component certificate ${domains[0] ?? 'DOMAIN'} (docs/tls.md)`;
}

function behind(config: Config, sm: Address, manager: SocketManager): string[] {
  const dialect = manager.finding?.dialect ?? config.dialect;
  return [
    `  ${manager.names ? 'Router:  ' : 'Sessions:'} ${printAddress(sm)} (${dialect}), our name is ${config.name}`,
    `  Accounts: ${manager.checksLogins ? accounts(config) : 'kept by that session manager'}`,
  ];
}

function accounts({ credentials, registration, data }: Config): string {
  const where = credentials.store === 'embedded' ? `kept in ${data}` : printCredentials(credentials);
  return registration ? `${where}; clients may register` : where;
}

function embedded(config: Config): string[] {
  const inBand = config.registration ? 'register from the client, or ' : '';
  const data = config.data === path.resolve('data') ? '' : ` --data ${config.data}`;
  return [
    `  Accounts: ${inBand}bin/sm-component users add NAME@${config.domains[0]}${data}`,
    `  Data:     ${config.data}`,
  ];
}
