// A client on a plain socket, with the protocol of the year 2000, to check a deployment:
//   node client.mjs [HOST:PORT [USER [PASSWORD [DOMAIN [stay]]]]]
// Logs in with the digest of jabber:iq:auth, registers the account if there is none, sends a message to itself and
// waits for it. Exit code 0 if the message arrived, else 1, with an error message. With "stay" it then stays connected
// until it is stopped (Ctrl-C) or disconnected, and prints everything that it receives.
import { createHash } from 'node:crypto';
import { connect } from 'node:net';

const [where = '127.0.0.1:5222', user = 'juliet', password = 'secret', domain = 'foo.com', stays] =
  process.argv.slice(2);
const RESOURCE = 'example';
const PATIENCE = 10_000;

const [, host, port] = /^(?:(.*):)?(\d+)$/.exec(where) ?? fail(`${where} is not HOST:PORT`);
const socket = connect({ host: host?.replace(/^\[(.*)\]$/, '$1') || '127.0.0.1', port: Number(port) });
socket.setTimeout(PATIENCE, () => socket.destroy(new Error('no answer')));
const reads = socket.setEncoding('utf8')[Symbol.asyncIterator]();
let unread = '';
let asked = 0;

await talk().catch((error) => fail(`${where}: ${error.message}`));

async function talk() {
  say(
    `<stream:stream to='${escape(domain)}' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>`,
  );
  const [, , streamId] = await hear(/<stream:stream\b[^>]*\sid=(['"])(.*?)\1[^>]*>/);
  await logIn(streamId);
  await sendToItself();
  if (stays === 'stay') await stay();
  else socket.end('</stream:stream>');
}

async function stay() {
  socket.setTimeout(0);
  for await (const text of reads) console.log(text);
}

async function logIn(streamId) {
  // The password itself is not sent: the digest is made of it and the id of this stream. [XEP-0078 3.2]
  const digest = createHash('sha1').update(`${streamId}${password}`).digest('hex');
  const fields = { username: user, digest, resource: RESOURCE };
  const refused = await set('jabber:iq:auth', fields);
  if (refused) {
    const taken = await set('jabber:iq:register', { username: user, password });
    if (taken) throw new Error(`no login (${refused}), and no new account (${taken})`);
    console.log(`registered ${user}@${domain}`);
    const again = await set('jabber:iq:auth', fields);
    if (again) throw new Error(`no login after the registration: ${again}`);
  }
  console.log(`logged in as ${user}@${domain}/${RESOURCE}`);
}

async function sendToItself() {
  const body = `hello at ${new Date().toISOString()}`;
  say('<presence/>');
  say(
    `<message type='chat' to='${escape(`${user}@${domain}/${RESOURCE}`)}'><body>${escape(body)}</body></message>`,
  );
  await hear(new RegExp(`<message\\b[^>]*><body>${body}</body>`));
  console.log(`sent to itself: ${body}`);
}

// Sends an iq set and waits for the answer; returns the error in it, or undefined.
async function set(namespace, fields) {
  asked += 1;
  const id = `example-${asked}`;
  const children = Object.entries(fields).map(([name, text]) => `<${name}>${escape(text)}</${name}>`);
  say(`<iq type='set' id='${id}'><query xmlns='${namespace}'>${children.join('')}</query></iq>`);
  const [answer] = await hear(new RegExp(`<iq\\b[^>]*\\sid=['"]${id}['"][^>]*(?:/>|>[^]*?</iq>)`));
  if (/^<iq\b[^>]*\stype=['"]result['"]/.test(answer)) return undefined;
  return /<error\b[^]*<\/error>/.exec(answer)?.[0] ?? answer;
}

function say(text) {
  socket.write(text);
}

// Returns the first match and drops the input up to its end. A pattern is enough for a check; a real client parses XML.
async function hear(pattern) {
  for (;;) {
    const found = pattern.exec(unread);
    if (found) {
      unread = unread.slice(found.index + found[0].length);
      return found;
    }
    const { value, done } = await reads.next();
    if (done) throw new Error(`the stream ended${unread && ` with ${unread}`}`);
    unread += value;
  }
}

function escape(text) {
  return text.replace(/[&<>'"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}
