/** What we say instead, and why. */
export interface Deviation {
  readonly why: string;
  readonly ours: readonly string[];
}

const S1 = '12@foo-sockets/8A0001';
const S2 = '13@foo-sockets/8A0002';
const S3 = '14@foo-sockets/8A0003';
const INTREE = '7@pth-csock.127.0.0.1/28C23130';
const INTREE2 = '7@pth-csock.127.0.0.1/28C50DC0';

const GET = 'an auth get is a question: it is answered with the fields, and logs nobody in [XEP-0078 3.1]';
const DEAD =
  'a packet for a session that is not there is answered with a 510 that keeps the packet [README.SM 510]';
const FORM = 'we ask for less, and have no key: it proves nothing [XEP-0077]';
const ECHO = 'a user sees their own presence come back [RFC6121 4.2.2, 4.5.2]';
const AVAILABLE =
  'who has not sent presence is not there: others see nothing of them, and messages to the bare address are kept [RFC6121 8.5.2]';
const ERRORS =
  'errors have type and condition too [RFC6120 8.3], and the conditions are those of RFC 6121 8.5';
const RESULT_FIRST = 'the result comes before the push, so that a client that waits for it misses nothing';
const FIRST = 'the first of two ends is confirmed, before the second arrives';
const OLD_SOCKET = 'the old socket cannot end the new session';
const SELF = 'what a client sends to itself arrives (1.1.2 kept it for later: the session ended before)';

function fields(to: string, id: string, username: string, addresses = ''): string {
  const user = username === '' ? '<username/>' : `<username>${username}</username>`;
  return (
    `<iq type='result' id='${id}' sfrom='localhost' sto='${to}'${addresses}><query xmlns='jabber:iq:auth'>` +
    `${user}<password/><digest/><resource/></query></iq>`
  );
}

function form(to: string, id: string, sfrom = 'localhost', addresses = ''): string {
  return (
    `<iq type='result' id='${id}' sfrom='${sfrom}' sto='${to}'${addresses}><query xmlns='jabber:iq:register'>` +
    `<instructions>Choose a user name and a password.</instructions><username/><password/></query></iq>`
  );
}

function ended(session: string, socket: string): string {
  return `<message type='error' sto='${socket}' sfrom='${session}'><error code='510'>Disconnected</error></message>`;
}

function rosterGetGivenBack(to: string, id: string): string {
  return (
    `<iq type='error' id='${id}' sfrom='juliet@localhost/Balcony' sto='${to}'><query xmlns='jabber:iq:roster'/>` +
    `<error code='510' type='get'>Disconnected</error></iq>`
  );
}

function offline(attributes: string, body: string): string {
  return (
    `<message to='juliet@localhost/Balcony' ${attributes} from='romeo@localhost/Orchard' sto='${S3}' ` +
    `sfrom='juliet@localhost'><body>${body}</body>` +
    `<x xmlns='jabber:x:delay' from='localhost' stamp='*'>Offline Storage</x></message>`
  );
}

function refusedMessage(attributes: string, code: string, condition: string): string {
  return (
    `<message to='juliet@localhost/Balcony' ${attributes} type='error' sto='${S1}' sfrom='juliet@localhost'><body>x</body>` +
    `<error code='${code}' type='cancel'><${condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>`
  );
}

function ownPresence(resource: string, to: string, socket: string, content = ''): string {
  return `<presence from='juliet@localhost/${resource}' to='${to}' sto='${socket}' sfrom='juliet@localhost'>${content}</presence>`;
}

const AWAY = '<show>away</show><priority>5</priority>';
const PUSH = `<iq type='set' sto='${S1}' sfrom='juliet@localhost'><query xmlns='jabber:iq:roster'>`;
const LOVER = `<item jid='romeo@localhost' subscription='to' name='Romeo'><group>Lovers</group></item>`;
const ITEM = `<item jid='romeo@localhost' subscription='none' name='Romeo'><group>Lovers</group></item>`;

const rosterResult = (id: string): string =>
  `<iq type='result' id='${id}' to='juliet@localhost/Balcony' sto='${S1}' sfrom='juliet@localhost'/>`;

