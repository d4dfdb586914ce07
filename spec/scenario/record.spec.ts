import { expect } from 'chai';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { parseScript } from '../../lib/scenario/parse.js';
import { Recorder } from '../../lib/scenario/record.js';
import { ScriptedServer, type Habits } from './support/server.js';
import { failureOf } from './support/story.js';

const HEADER =
  "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' version='1.0'>";
const TLS = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'";

/** What a client sees, until it has seen that. */
async function reads(socket: Socket, until: string): Promise<string> {
  let text = '';
  while (!text.includes(until)) text += String((await once(socket, 'data'))[0]);
  return text;
}

describe('scenario/record', () => {
  let server: ScriptedServer;
  let recorder: Recorder;
  let port: number;
  let told: string[];
  const sockets: Socket[] = [];

  async function record(habits: Habits, password?: string): Promise<void> {
    server = await new ScriptedServer(habits).start();
    server.accounts.set('ann', 'private');
    told = [];
    recorder = new Recorder({
      to: { host: '127.0.0.1', port: server.port },
      listen: { host: '127.0.0.1', port: 0 },
      password,
      tell: (text) => void told.push(text),
    });
    ({ port } = await recorder.listen());
  }
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await recorder.close();
    await server.stop();
  });

  async function client(): Promise<Socket> {
    const socket = connect(port, '127.0.0.1');
    sockets.push(socket);
    await once(socket, 'connect');
    socket.write(HEADER);
    return socket;
  }

  /** Logs in, and sends something behind it at once. */
  async function logIn(resource: string, ...behind: string[]): Promise<Socket> {
    const socket = await client();
    await reads(socket, '<stream:stream');
    const fields = `<username>ann</username><password>private</password><resource>${resource}</resource>`;
    socket.write(
      `<iq type='set' id='login'><query xmlns='jabber:iq:auth'>${fields}</query></iq>${behind.join('')}`,
    );
    await reads(socket, "id='login'");
    return socket;
  }

  async function leave(socket: Socket): Promise<void> {
    socket.end('</stream:stream>');
    await once(socket, 'close');
  }

  const echo: Habits = {
    answer: (stanza, { jid }) =>
      stanza.name === 'message'
        ? `<message to='${jid}' from='${stanza.attribute('to')}' id='${Date.now()}'><body>#é\n&amp;</body></message>`
        : '',
  };

  it('writes what passes, without login, own addresses, and what a server makes up', async () => {
    await record(echo);
    const socket = await logIn('home', "<message from='ann@localhost/home' to='ann@localhost/home'/>");
    await reads(socket, '</message>');
    await leave(socket);
    const text = recorder.script('A title');
    expect(text).to.equal(
      [
        '# A title\n',
        '[Client] Ann\n\tjid: ann@localhost/home\n\tpassword: private\n',
        '---------\n',
        'Ann connects\n',
        `Ann sends:\n\t<message to="\${Ann's full JID}"/>\n`,
        `Ann receives:\n\t<message from="\${Ann's full JID}" id='{scansion:any}'>\n\t\t<body>#é&#10;&amp;</body>\n\t</message>\n`,
        'Ann disconnects\n',
      ].join('\n'),
    );
    expect(await failureOf(server, text, { exact: true })).to.equal(undefined);
  });

  it('has clients say again what the server makes up then', async () => {
    let made = 0;
    const due = new Set<string>();
    const ids = /archive-\d+/;
    const archive: Habits = {
      answer: (stanza, { jid }) => {
        if (stanza.name !== 'message') return '';
        const [id] = ids.exec(stanza.toString()) ?? [`archive-${(made += 1)}`];
        const wrong = ids.test(stanza.toString()) && !due.has(id);
        due.add(id);
        return `<message to='${jid}'><result xmlns='urn:xmpp:mam:2' id='${id}'/>${wrong ? '<wrong/>' : ''}</message>`;
      },
    };
    await record(archive);
    const socket = await logIn('home', '<message/>');
    await reads(socket, "id='archive-1'");
    socket.write("<message><after>archive-1</after><max>1</max></message><iq type='result' id='archive-1'/>");
    await reads(socket, "id='archive-1'");
    await leave(socket);
    const text = recorder.script('x');
    expect(text)
      .to.contain("<result xmlns='urn:xmpp:mam:2' id='{scansion:capture:value-1}'/>")
      .and.contain('<after>{scansion:capture:value-1}</after>\n\t\t<max>1</max>')
      .and.contain("<iq type='result' id='{scansion:capture:value-1}'/>")
      .and.not.contain('archive-');
    due.clear();
    expect(await failureOf(server, text, { exact: true })).to.equal(undefined);
  });

  it('does not expect an order where there is none', async () => {
    const features = ['a', 'b', 'c'].map((one) => `<feature var='${one}'/>`);
    await record({
      answer: ({ name }) => {
        if (name !== 'iq') return '';
        features.reverse();
        return `<iq type='result'><query xmlns='http://jabber.org/protocol/disco#info'>${features.join('')}</query></iq>`;
      },
    });
    const socket = await logIn('home', "<iq type='get' id='i'/>");
    await reads(socket, '</query>');
    await leave(socket);
    expect(await failureOf(server, recorder.script('x'))).to.equal(undefined);
  });

  it('lets who comes back play on, and who comes meanwhile be another one', async () => {
    await record(echo);
    await leave(await logIn('home'));
    const again = await logIn('home');
    await leave(await logIn('phone'));
    await leave(again);
    const { characters, actions } = parseScript('x.scs', recorder.script('x'));
    expect(characters.map(({ name, resource }) => [name, resource])).to.deep.equal([
      ['Ann', 'home'],
      ['Ann 2', 'phone'],
    ]);
    expect(actions.map(({ who, kind }) => `${who.name} ${kind}`)).to.deep.equal([
      'Ann connects',
      'Ann disconnects',
      'Ann connects',
      'Ann 2 connects',
      'Ann 2 disconnects',
      'Ann disconnects',
    ]);
  });

  it('writes another password where that is wished for', async () => {
    await record(echo, 'public');
    await leave(await logIn('home'));
    expect(recorder.script('x')).to.contain('password: public').and.not.contain('private');
  });

  it('shows no client that the server could encrypt, and ends one that wants to', async () => {
    await record({
      features: `<stream:features>${TLS}/><auth xmlns='http://jabber.org/features/iq-auth'/></stream:features>`,
    });
    const socket = await client();
    expect(await reads(socket, '</stream:features>'))
      .to.contain('iq-auth')
      .and.not.contain('starttls');
    socket.write(`${TLS}/>`);
    expect(await reads(socket, '</stream:stream>')).to.contain(
      "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
    );
    expect(told).to.deep.equal([
      'a client is gone: it wants STARTTLS, and what is encrypted can not be recorded',
    ]);
  });

  it('says that a server that insists on encryption can not be recorded', async () => {
    await record({ features: `<stream:features>${TLS}><required/></starttls></stream:features>` });
    const socket = await client();
    socket.resume();
    await once(socket, 'close');
    expect(told).to.deep.equal([
      'a client is gone: the server insists on STARTTLS, and what is encrypted can not be recorded',
    ]);
  });

  it('survives clients that speak no XML, and says so', async () => {
    await record(echo);
    const socket = await client();
    socket.resume();
    socket.write('<a></b>');
    await once(socket, 'close');
    expect(told[0]).to.match(/^a client is gone: client: /);
    await leave(await logIn('home'));
  });
});
