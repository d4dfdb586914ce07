import { expect } from 'chai';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
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
  let listening: number;
  let told: string[];
  const sockets: Socket[] = [];

  async function record(habits: Habits, password?: string, port?: number): Promise<void> {
    server = await new ScriptedServer(habits).start();
    server.accounts.set('ann', 'private');
    told = [];
    recorder = new Recorder({
      to: { host: '127.0.0.1', port: port ?? server.port },
      listen: { host: '127.0.0.1', port: 0 },
      password,
      onMessage: (text) => void told.push(text),
    });
    listening = (await recorder.listen()).port;
  }
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await recorder.close();
    await server.stop();
  });

  async function client(): Promise<Socket> {
    const socket = connect(listening, '127.0.0.1');
    sockets.push(socket);
    await once(socket, 'connect');
    socket.write(HEADER);
    return socket;
  }

  /** Logs in, and sends something behind it at once. */
  async function logIn(resource: string, ...behind: string[]): Promise<Socket> {
    const socket = await client();
    await reads(socket, '<stream:stream');
    return proves(socket, '<password>private</password>', resource, ...behind);
  }

  async function proves(
    socket: Socket,
    proof: string,
    resource: string,
    ...behind: string[]
  ): Promise<Socket> {
    const fields = `<username>ann</username>${proof}<resource>${resource}</resource>`;
    socket.write(
      `<iq type='set' id='login'><query xmlns='jabber:iq:auth'>${fields}</query></iq>${behind.join('')}`,
    );
    await reads(socket, "id='login'");
    return socket;
  }

  /** Logs in without its password. */
  async function showsNothing(resource: string): Promise<Socket> {
    const socket = await client();
    await reads(socket, '<stream:stream');
    return proves(socket, '<digest>48fc78be9ec8f86d8ce1c39c320c97c21d62334d</digest>', resource);
  }

  const passwordsIn = (text: string): string[] =>
    [...text.matchAll(/^\[Client\] (.*)\n\tjid: .*\n\tpassword: (.*)$/gm)].map(
      ([, name, password]) => `${name}: ${password}`,
    );

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

  it('one account, two logins of which one shows its password: both get that password', async () => {
    for (const first of [logIn, showsNothing]) {
      await record({ ...echo, trustsDigests: true });
      const one = await first('home');
      const other = await (first === logIn ? showsNothing : logIn)('phone');
      expect(passwordsIn(recorder.script('x'))).to.deep.equal(['Ann: private', 'Ann 2: private']);
      await leave(one);
      await leave(other);
      if (first === showsNothing) break;
      await recorder.close();
      await server.stop();
    }
    expect(told).to.contain(
      'its login did not show its password: unless another login does, the script says "password" (--password TEXT writes another)',
    );
  });

  it('nobody shows the password: all logins say the same', async () => {
    await record({ ...echo, trustsDigests: true });
    const sockets = [await showsNothing('home'), await showsNothing('phone')];
    expect(passwordsIn(recorder.script('x'))).to.deep.equal(['Ann: password', 'Ann 2: password']);
    for (const socket of sockets) await leave(socket);
  });

  it('a password that is changed is another one for those who log in afterwards', async () => {
    await record({
      ...echo,
      trustsDigests: true,
      answer: (stanza) => (stanza.name === 'iq' ? `<iq type='result' id='${stanza.attribute('id')}'/>` : ''),
      registers: true,
    });
    server.accounts.delete('ann');
    const socket = await client();
    await reads(socket, '<stream:stream');
    const sets = (id: string, password: string): string =>
      `<iq type='set' id='${id}'><query xmlns='jabber:iq:register'><username>ann</username><password>${password}</password></query></iq>`;
    socket.write(sets('r1', 'first'));
    await reads(socket, "id='r1'");
    await proves(socket, '<digest>48fc78be9ec8f86d8ce1c39c320c97c21d62334d</digest>', 'home');
    // Taken is one of a name that is there: this server refuses it.
    socket.write(sets('r2', 'refused'));
    await reads(socket, "id='r2'");
    server.accounts.delete('ann');
    socket.write(sets('r3', 'second'));
    await reads(socket, "id='r3'");
    const other = await showsNothing('phone');
    expect(passwordsIn(recorder.script('x'))).to.deep.equal(['Ann: first', 'Ann 2: second']);
    await leave(socket);
    await leave(other);
  });

  it('a password that the server has refused is not written', async () => {
    const sasl = "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'";
    const answers: readonly (readonly [RegExp, string])[] = [
      [/<stream:stream/, `${HEADER}<stream:features/>`],
      [/<response/, `<failure ${sasl}/>`],
      [/SCRAM/, `<success ${sasl}/>`],
      [
        /<bind/,
        "<iq type='result' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>ann@localhost/1</jid></bind></iq>",
      ],
    ];
    const refusing = createServer((socket) =>
      socket
        .on('error', () => undefined)
        .on('data', (chunk) => {
          for (const [asked, answer] of answers) if (asked.test(String(chunk))) socket.write(answer);
        }),
    );
    await once(refusing.listen(0, '127.0.0.1'), 'listening');
    try {
      await record({}, undefined, (refusing.address() as AddressInfo).port);
      const socket = await client();
      await reads(socket, '<stream:features/>');
      const message = Buffer.from('\0ann\0mistyped').toString('base64');
      socket.write(`<auth ${sasl} mechanism='PLAIN'/><response ${sasl}>${message}</response>`);
      await reads(socket, '<failure');
      socket.write(`<auth ${sasl} mechanism='SCRAM-SHA-1'>biwsbj1hbm4scj14</auth>`);
      await reads(socket, '<success');
      socket.write(HEADER);
      await reads(socket, '<stream:features/>');
      socket.write("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>");
      await reads(socket, '</iq>');
      expect(passwordsIn(recorder.script('x'))).to.deep.equal(['Ann: password']);
      socket.destroy();
      await once(socket, 'close');
    } finally {
      refusing.close();
    }
  });

  for (const [what, items] of [
    ['an empty roster', ''],
    ['a roster of one contact', "<item jid='bob@localhost' subscription='both'/>"],
  ]) {
    it(`${what} passes on a server where there is more in it`, async () => {
      let held = items;
      let version = '';
      await record({
        answer: (stanza) =>
          stanza.child('query', 'jabber:iq:roster')
            ? `<iq type='result'><query xmlns='jabber:iq:roster'${version}>${held}</query></iq>`
            : undefined,
      });
      const socket = await logIn('home', "<iq type='get' id='i'><query xmlns='jabber:iq:roster'/></iq>");
      await reads(socket, 'jabber:iq:roster');
      await leave(socket);
      version = " ver='7'";
      held = `<item jid='eve@localhost' subscription='to'/>${items}`;
      expect(await failureOf(server, recorder.script('x'))).to.equal(undefined);
      held = "<item jid='eve@localhost' subscription='to'/>";
      expect((await failureOf(server, recorder.script('x'))) === undefined).to.equal(items === '');
    });
  }

  it('leaves out to whom something goes where that is the client, by its full address or its bare one', async () => {
    await record({
      answer: ({ name }) => (name === 'presence' ? "<presence to='ann@localhost'/><presence to='a@b'/>" : ''),
    });
    const socket = await logIn('home', '<presence/>');
    await reads(socket, "to='a@b'");
    await leave(socket);
    expect(recorder.script('x')).to.contain(
      "Ann receives:\n\t<presence/>\n\nAnn receives:\n\t<presence to='a@b'/>",
    );
  });

  it('gives nobody a name that would be a comment in the script', async () => {
    await record(echo);
    server.accounts.set('--', 'private');
    const socket = await client();
    await reads(socket, '<stream:stream');
    socket.write(
      "<iq type='set' id='login'><query xmlns='jabber:iq:auth'><username>--</username><password>private</password><resource>r</resource></query></iq>",
    );
    await reads(socket, "id='login'");
    await leave(socket);
    expect(parseScript('x.scs', recorder.script('x')).actions.map(({ kind }) => kind)).to.deep.equal([
      'connects',
      'disconnects',
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
      'a client is gone: it requires STARTTLS, and an encrypted stream cannot be recorded',
    ]);
  });

  it('says that a server that insists on encryption can not be recorded', async () => {
    await record({ features: `<stream:features>${TLS}><required/></starttls></stream:features>` });
    const socket = await client();
    socket.resume();
    await once(socket, 'close');
    expect(told).to.deep.equal([
      'a client is gone: the server requires STARTTLS, and an encrypted stream cannot be recorded',
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