/** Where we mean to differ from jabberd 1.1.2: recording, line that was sent, what we answer. */
export const DEVIATIONS: Readonly<Record<string, Readonly<Record<number, Deviation>>>> = {
  'auth-get.txt': {
    6: { why: GET, ours: [fields(S1, 'a0', '')] },
    8: { why: GET, ours: [fields(S1, 'a1', 'juliet')] },
    10: { why: GET, ours: [fields(S1, 'a2', 'nobody', ` to='localhost' from='localhost'`)] },
    12: { why: GET, ours: [fields(S1, 'a3', 'juliet')] },
  },
  'bounce-auth-result.txt': { 11: { why: DEAD, ours: [rosterGetGivenBack(S1, 'ro')] } },
  'bounce-jabberd.txt': {
    19: { why: FORM, ours: [form(S1, 'q2', 'LOCALHOST')] },
    28: {
      why: 'we are a session manager, and no router between components: without sto nothing is for us',
      ours: [],
    },
  },
  'bounce-other-resource.txt': {
    14: { why: AVAILABLE, ours: [ended('juliet@localhost/Balcony', S1)] },
    17: { why: AVAILABLE, ours: [] },
  },
  'bounce-race.txt': {
    32: {
      why: `${ECHO}; a message that comes back without a type is not lost; what had no type gets none`,
      ours: [
        ownPresence('Balcony', 'juliet@localhost', S3),
        offline(`type='chat' id='m1'`, 'typed'),
        offline(`id='m2'`, 'untyped'),
        offline(`id='m3'`, 'untyped'),
      ],
    },
  },
  'client-closed.txt': {
    17: { why: DEAD, ours: [rosterGetGivenBack(S1, 'ro7')] },
    18: {
      why: DEAD,
      ours: [
        `<message to='romeo@localhost/Orchard' id='m7' sfrom='juliet@localhost/Balcony' sto='${S1}' type='error'>` +
          `<body>dead</body><error code='510' type='normal'>Disconnected</error></message>`,
      ],
    },
    20: {
      why: DEAD,
      ours: [
        `<presence sfrom='nobody@localhost/x' sto='${S1}' type='error'><error code='510' type='normal'>Disconnected</error></presence>`,
      ],
    },
    22: {
      why: DEAD,
      ours: [
        `<presence sfrom='localhost' sto='${S1}' type='error'><error code='510' type='normal'>Disconnected</error></presence>`,
      ],
    },
    23: {
      why: DEAD,
      ours: [
        `<iq type='error' id='z' sfrom='localhost' sto='${S1}'><query xmlns='jabber:iq:auth'/><error code='510' type='result'>Disconnected</error></iq>`,
      ],
    },
  },
  'error-510-forms.txt': {
    11: {
      why: 'a 510 without type error is a message like any other, and arrives [jabberd 1.1.2]',
      ours: [
        `<message id='n1' to='romeo@localhost/Orchard' from='juliet@localhost/Balcony' sto='${S2}' sfrom='romeo@localhost'>` +
          `<error code='510'>Disconnected</error></message>`,
      ],
    },
    18: { why: DEAD, ours: [rosterGetGivenBack(S1, 'alive')] },
    21: { why: DEAD, ours: [rosterGetGivenBack(S1, 'alive')] },
  },
  'handshake-cleartext.txt': {
    4: {
      why: 'the secret does not travel in clear [XEP-0114 3]',
      ours: ['<stream:error>Invalid Handshake</stream:error>', '</stream:stream>'],
    },
  },
  'intree-auth-in-unknown-result.txt': {
    15: {
      why: ERRORS,
      ours: [
        `<iq type='error' id='x2' to='juliet@localhost/Balcony' sto='${INTREE2}' sfrom='juliet@localhost'>` +
          `<query xmlns='jabber:iq:auth'><username>juliet</username><password/><resource>Balcony2</resource></query>` +
          `<error code='503' type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`,
      ],
    },
    17: {
      why: SELF,
      ours: [
        `<message to='juliet@localhost/Balcony' id='after' from='juliet@localhost/Balcony' sto='${INTREE2}' sfrom='juliet@localhost'><body>x</body></message>`,
      ],
    },
    18: { why: FIRST, ours: [ended('juliet@localhost/Balcony', INTREE2)] },
    19: { why: FIRST, ours: [] },
  },
  'intree-bad-xml.txt': {
    17: { why: FIRST, ours: [ended('juliet@localhost/Balcony', INTREE)] },
    18: { why: FIRST, ours: [] },
  },
  'intree-login.txt': {
    20: { why: FORM, ours: [form(INTREE, 'r0')] },
    30: {
      why: SELF,
      ours: [
        `<message to='juliet@localhost/Balcony' from='juliet@localhost/Balcony' sto='${INTREE}' sfrom='juliet@localhost'><body>self</body></message>`,
      ],
    },
    31: { why: FIRST, ours: [ended('juliet@localhost/Balcony', INTREE)] },
    32: { why: FIRST, ours: [] },
  },
  'intree-replaced.txt': {
    21: {
      why: `${ECHO}; the message in the recording was left over from an earlier one`,
      ours: [ownPresence('Balcony', 'juliet@localhost', INTREE)],
    },
    26: { why: OLD_SOCKET, ours: [] },
    29: { why: OLD_SOCKET, ours: [ended('juliet@localhost/Balcony', '8@pth-csock.127.0.0.1/28C50DC0')] },
  },
  'message.txt': {
    13: { why: AVAILABLE, ours: [] },
    21: {
      why: ERRORS,
      ours: [refusedMessage(`id='m4' from='nurse@localhost'`, '503', 'service-unavailable')],
    },
    24: {
      why: ERRORS,
      ours: [refusedMessage(`id='m5' from='nurse@elsewhere'`, '404', 'remote-server-not-found')],
    },
    27: {
      why: 'nobody needs an echo in the server',
      ours: [refusedMessage(`id='m6' from='localhost/echo'`, '503', 'service-unavailable')],
    },
  },
  'presence.txt': {
    10: { why: ECHO, ours: [ownPresence('Balcony', 'juliet@localhost', S1)] },
    14: {
      why: `${ECHO}, first to all, then what was there before, sent to the one that came`,
      ours: [
        ownPresence('Chamber', 'juliet@localhost', S1, AWAY),
        ownPresence('Chamber', 'juliet@localhost', S3, AWAY),
        ownPresence(
          'Balcony',
          'juliet@localhost/Chamber',
          S3,
          `<x xmlns='jabber:x:delay' from='juliet@localhost/Balcony' stamp='*'/>`,
        ),
      ],
    },
    18: {
      why: ECHO,
      ours: [S1, S3].map(
        (socket) =>
          `<presence type='unavailable' from='juliet@localhost/Balcony' to='juliet@localhost' sto='${socket}' sfrom='juliet@localhost'><status>bye</status></presence>`,
      ),
    },
  },
  'register.txt': {
    6: { why: FORM, ours: [form(S1, 'r1')] },
    17: { why: FORM, ours: [form(S1, 'r5', 'localhost', ` to='localhost' from='localhost'`)] },
  },
  'replaced.txt': {
    18: {
      why: 'the old socket cannot speak for the new session',
      ours: [rosterGetGivenBack(S1, 'ro6')],
    },
    24: {
      why: 'the old socket could not end the new session either',
      ours: [
        `<iq type='result' id='ro7' to='juliet@localhost/Balcony' sto='${S3}' sfrom='juliet@localhost'><query xmlns='jabber:iq:roster'/></iq>`,
      ],
    },
    21: { why: OLD_SOCKET, ours: [] },
  },
  'roster.txt': {
    12: { why: RESULT_FIRST, ours: [rosterResult('ro1'), `${PUSH}${ITEM}</query></iq>`] },
    20: {
      why: AVAILABLE,
      ours: [
        `<presence to='juliet@localhost' type='subscribed' from='romeo@localhost' sto='${S1}' sfrom='juliet@localhost'/>`,
        `${PUSH}${LOVER}</query></iq>`,
      ],
    },
    26: { why: AVAILABLE, ours: [ended('romeo@localhost/Orchard', S2)] },
    29: {
      why: RESULT_FIRST,
      ours: [rosterResult('ro9'), `${PUSH}<item jid='romeo@localhost' subscription='remove'/></query></iq>`],
    },
  },
  'session-id-forms.txt': {
    24: { why: GET, ours: [fields(S1, 'a11', 'juliet')] },
    30: {
      why: `${DEAD}; there is no session G, for a get does not log in`,
      ours: [
        `<iq type='error' id='a13' sfrom='juliet@localhost/G' sto='${S1}'>` +
          `<query xmlns='jabber:iq:auth'><username>juliet</username><password/><resource>G3</resource></query>` +
          `<error code='510' type='set'>Disconnected</error></iq>`,
      ],
    },
    32: { why: 'there is no session G', ours: [] },
  },
};
