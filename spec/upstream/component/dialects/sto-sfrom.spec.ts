import { expect } from 'chai';
import { stoSfrom } from '../../../../lib/upstream/component/dialects/sto-sfrom.js';
import { Session, type Client, type Packet } from '../../../../lib/session/session.js';
import { parse } from '../../../../lib/xml/index.js';
import { expectSame } from '../../../support/same.js';
import { stanza } from '../../../support/stanza.js';

const nobody = {} as Client;

function read(source: string): Packet | undefined {
  return stoSfrom.read(stanza(source));
}

describe('the dialect sto-sfrom', () => {
  let session: Session;
  let stamp: string;
  beforeEach(() => {
    session = new Session('12@foo-sockets/8A0001', nobody);
    session.sessionAddress = 'juliet@localhost/Ho me/@ &x';
    stamp = stoSfrom.stamp(session.sessionAddress, session.address);
  });

  it('asks with the socket address and the host, and no addressing of the client [README.SM]', () => {
    const iq = parse(`<iq type='set' sto='evil' sfrom='evil'><query xmlns='jabber:iq:auth'/></iq>`);
    expectSame(
      stoSfrom.ask(session, { kind: 'fields', iq, domain: 'localhost' }),
      `<iq type='set' sfrom='12@foo-sockets/8A0001' sto='localhost'><query xmlns='jabber:iq:auth'/></iq>`,
    );
    expect(iq.attribute('sto'), 'the request itself').to.equal('evil');
  });

  it('carries a stanza with its stamp', () => {
    expect(stoSfrom.carry(stamp, stanza(`<presence id="1" />`))).to.equal(
      `<presence id="1"  sfrom='12@foo-sockets/8A0001' sto='juliet@localhost/Ho me/@ &amp;x'/>`,
    );
  });

  for (const name of ['message', 'iq', 'presence', 'foo', 'handshakes']) {
    it(`carries <${name}>`, () => expect(stoSfrom.carry(stamp, stanza(`<${name}/>`))).to.be.a('string'));
  }

  it('ends a session with a 510, without to and from [README.SM 510]', () => {
    expect(stoSfrom.end('juliet@localhost/Balcony', '12@foo-sockets/8A0001')).to.equal(
      `<message type='error' sto='juliet@localhost/Balcony' sfrom='12@foo-sockets/8A0001'><error code='510'>Disconnected</error></message>`,
    );
  });

  it('reads a packet by sto and sfrom, and takes them away', () => {
    const packet = read(
      `<message to='a' sfrom='juliet@localhost' sto="12@foo-sockets/8A0001" from='b'>x</message>`,
    )!;
    expect(packet).to.include({
      kind: 'stanza',
      to: '12@foo-sockets/8A0001',
      from: 'juliet@localhost',
      text: `<message to='a' from='b'>x</message>`,
    });
  });

  it('reads nothing from a packet without them', () => {
    expect(read(`<message to='12@foo-sockets/8A0001'/>`)).to.equal(undefined);
    expect(read(`<message sto='12@foo-sockets/8A0001'/>`)).to.equal(undefined);
    expect(read(`<message sfrom='12@foo-sockets/8A0001'/>`)).to.equal(undefined);
  });

  for (const [kind, type, content] of [
    ['ended', `type='error'`, `<error code='510'>Disconnected</error>`],
    ['ended', `type='error'`, `<body/><error code="510" type='set'>Server Configuration Error</error>`],
    ['stanza', `type='error'`, `<error code='502'/>`],
    ['stanza', `type='error'`, `<x><error code='510'/></x>`],
    ['stanza', '', `<error code='510'>Disconnected</error>`],
    ['stanza', `type='chat'`, `<error code='510'>Disconnected</error>`],
  ] as const) {
    it(`reads ${kind} from ${type} with ${content}`, () => {
      expect(read(`<message sto='a' sfrom='b' ${type}>${content}</message>`)!.kind).to.equal(kind);
    });
  }

  it('gives back whole, with the type hidden in the error', () => {
    expectSame(
      stoSfrom.bounce(
        read(`<message type='chat' to='t' from='f' sto='a' sfrom='b'><body>x</body></message>`)!,
      )!,
      `<message type='error' to='t' from='f' sto='b' sfrom='a'><body>x</body><error code='510' type='chat'>Disconnected</error></message>`,
    );
    expect(stoSfrom.bounce(read(`<presence sto='a' sfrom='b'/>`)!)).to.contain(`type='normal'`);
  });

  it('gives no error back', () => {
    expect(stoSfrom.bounce(read(`<iq type='error' sto='a' sfrom='b'><error code='404'/></iq>`)!)).to.equal(
      undefined,
    );
    expect(stoSfrom.bounce(read(`<iq type='error' sto='a' sfrom='b'><error code='510'/></iq>`)!)).to.equal(
      undefined,
    );
  });

  it('has a session granted by an address with a user only', () => {
    const granted = (sfrom: string): string | undefined =>
      stoSfrom.granted(read(`<iq type='result' sto='a' sfrom='${sfrom}'/>`)!, '');
    expect(granted('juliet@localhost/Balcony')).to.equal('juliet@localhost/Balcony');
    expect(granted('localhost')).to.equal(undefined);
    expect(granted('localhost/juliet@x')).to.equal(undefined);
  });

  it('writes white space in an address so that it arrives as it is [XML 1.0 3.3.3]', () => {
    expect(stoSfrom.end('juliet@localhost/a\nb\tc', '12@foo-sockets/8A0001')).to.contain(
      `sto='juliet@localhost/a&#10;b&#9;c'`,
    );
    expect(stoSfrom.stamp('juliet@localhost/a\nb', session.address)).to.contain(
      `sto='juliet@localhost/a&#10;b'`,
    );
  });

  it('tells a session of an earlier life from a full `to` of the same user only', () => {
    const stale = (to: string): string | undefined =>
      stoSfrom.staleSession!(
        read(`<message to='${to}' sto='12@foo-sockets/old' sfrom='juliet@localhost'/>`)!,
      );
    expect(stale('juliet@localhost/Balcony')).to.equal('juliet@localhost/Balcony');
    expect(stale('JULIET@localhost/Balcony')).to.equal('JULIET@localhost/Balcony');
    expect(stale('juliet@localhost')).to.equal(undefined);
    expect(stale('romeo@localhost/Orchard')).to.equal(undefined);
  });

  it('marks with what comes back to us as we wrote it, or as an error [jabberd 1.1.2]', () => {
    const us = '0@foo-sockets/mark';
    const mark = stoSfrom.probe(us, 'x-1');
    expect(mark).to.equal(`<iq type='result' id='x-1' sfrom='${us}' sto='${us}'/>`);
    expect(stoSfrom.probeIdOf(stanza(mark))).to.equal('x-1');
    expect(stoSfrom.probeIdOf(stanza(mark.replace('result', 'error')))).to.equal('x-1');
  });
});
