import { expect } from 'chai';
import {
  isCarriableAddress,
  read,
  returned,
  session,
  stampedStanza as stampedPayload,
  stampOf,
  type Routed,
} from '../../../lib/upstream/jabberd2/dialect.js';
import { parse, type Element, type Stanza } from '../../../lib/xml/index.js';
import { clientStanza, stanza } from '../../support/stanza.js';

const SESSION = 'http://jabberd.jabberstudio.org/ns/session/1.0';
const COMPONENT = 'http://jabberd.jabberstudio.org/ns/component/1.0';
const STAMP = stampOf({ c2s: '7/ours', sm: 'theirs' });

const local = (name: string): string => name.slice(name.indexOf(':') + 1);

/** How the sm looks for an attribute: in any namespace, the first one on the wire. */
function first(text: string, name: string): string | undefined {
  const tag = text.slice(0, text.indexOf('>'));
  for (const [, found, value] of tag.matchAll(/\s([^\s=]+)='([^']*)'/g))
    if (local(found) === name) return value;
  return undefined;
}

/** Every name that is declared or used on the opening tag of an element. */
function namesOf(element: Element): string[] {
  return [...element.attributes.keys()];
}

function deep(element: Element): Element[] {
  return [element, ...element.elements.flatMap(deep)];
}

const stamped = (stanza: Stanza, stamp: string): string | undefined => stampedPayload(stanza, stamp)?.text;

