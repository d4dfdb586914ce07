import type { Address, Config } from '../config/config.js';
import { printAddress } from '../config/kinds.js';
import { loadOptions, ignoredVariables, toConfig } from '../config/load.js';
import { Listener } from '../net/listener.js';
import type { Item } from '../embedded/store/journal.js';
import { createLog, type Log } from '../observe/log.js';
import { sessionRows, type SessionRow } from '../control/sessions.js';
import { command } from './command.js';
import type { DirectoryLock } from '../store/lock.js';
import { Control, lockStore } from './control.js';
import { Embedded } from './embedded.js';
import { serve, type Service } from './service.js';
import { version } from './version.js';

export const sessionManager = command({
  usage: 'session-manager',
  help: 'Run only the embedded session manager, for socket managers that connect by TCP',
  configured: 'session-manager',
  examples: [
    ['$0 session-manager --secret-file secret --domain foo.com', 'on 127.0.0.1:5347'],
    [
      '$0 session-manager --dialect route --secret-file secret --domain foo.com',
      'for socket managers of jabberd 1.4',
    ],
  ],
  async run({ options }) {
    const loaded = loadOptions({ command: 'session-manager', args: options, env: process.env });
    const config = toConfig(loaded);
    const log = createLog(config.logLevel, config.logFormat);
    const foreign = ignoredVariables(loaded);
    if (foreign !== undefined) log.info(foreign);
    const service = new SessionManagerService(config, log, await lockStore(config.data));
    return serve(service, log, () => console.log(greeting(config, service.addresses)));
  },
});

function greeting({ name, dialect, domains, data }: Config, addresses: readonly Address[]): string {
  return [
    `sm-component ${version()} session-manager is ready.`,
    `  Socket manager: ${name} connects to ${addresses.map(printAddress).join(' and ')}`,
    `  Dialect:        ${dialect}`,
    `  Domain:         ${domains.join(', ')}`,
    `  Data:           ${data}`,
    '  Stop:           Ctrl-C',
  ].join('\n');
}

/** The embedded session manager, listening for socket managers. */
class SessionManagerService implements Service {
  readonly addresses: Address[] = [];
  private readonly embedded: Embedded;
  private readonly listeners: readonly Listener[];
  private readonly control: Control;

  constructor(config: Config, log: Log, lock: DirectoryLock) {
    this.embedded = new Embedded(config, log, lock);
    const rows = (): Iterable<SessionRow> => sessionRows(this.embedded.sessionManager.sessions);
    this.control = new Control(config, log, { sessions: rows, ...this.embedded.commands });
    this.listeners = Listener.forAll<Item>(config.listen, {
      keepalive: config.keepalive,
      log,
      onAccepted: (transport) => this.embedded.sessionManager.accept(transport),
      refusal: () => '',
    });
  }

  async start(): Promise<void> {
    await this.control.open();
    for (const listener of this.listeners) this.addresses.push(await listener.listen());
  }

  async stop(): Promise<void> {
    this.control.close();
    for (const listener of this.listeners) listener.close();
    await this.embedded.stop();
  }
}
