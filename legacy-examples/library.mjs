// The socket manager inside a program of your own, with the embedded session manager behind it:
//   node legacy-examples/library.mjs [PORT]
// Prints logins and disconnects, and stops at SIGTERM or SIGINT. Its data is deleted at the end.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { configure, createLog, SessionManager, SocketManager, Store } from 'sm-component';

const [port = '0'] = process.argv.slice(2);
const data = mkdtempSync(path.join(tmpdir(), 'sm-component-library-'));

// Options have their usual names; a wrong option throws an error that names it.
const config = configure({ domain: ['localhost'], listen: [port], data });
const log = createLog('warn', 'text');

const store = Store.open(config.data);
store.accounts.add('juliet@localhost', 'secret');

// Leave this out if configure() gets { sm: 'HOST:PORT', 'secret-file': … }: that session manager keeps the sessions.
const { domains, name, secret, registration } = config;
const sessionManager = new SessionManager({ domains, name, secret, registration, store, log });

const socketManager = new SocketManager(config, log, sessionManager);
socketManager.on('login', ({ sessionAddress, ip }) => console.log(`login ${sessionAddress} from ${ip}`));
socketManager.on('gone', ({ sessionAddress }, { kind }) => {
  if (sessionAddress) console.log(`gone ${sessionAddress}: ${kind}`);
});
// Stops at the first signal. A second signal ends the program at once, as it would without this line.
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => void stop());

await socketManager.start();
const [address] = socketManager.addresses();
console.log(`listening on ${address.host}:${address.port} for juliet@localhost, password "secret"`);

// Clients are disconnected first; the store is closed last.
async function stop() {
  await socketManager.stop();
  await sessionManager.stop();
  store.close();
  rmSync(data, { recursive: true });
  console.log('stopped');
}