describe('the dialect jabberd2', () => {
  const HOSTILE = [
    `<message to='a@b' sm='1' c2s='2' failed='1'><body>x</body></message>`,
    `<message c2s='2' sm='1' to='a@b'/>`,
    `<message to='a@b' xmlns:q='urn:x' q:sm='1' q:c2s='2' q:failed='1'/>`,
    `<message to='a@b' xmlns:q='${SESSION}' q:sm='1' q:c2s='2' q:failed='1'><q:x/></message>`,
    `<message to='a@b' xmlns:sm='urn:foo'/>`,
    `<message to='a@b' xmlns:sm='urn:foo' sm:x='1'><sm:y/></message>`,
    `<message to='a@b' xmlns:sc='x'/>`,
    `<message to='a@b'><q:x xmlns:q='${SESSION}' q:sm='1'/></message>`,
    `<message to='a@b'><x xmlns='${SESSION}'/></message>`,
    `<message to='a@b'><y><x xmlns='http&#58;//jabberd.jabberstudio&#x2e;org/ns/session/1&#46;0'/></y></message>`,
    `<message to='a@b'><r:route xmlns:r='${COMPONENT}'/></message>`,
    `<message to='a@b'><h:x/></message>`,
    `<message to='a@b'><x xmlns='urn:k' xmlns:a='urn:k' a:b='1' b='2'/></message>`,
    `<message to='a@b'><x xmlns='urn:k'><sc:x xmlns:sc='${SESSION}' sc:sm='3'/></x></message>`,
    `<message to='a@b' xmlns:p='urn:k'><p:x xmlns:p='urn:l'><q:x xmlns:q='urn:l' xmlns='urn:k'/></p:x></message>`,
    `<message xmlns:p='urn:p' p:from='x' p:to='y' from='eve@b' to='a@b' xml:from='z' xml:to='q'/>`,
    `<presence xmlns:a='urn:a' xmlns:b='urn:b' a:k='1'><a:l/><b:m/></presence>`,
    `<iq type='get' id='1' sm='x'><query xmlns='jabber:iq:roster'/></iq>`,
  ];
  for (const source of HOSTILE) {
    describe(`of ${source}`, () => {
      const client = clientStanza(source, ` xmlns:h='${SESSION}'`);
      const text = stamped(client, STAMP)!;

      it('has our ids where the sm looks for them', () => {
        expect(first(text, 'c2s')).to.equal('7/ours');
        expect(first(text, 'sm')).to.equal('theirs');
        expect(first(text, 'failed')).to.equal(undefined);
      });

      it('has nothing else with their names, in any namespace', () => {
        const ours = namesOf(parse(text)).filter((name) => ['sm', 'c2s', 'failed'].includes(local(name)));
        expect(ours.filter((name) => !name.startsWith('xmlns'))).to.have.length(2);
      });

      it('declares no prefix of the sm on the stanza, and the internal namespaces nowhere but with ours', () => {
        const [root, ...inside] = deep(parse(text));
        expect(namesOf(root)).not.to.include('xmlns:sm');
        const declared = [...root.attributes].filter(([, value]) => [SESSION, COMPONENT].includes(value));
        expect(declared).to.have.length(1);
        for (const { attributes } of inside) {
          expect([...attributes.values()])
            .not.to.include(SESSION)
            .and.not.to.include(COMPONENT);
        }
      });

      it('has one attribute of each address', () => {
        for (const name of ['to', 'from', 'id', 'type']) {
          const found = namesOf(parse(text)).filter((one) => local(one) === name);
          expect(found, name).to.have.length.at.most(1);
        }
      });

      it('is well-formed with namespaces, in jabber:client, and reaches the same address', () => {
        const sent = clientStanza(text).element();
        expect(sent.namespace).to.equal('jabber:client');
        expect(sent.attribute('to')).to.equal(client.element().attribute('to'));
        expect(sent.elements.map(({ localName }) => localName)).to.deep.equal(
          client.element().elements.map(({ localName }) => localName),
        );
      });
    });
  }

  it('passes what harms nobody on as it was written', () => {
    const source = `<message to='a@b' xml:lang='de'  type="chat"><body>é &amp; &#8364;</body></message>`;
    const text = stamped(clientStanza(source), STAMP)!;
    expect(text.replace(STAMP, '')).to.equal(source);
    expect(text.indexOf(STAMP)).to.equal('<message'.length);
  });

  it('spells elements by default namespaces, and what attributes need by one prefix declared outside', () => {
    const source = `<message xmlns:a='urn:a' xmlns:sm='urn:s' sm:l='2'><a:m/><sm:n x='1'><o xmlns='urn:s' a:k='3'/></sm:n></message>`;
    expect(stamped(clientStanza(source), STAMP)!.replace(STAMP, '')).to.equal(
      `<message xmlns:n0='urn:s' xmlns:n1='urn:a' n0:l='2'><n1:m/><n0:n x='1'><n0:o n1:k='3'/></n0:n></message>`,
    );
    const plain = `<message xmlns:a='urn:a'><a:m><b xmlns='urn:b'/><c/></a:m><body>x</body></message>`;
    expect(stamped(clientStanza(plain), STAMP)!.replace(STAMP, '')).to.equal(
      `<message><m xmlns='urn:a'><b xmlns='urn:b'/><c xmlns='jabber:client'/></m><body>x</body></message>`,
    );
  });

  for (const source of [
    `<session action='start' target='a@b/c'/>`,
    `<route/>`,
    `<message xmlns='jabber:server'/>`,
    `<iq id='1'><query xmlns='jabber:iq:roster'/></iq>`,
    `<iq id='1' type='foo'/>`,
    `<message><xml:x/><a:y xmlns:a='urn:a'/></message>`,
    `<message><x xmlns='urn:&apos;q'/></message>`,
    `<message><x xmlns='http://x/?a=1&amp;b=2'/></message>`,
    `<message><x xmlns='urn:${'a'.repeat(300)}'/></message>`,
    `<message><${'a'.repeat(800)} xmlns='urn:a'/></message>`,
    `<message><x b='${'v'.repeat(950)}'/></message>`,
    `<message to='${'v'.repeat(450)}'/>`,
    `<message><x b="${"'".repeat(160)}"/></message>`,
    `<message><x b='${'&#39;'.repeat(160)}'/></message>`,
    `<message><x b='${'€'.repeat(320)}'/></message>`,
    `<message>${'0123456789'.replace(/./g, `<x xmlns:p='urn:${'u'.repeat(100)}$&' p:a='1'/>`)}</message>`,
    `<message><amp xmlns='http://jabber.org/protocol/amp'><rule/></amp></message>`,
    `<message><amp xmlns='http:&#47;/jabber.org/protocol/amp'><rule action='drop' value='x'/></amp></message>`,
    `<message><a:amp xmlns:a='urn:a'><a:rule/></a:amp></message>`,
    `<message to='a@&#xAD;'/>`,
    `<iq type='set'><query xmlns='jabber:iq:roster'><item xmlns:p='urn:p' p:jid='&#xAD;' jid='a@b'/></query></iq>`,
    `<iq type='get'><query xmlns='jabber:iq:priv&#97;cy'><list/></query></iq>`,
    `<iq type='get'><query xmlns='jabber:iq:privacy'><list xmlns='' xmlns:p='urn:p' value='a'/></query></iq>`,
  ]) {
    it(`has no way for ${source}`, () => {
      expect(stamped(clientStanza(source), STAMP)).to.equal(undefined);
    });
  }

  const route = (payload: string, attributes = ` to='us' from='sm'`): Routed | undefined =>
    read(stanza(`<route xmlns='${COMPONENT}'${attributes}>${payload}</route>`));

  it('reads stanzas below any prefix, wherever that is declared, and takes out what is not for the client', () => {
    for (const [where, inside] of [
      ['', ` xmlns:q='${SESSION}'`],
      [` xmlns:q='${SESSION}'`, ''],
    ]) {
      const payload = `<message xmlns='jabber:client'${inside} q:c2s='1' to='a' q:sm='2' failed='x'><body>b</body></message>`;
      expect(route(payload, ` to='us' from='localhost'${where}`)).to.deep.equal({
        kind: 'stanza',
        c2s: '1',
        sm: '2',
        from: 'localhost',
        text: `<message to='a'><body>b</body></message>`,
      });
    }
  });

  it('takes nothing for given back that has not our own prefix: others can write that word', () => {
    const text = (prefix: string): string =>
      `<message xmlns='jabber:client' xmlns:${prefix}='${SESSION}' ${prefix}:c2s='1' ${prefix}:sm='2' failed='1'/>`;
    const [, ours] = /xmlns:(\w+)='/.exec(STAMP)!;
    expect(route(text('sm'))?.kind).to.equal('stanza');
    expect(route(text('sc'))?.kind).to.equal('stanza');
    expect(route(text(ours))).to.deep.equal({ kind: 'bounced', c2s: '1', sm: '2', text: '<message/>' });
  });

  it('passes what is long and no tag: text, CDATA sections, and tags up to the limit', () => {
    for (const source of [
      `<message><body>${'x&lt;'.repeat(1000)}</body></message>`,
      `<message><body><![CDATA[${'<a b="'.repeat(1000)}]]></body></message>`,
      `<message><x b='${'v'.repeat(690)}'/></message>`,
      `<message to='${'v'.repeat(400)}'/>`,
      `<message><amp xmlns='http://jabber.org/protocol/amp'><rule action='drop' condition='deliver' value='stored'/></amp></message>`,
    ]) {
      expect(stamped(clientStanza(source), STAMP)?.replace(STAMP, ''), source.slice(0, 50)).to.equal(source);
    }
  });

  it('leaves an empty id out, which the sm fills from its memory', () => {
    const source = `<iq type='get' id='' to='a'><query xmlns='jabber:iq:version'/></iq>`;
    expect(stamped(clientStanza(source), STAMP)?.replace(STAMP, '')).to.equal(source.replace(` id=''`, ''));
  });

  it('opens no session whose address takes the room of what it says', () => {
    expect(isCarriableAddress('juliet@localhost/balcony')).to.equal(true);
    expect(isCarriableAddress(`juliet@localhost/${'x'.repeat(200)}`)).to.equal(false);
    expect(isCarriableAddress(`juliet@localhost/${"'".repeat(40)}`)).to.equal(false);
  });

  it('keeps a declaration that something inside needs', () => {
    const payload = `<message xmlns='jabber:client' xmlns:sm='${SESSION}' sm:c2s='1' sm:sm='2'><sm:x/></message>`;
    expect((route(payload) as { text: string }).text).to.contain(`xmlns:sm='${SESSION}'`);
  });

  for (const [what, source] of [
    ['routes with a type', `<route xmlns='${COMPONENT}' type='broadcast'><a/></route>`],
    ['routes with nothing in them', `<route xmlns='${COMPONENT}' to='us' from='sm'/>`],
    ['routes with two payloads', `<route xmlns='${COMPONENT}' to='us' from='sm'><a/><b/></route>`],
    ['routes of another namespace', `<route to='us' from='sm'><a/></route>`],
    [
      'questions of the sm itself',
      `<route xmlns='${COMPONENT}' from='sm'><iq xmlns='jabber:client' type='get'/></route>`,
    ],
    ['throttles', `<throttle xmlns='${COMPONENT}'/>`],
    ['adverts of nobody', `<presence xmlns='${COMPONENT}'/>`],
    ['presences of clients', `<presence from='a@b'/>`],
  ] as const) {
    it(`reads nothing in ${what}`, () => {
      expect(read(stanza(source))).to.equal(undefined);
    });
  }

  it('reads back what it writes itself', () => {
    expect(route(session('start', { c2s: '1' }, 'a@b/c', 'r'))).to.deep.equal({
      kind: 'action',
      action: 'start',
      from: 'sm',
      target: 'a@b/c',
      id: 'r',
      failed: false,
      c2s: '1',
      sm: undefined,
    });
  });

  it('reads failed in both forms, of what was asked', () => {
    for (const failed of ['q:failed', 'failed']) {
      const payload = `<q:session xmlns:q='${SESSION}' q:c2s='1' action='start' id='r' ${failed}='1'/>`;
      expect(route(payload)).to.include({ kind: 'action', failed: true });
    }
  });

  it('gives back messages and questions, with nothing in them that the sm could take for a session', () => {
    const given = returned(
      `<message to='a@localhost/x' from='b@c' sm='1' c2s='2' failed='1'><body>é</body></message>`,
    );
    expect(given?.to).to.equal('localhost');
    expect(given?.payload).to.equal(
      `<message xmlns='jabber:client' to='a@localhost/x' from='b@c'><body>é</body></message>`,
    );
    expect(returned(`<iq type='get' to='a@b/c' from='c@d/e'/>`)).not.to.equal(undefined);
  });

  for (const source of [
    `<presence to='a@b'/>`,
    `<message to='a@b' type='error'/>`,
    `<message to='a@b' type='groupchat'/>`,
    `<iq type='result' to='a@b'/>`,
    `<message/>`,
  ]) {
    it(`does not give back ${source}`, () => {
      expect(returned(source)).to.equal(undefined);
    });
  }
});
