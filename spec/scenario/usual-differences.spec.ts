import { expect } from 'chai';
import { differencesOf } from '../../lib/scenario/match.js';
import {
  withComparableErrors,
  USUAL_RULES,
  withoutUsualDifferences,
  type UsualRule,
} from '../../lib/scenario/usual-differences.js';
import { parse, type Element } from '../../lib/xml/index.js';

const AROUND = new Map([
  ['', 'jabber:client'],
  ['stream', 'http://etherx.jabber.org/streams'],
]);
const FULL = "{Juliet's full JID}";
const RECEIVER = { bare: 'juliet@localhost', full: FULL, sent: new Set(['Good night']) };
const STANZAS = "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'";

/** The stanza that Juliet gets, in the words of a comparison: ME is her full address. */
const tree = (xml: string): Element =>
  parse(
    xml.replaceAll('ME', () => '&#x7b;Juliet&apos;s full JID}'),
    AROUND,
  );

function differences(left: string, right: string, rules: readonly UsualRule[]): string[] {
  const [one, other] = [left, right].map((xml) =>
    xml === '' ? undefined : withoutUsualDifferences(tree(xml), rules, RECEIVER),
  );
  if (!one || !other) return one === other ? [] : ['only one of them is left'];
  return differencesOf(...withComparableErrors(one, other)).map(({ text }) => text);
}

/** By rule: what two servers send, as real ones do, and what is the same by that rule and by no other. */
const SAME: Readonly<Record<UsualRule, readonly (readonly [left: string, right: string])[]>> = {
  addresses: [
    ["<presence to='juliet@localhost' from='a@b/c'/>", "<presence to='ME' from='a@b/c'/>"],
    ["<iq type='result' id='1' from='ME' to='ME'/>", "<iq type='result' id='1'/>"],
    ["<iq type='set' id='1' from='Juliet@localhost'/>", "<iq type='set' id='1'/>"],
  ],
  ids: [
    ["<message id='{id}'><body>x</body></message>", '<message><body>x</body></message>'],
    ["<message><stanza-id xmlns='urn:xmpp:sid:0' id='1' by='juliet@localhost'/></message>", '<message/>'],
  ],
  lang: [
    ["<message xml:lang='en'><body xml:lang='en'>x</body></message>", '<message><body>x</body></message>'],
  ],
  'own-presence': [
    ["<presence from='ME'><show>away</show></presence>", ''],
    ["<presence from='ME' type='unavailable'/>", ''],
  ],
  delay: [
    [
      "<message><x xmlns='jabber:x:delay' from='juliet@localhost' stamp='{time}'>Offline Storage</x></message>",
      "<message><delay xmlns='urn:xmpp:delay' stamp='{time}'/><x xmlns='jabber:x:delay' stamp='{time}'/></message>",
    ],
    ["<presence><x xmlns='jabber:x:delay' stamp='{time}'/></presence>", '<presence/>'],
  ],
  errors: [
    [
      "<message type='error'><body>x</body><error code='404'>Not Found</error></message>",
      `<message type='error'><error type='cancel'><item-not-found ${STANZAS}/></error></message>`,
    ],
    [
      `<iq type='error' id='1'><error code='503' type='cancel'><service-unavailable ${STANZAS}/></error></iq>`,
      `<iq type='error' id='1'><query xmlns='u'/><error type='cancel' by='localhost'><service-unavailable ${STANZAS}/><text ${STANZAS}>No.</text></error></iq>`,
    ],
    [
      "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
      "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>Replaced</text></stream:error>",
    ],
  ],
  'roster-version': [
    [
      "<iq type='result'><query xmlns='jabber:iq:roster' ver='{ver}'/></iq>",
      "<iq type='result'><query xmlns='jabber:iq:roster'/></iq>",
    ],
  ],
  'server-info': [
    [
      "<iq type='result'><query xmlns='jabber:iq:version'><name>jabberd</name><version>1.4.3</version><os>Linux</os></query></iq>",
      "<iq type='result'><query xmlns='jabber:iq:version'><name>Prosody</name></query></iq>",
    ],
    [
      "<iq type='result'><query xmlns='jabber:iq:time'><utc>{time}</utc><tz>UTC</tz><display>{time}</display></query></iq>",
      "<iq type='result'><query xmlns='jabber:iq:time'><utc>{time}</utc></query></iq>",
    ],
    [
      "<iq type='result'><query xmlns='http://jabber.org/protocol/disco#info'><identity category='server' type='im' name='a'/><x xmlns='jabber:x:data'/></query></iq>",
      "<iq type='result'><query xmlns='http://jabber.org/protocol/disco#info'><identity category='server' type='im' name='b'/></query></iq>",
    ],
  ],
  extras: [
    ["<presence from='a@b/c'><x xmlns='vcard-temp:x:update'/></presence>", "<presence from='a@b/c'/>"],
    [
      "<message type='headline' from='juliet@localhost'><event xmlns='http://jabber.org/protocol/pubsub#event'/></message>",
      '',
    ],
    [
      "<iq type='get' from='localhost' id='1'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>",
      '',
    ],
  ],
  status: [
    [
      "<presence type='unavailable' from='a@b/c'><status>Disconnected</status></presence>",
      "<presence type='unavailable' from='a@b/c'/>",
    ],
  ],
  defaults: [
    ['<presence><priority>0</priority></presence>', '<presence/>'],
    ["<message type='normal'/>", '<message/>'],
    [
      "<iq type='result'><vCard xmlns='vcard-temp'><FN>J</FN><N><FAMILY>C</FAMILY><MIDDLE/></N></vCard></iq>",
      "<iq type='result'><vCard xmlns='vcard-temp'><FN>J</FN><N><FAMILY>C</FAMILY></N></vCard></iq>",
    ],
  ],
};

