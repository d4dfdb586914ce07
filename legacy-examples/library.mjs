// The socket manager inside a program of your own, with the embedded session manager behind it:
//   node legacy-examples/library.mjs [PORT]
// Prints who comes and goes, and stops at SIGTERM or SIGINT. What it keeps is thrown away at the end.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { configure, createLog, SessionManager, SocketManager, Store } from 'sm-component';

const [port = '0'] = process.argv.slice(2);
const data = mkdtempSync(path.join(tmpdir(), 'sm-component-library-'));

// Options have the names that they have everywhere; a wrong one throws a sentence that says which.
const config = configure({ domain: ['localhost'], listen: [port], data });
const log = createLog('warn', 'text');

const store = Store.open(config.data);
store.accounts.add('juliet@localhost', 'secret');

// With { sm: 'HOST:PORT', 'secret-file': … } in configure() leave this out: the sessions are kept there then.
const { domains, name, secret, registration } = config;
const sessionManager = new SessionManager({ domains, name, secret, registration, store, log });

const socketManager = new SocketManager(config, log, sessionManager);
socketManager.on('login', ({ sessionAddress, ip }) => console.log(`login ${sessionAddress} from ${ip}`));
socketManager.on('gone', ({ sessionAddress }, { kind }) => {
  if (sessionAddress) console.log(`gone ${sessionAddress}: ${kind}`);
});
// At the first signal; another one ends the program at once, as it would without this.
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => void stop());

await socketManager.start();
const [address] = socketManager.addresses();
console.log(`listening on ${address.host}:${address.port} for juliet@localhost, password "secret"`);

// From the street to the back office: clients are told first, what is kept is closed last.
async function stop() {
  await socketManager.stop();
  await sessionManager.stop();
  store.close();
  rmSync(data, { recursive: true });
  console.log('stopped');
}
