import { expect } from 'chai';
import { parseIgnoredPath, withoutIgnored } from '../../lib/scenario/ignored-paths.js';
import { ServerGenerated } from '../../lib/scenario/server-generated.js';
import { Element, parse } from '../../lib/xml/index.js';

const tree = (xml: string): Element => parse(xml, new Map([['', 'jabber:client']]));

const SELF = "{Juliet's full JID}";

describe('scenario/ignore', () => {
  const stanza =
    "<iq xml:lang='en' id='1'><query xmlns='jabber:iq:roster' ver='2'><item ver='3'/></query><x xmlns='u'/></iq>";
  const all: [string, string | undefined][] = [
    ['x', "<iq xml:lang='en' id='1'><query xmlns='jabber:iq:roster' ver='2'><item ver='3'/></query></iq>"],
    ['{u}', "<iq xml:lang='en' id='1'><query xmlns='jabber:iq:roster' ver='2'><item ver='3'/></query></iq>"],
    ['{v}x', stanza],
    [
      '@xml:lang',
      "<iq id='1'><query xmlns='jabber:iq:roster' ver='2'><item ver='3'/></query><x xmlns='u'/></iq>",
    ],
    ['@ver', "<iq xml:lang='en' id='1'><query xmlns='jabber:iq:roster'><item/></query><x xmlns='u'/></iq>"],
    [
      'iq/query/@ver',
      "<iq xml:lang='en' id='1'><query xmlns='jabber:iq:roster'><item ver='3'/></query><x xmlns='u'/></iq>",
    ],
    [
      '{jabber:iq:roster}*/item',
      "<iq xml:lang='en' id='1'><query xmlns='jabber:iq:roster' ver='2'/><x xmlns='u'/></iq>",
    ],
    ['/query', stanza],
    ['/iq', undefined],
    ['*', undefined],
    [
      'query[@ver=2]/item',
      "<iq xml:lang='en' id='1'><query xmlns='jabber:iq:roster' ver='2'/><x xmlns='u'/></iq>",
    ],
    ['query[@ver=3]/item', stanza],
    ['/iq[@type=]', undefined],
    ['/iq[@xml:lang=]', stanza],
    ['{jabber:iq:roster}*[@ver=2]/@ver', stanza.replace(" ver='2'", '')],
  ];
  for (const [pattern, left] of all) {
    it(`${pattern} takes out just that`, () => {
      expect(withoutIgnored(tree(stanza), [parseIgnoredPath(pattern)!], SELF)?.toString()).to.equal(left);
    });
  }

  it('tells the own presence that comes back from that of others', () => {
    const own = [parseIgnoredPath('/presence[@from=self]')!];
    const from = (jid: string): Element => new Element('presence', { from: jid });
    expect(withoutIgnored(from(SELF), own, SELF)).to.equal(undefined);
    expect(withoutIgnored(from("{Romeo's full JID}"), own, SELF)).not.to.equal(undefined);
  });

  it('knows what is no path', () => {
    for (const text of ['', '@', '{a', 'a//b', 'a}b', '[@a=b]', 'a[b]', 'a[@b]', 'a[@b=c', 'a]', 'a[@b=c]d'])
      expect(parseIgnoredPath(text), text).to.equal(undefined);
  });
});

describe('scenario/volatile', () => {
  const named = (xml: string, ...known: string[]): string =>
    new ServerGenerated(new Set(known)).withNames(tree(xml)).toString();
  const all: [string, string][] = [
    ["<m id='x7'/>", "<m id='{id}'/>"],
    ["<m id='asked'/>", "<m id='asked'/>"],
    [
      "<m><delay xmlns='urn:xmpp:delay' stamp='2026-11-21T09:12:37Z'/></m>",
      "<m><delay xmlns='urn:xmpp:delay' stamp='{time}'/></m>",
    ],
    [
      "<m><x xmlns='jabber:x:delay' stamp='20261121T09:12:37'/></m>",
      "<m><x xmlns='jabber:x:delay' stamp='{time}'/></m>",
    ],
    [
      "<m><query xmlns='jabber:iq:roster' ver='12'/></m>",
      "<m><query xmlns='jabber:iq:roster' ver='{ver}'/></m>",
    ],
    [
      "<m><query xmlns='jabber:iq:version' ver='12'/></m>",
      "<m><query xmlns='jabber:iq:version' ver='12'/></m>",
    ],
    [
      "<m><set xmlns='http://jabber.org/protocol/rsm'><first index='0'>x7</first><last>asked</last><count>2</count></set></m>",
      "<m><set xmlns='http://jabber.org/protocol/rsm'><first index='0'>{id}</first><last>asked</last><count>2</count></set></m>",
    ],
    [
      "<m><service xmlns='urn:xmpp:extdisco:2' username='1795352898' password='Ulpcyc=' expires='2026-11-21T09:12:37Z'/></m>",
      "<m><service xmlns='urn:xmpp:extdisco:2' username='{username}' password='{password}' expires='{time}'/></m>",
    ],
    [
      "<m><service xmlns='urn:xmpp:extdisco:2' username='john' password='secret'/></m>",
      "<m><service xmlns='urn:xmpp:extdisco:2' username='john' password='secret'/></m>",
    ],
    [
      "<m><body>at 20 o'clock in room 12345678</body></m>",
      '<m><body>at 20 o&apos;clock in room 12345678</body></m>',
    ],
  ];
  for (const [xml, expected] of all)
    it(`${xml} becomes ${expected}`, () => expect(named(xml, 'asked')).to.equal(expected));
});