/** What somebody who moves from one server to another has to know. */
const OTHERS: readonly (readonly [what: string, left: string, right: string])[] = [
  ['a message that only one delivers', '<message><body>x</body></message>', ''],
  ["another account's presence", "<presence from='a@b/c'/>", ''],
  [
    'presence to another address',
    "<presence from='a@b/c' to='juliet@elsewhere'/>",
    "<presence from='a@b/c'/>",
  ],
  ['who a message is from', "<message from='a@b/c'/>", "<message from='a@b'/>"],
  ['an answer for a request to somebody else', "<iq type='result' from='a@b'/>", "<iq type='result'/>"],
  [
    'a message that was kept, and does not say so',
    "<message><delay xmlns='urn:xmpp:delay' stamp='{time}'/></message>",
    '<message/>',
  ],
  ['an error for a result', "<iq type='error' id='1'><error code='503'/></iq>", "<iq type='result' id='1'/>"],
  [
    'another condition',
    `<iq type='error'><error type='cancel'><item-not-found ${STANZAS}/></error></iq>`,
    `<iq type='error'><error type='cancel'><remote-server-not-found ${STANZAS}/></error></iq>`,
  ],
  [
    'another code where that is all',
    "<iq type='error'><error code='501'/></iq>",
    `<iq type='error'><error type='cancel'><service-unavailable ${STANZAS}/></error></iq>`,
  ],
  [
    'whether it may be tried again',
    `<iq type='error'><error type='wait'><item-not-found ${STANZAS}/></error></iq>`,
    `<iq type='error'><error type='cancel'><item-not-found ${STANZAS}/></error></iq>`,
  ],
  [
    'a contact',
    "<iq type='result'><query xmlns='jabber:iq:roster'><item jid='a@b' subscription='to'/></query></iq>",
    "<iq type='result'><query xmlns='jabber:iq:roster'><item jid='a@b' subscription='both'/></query></iq>",
  ],
  [
    'a feature',
    "<iq type='result'><query xmlns='http://jabber.org/protocol/disco#info'><feature var='urn:xmpp:ping'/></query></iq>",
    "<iq type='result'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>",
  ],
  [
    'what a contact publishes',
    "<message type='headline' from='a@b'><event xmlns='http://jabber.org/protocol/pubsub#event'/></message>",
    '',
  ],
  [
    "a client's question about features",
    "<iq type='get' from='a@b/c' id='1'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>",
    '',
  ],
  [
    'a status that somebody has sent',
    "<presence type='unavailable' from='a@b/c'><status>Good night</status></presence>",
    "<presence type='unavailable' from='a@b/c'/>",
  ],
  ['a priority', '<presence><priority>1</priority></presence>', '<presence/>'],
  [
    'an id that a client has made',
    "<message id='mine'><body>x</body></message>",
    '<message><body>x</body></message>',
  ],
];

describe('scenario/usual', () => {
  for (const rule of USUAL_RULES) {
    for (const [left, right] of SAME[rule]) {
      it(`${rule}: ${left.slice(0, 100)} is the same, and is not without that rule`, () => {
        expect(differences(left, right, USUAL_RULES)).to.deep.equal([]);
        const others = USUAL_RULES.filter((one) => one !== rule);
        expect(differences(left, right, others)).not.to.deep.equal([]);
        expect(differences(right, left, USUAL_RULES)).to.deep.equal([]);
      });
    }
  }

  for (const [what, left, right] of OTHERS) {
    it(`${what} is not passed over`, () => {
      expect(differences(left, right, USUAL_RULES)).not.to.deep.equal([]);
      expect(differences(right, left, USUAL_RULES)).not.to.deep.equal([]);
    });
  }

  it('leaves the stanza as it was to whoever has it', () => {
    const stanza = tree("<message to='ME' xml:lang='en'><x xmlns='jabber:x:delay'/></message>");
    const before = stanza.toString();
    withoutUsualDifferences(stanza, USUAL_RULES, RECEIVER);
    expect(stanza.toString()).to.equal(before);
  });
});
