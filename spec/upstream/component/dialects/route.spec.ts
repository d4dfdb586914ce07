import { expect } from 'chai';
import { route } from '../../../../lib/upstream/component/dialects/route.js';
import { loginRequest } from '../../../../lib/client/features/iq-auth.js';
import type { Request } from '../../../../lib/session/requests.js';
import { Session, type Client, type Packet } from '../../../../lib/session/session.js';
import { parse } from '../../../../lib/xml/index.js';
import { stanza } from '../../../support/stanza.js';

const nobody = {} as Client;
const SOCKET = '12@foo-sockets/A1';

function read(source: string): Packet | undefined {
  return route.read(stanza(source));
}

function request(kind: Request['kind'], fields: string): Request {
  const iq = parse(`<iq id='1'><query xmlns='jabber:iq:auth'>${fields}</query></iq>`);
  return kind === 'login' ? loginRequest(iq, '5EED', 'localhost').request : { kind, iq, domain: 'localhost' };
}

describe('the dialect route', () => {
  let session: Session;
  let stamp: string;
  beforeEach(() => {
    session = new Session(SOCKET, nobody);
    session.sessionAddress = 'juliet@localhost/Ho me/@ &x';
    stamp = route.stamp(session.sessionAddress, session.address);
  });

  const targets: [Request['kind'], string, string][] = [
    ['fields', '<username>ann</username>', 'ann@localhost'],
    ['fields', '<username>ann</username><resource>home</resource>', 'ann@localhost'],
    ['fields', '', 'localhost'],
    ['fields', '<username/>', 'localhost'],
    ['fields', '<username>ann@localhost/x</username>', 'localhost'],
    ['register', '<username>ann</username><password>x</password>', 'ann@localhost'],
    ['register', '<password>x</password>', 'localhost'],
    ['login', '<username>ANN</username><resource>home</resource>', 'ANN@localhost/home'],
    ['login', '<username>ann</username><resource>a/b@c</resource>', 'ann@localhost/a/b@c'],
    ['login', '<username>é</username><resource>&lt;&apos;</resource>', 'é@localhost/&lt;&apos;'],
  ];
  for (const [kind, fields, to] of targets) {
    it(`asks ${to}: ${kind} with ${fields || 'nothing'} [jabberd 1.4.3]`, () => {
      const asked = request(kind, fields);
      expect(route.ask(session, asked)).to.equal(
        `<route to='${to}' from='${SOCKET}' type='auth'>${asked.iq.toString()}</route>`,
      );
    });
  }

  it('has a session granted by an answer only, and with what was asked for [jabberd 1.4.3]', () => {
    const packet = (type: string): Packet =>
      read(`<route to='${SOCKET}' from='elsewhere' ${type}><iq type='result' id='1'/></route>`)!;
    expect(route.granted(packet(`type='auth'`), 'juliet@localhost/x')).to.equal('juliet@localhost/x');
    for (const type of ['', `type='session'`, `type='error'`]) {
      expect(route.granted(packet(type), 'juliet@localhost/x'), type).to.equal(undefined);
    }
  });

  it('opens a session, carries a stanza, and ends it [jabberd 1.4.3]', () => {
    const to = 'juliet@localhost/Ho me/@ &amp;x';
    expect(route.open!(session, session.sessionAddress)).to.equal(
      `<route type='session' to='${to}' from='${SOCKET}'/>`,
    );
    expect(route.carry(stamp, stanza(`<presence id="1" />`))).to.equal(
      `<route to='${to}' from='${SOCKET}'><presence id="1" /></route>`,
    );
    expect(route.end(session.sessionAddress, SOCKET)).to.equal(
      `<route type='error' to='${to}' from='${SOCKET}'/>`,
    );
  });

  for (const name of ['message', 'iq', 'presence', 'xdb', 'log', 'route', 'handshake', 'bogus']) {
    it(`carries <${name}>: wrapped, none is dangerous [jabberd 1.4.3]`, () =>
      expect(route.carry(stamp, stanza(`<${name}/>`))).to.contain(`><${name}/></route>`));
  }

  const kinds: [string, Packet['kind'] | undefined][] = [
    ['', 'stanza'],
    [`type='auth'`, 'answer'],
    [`type='session'`, 'opened'],
    [`type='error'`, 'ended'],
    [`type='error' error='Disconnected'`, 'ended'],
    [`type='whatever'`, undefined],
    [`type=''`, undefined],
    [`type='toString'`, undefined],
    [`type='constructor'`, undefined],
    [`type='__proto__'`, undefined],
  ];
  for (const [type, kind] of kinds) {
    it(`reads ${kind ?? 'nothing'} from a route with ${type || 'no type'}`, () => {
      const packet = read(`<route ${type} to='a' from='b'><message/></route>`);
      expect(packet?.kind).to.equal(kind);
      if (packet) expect(packet).to.include({ to: 'a', from: 'b', text: '<message/>' });
    });
  }

  it('reads why something ended', () => {
    expect(read(`<route type='error' error="Any &apos;Text&apos;" to='a' from='b'/>`)!.reason).to.equal(
      `Any 'Text'`,
    );
    expect(read(`<route type='error' to='a' from='b'/>`)!.reason).to.equal(undefined);
  });

  it('reads nothing from what is no route, or has no addresses', () => {
    for (const source of [
      `<message to='a' from='b'/>`,
      `<x:route to='a' from='b'><message/></x:route>`,
      `<Route to='a' from='b'><message/></Route>`,
      `<route from='b'><message/></route>`,
      `<route x:to='a' from='b'><message/></route>`,
    ]) {
      expect(read(source), source).to.equal(undefined);
    }
  });

  const contents: [string, string][] = [
    ['<message/>', '<message/>'],
    ['\n <message/>\n', '<message/>'],
    [`<message><body> x </body></message>`, `<message><body> x </body></message>`],
    [`<m a='>' b="/route>"/>`, `<m a='>' b="/route>"/>`],
    ['<a/><b/>', '<a/>'],
    ['<a><b/></a> <c/>', '<a><b/></a>'],
    ['<a><a/></a><a/>', '<a><a/></a>'],
    ['text<a/>', '<a/>'],
    ['<a/>text', '<a/>'],
    ['&lt;x/&gt;<a/>', '<a/>'],
  ];
  for (const [content, text] of contents) {
    it(`takes the first element of a route only: ${JSON.stringify(content)} [jabberd 1.4.3]`, () =>
      expect(read(`<route to='a' from='b'>${content}</route>`)!.text).to.equal(text));
  }

  for (const content of ['', ' \n ', 'text', '&lt;message/&gt;']) {
    it(`takes nothing for a stanza, or an answer, where there is no element: ${JSON.stringify(content)}`, () => {
      expect(read(`<route to='a' from='b'>${content}</route>`)).to.equal(undefined);
      expect(read(`<route to='a' from='b' type='auth'>${content}</route>`)).to.equal(undefined);
      expect(read(`<route to='a' from='b' type='session'>${content}</route>`)!.kind).to.equal('opened');
      expect(read(`<route to='a' from='b' type='error'>${content}</route>`)!.kind).to.equal('ended');
    });
  }

  const bounces: [string, string | undefined][] = [
    [
      `<route to='a&apos;s' from='b&amp;/c'><message type='error'>x</message></route>`,
      `<route type='error' to='b&amp;/c' from='a&apos;s'><message type='error'>x</message></route>`,
    ],
    [`<route to='a' from='b/c' type='session'/>`, `<route type='error' to='b/c' from='a'></route>`],
    [`<route to='a' from='b' type='auth'><iq/></route>`, undefined],
    [`<route to='a' from='b' type='error'><iq/></route>`, undefined],
    [`<route to='a' from='' type='session'/>`, undefined],
    [`<route to='a' from=''><message/></route>`, undefined],
  ];
  for (const [source, bounced] of bounces) {
    it(`gives back ${bounced === undefined ? 'nothing of' : ''} ${source} [jabberd 1.4.3]`, () =>
      expect(route.bounce(read(source)!)).to.equal(bounced));
  }

  it('needs no end for a session that nobody has: what goes back ends it', () => {
    expect(route.staleSession?.(read(`<route to='a' from='b/C'><message to='b/c'/></route>`)!)).to.equal(
      undefined,
    );
  });

  it('marks with what comes back to us as we wrote it, or as an error [jabberd 1.4.3]', () => {
    const us = '0@foo-sockets/mark';
    const mark = route.probe(us, 'x-1');
    expect(mark).to.equal(`<route to='${us}' from='${us}'><iq type='result' id='x-1'/></route>`);
    expect(route.probeIdOf(stanza(mark))).to.equal('x-1');
    expect(route.probeIdOf(stanza(mark.replace('<route', `<route type='error' error='x'`)))).to.equal('x-1');
    expect(route.probeIdOf(stanza(`<route to='${us}' from='a'/>`))).to.equal('');
  });
});
