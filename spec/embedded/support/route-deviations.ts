import type { RouteDeviation } from './route-player.js';

const A1 = '12@foo-sockets/A1';
const B1 = '13@foo-sockets/B1';

const GET = 'a question logs nobody in, and does not tell who exists [XEP-0078 3.1]';
const FORM = 'we ask for less, and have no key: it proves nothing [XEP-0077]';
const UNASKED =
  'a session is given to whom a login was accepted for, on that link and socket; 1.4 gives it to whoever asks [jabberd 1.4.3]';
const ROUTER = 'we are a session manager, and no router between components: only routes are for us';
const ALONE = 'only another component could have written to somebody whose component is away';
const CONDITIONS = 'conditions are those of RFC 6121 8.5';
const RESULT_FIRST = 'the result comes before the push, so that a client that waits for it misses nothing';
const PUSH_BEHIND = 'who changes a roster tells the other side first';
const REMOVED = 'an account that is removed has no sessions any more, and no login';

/** A stanza as it goes to the session of socket A1 or B1. */
const toA = (stanza: string): string => `<route from='$A1' to='${A1}'>${stanza}</route>`;
const toB = (stanza: string): string => `<route from='$B1' to='${B1}'>${stanza}</route>`;

const answer = (address: string, iq: string): string =>
  `<route from='${address}' to='${A1}' type='auth'>${iq}</route>`;

const end = (from: string, error: string, content = ''): string =>
  `<route to='${A1}' from='${from}' type='error' error='${error}'>${content}</route>`;

const fields = (address: string, id: string, username: string): string =>
  answer(
    address,
    `<iq type='result' id='${id}'><query xmlns='jabber:iq:auth'>${username}<password/><digest/><resource/></query></iq>`,
  );

const form = (address: string, id: string): string =>
  answer(
    address,
    `<iq type='result' id='${id}'><query xmlns='jabber:iq:register'>` +
      `<instructions>Choose a user name and a password.</instructions><username/><password/></query></iq>`,
  );

const refused = (id: string, from: string, code: string): string =>
  toA(
    `<message to='ann@localhost/home' id='${id}' from='${from}' type='error'><body>x</body><error code='${code}'/></message>`,
  );

const noRouter = (stanza: string, id: string, from: string, content: string): string =>
  toA(
    `<${stanza} to='ann@localhost/home' id='${id}' from='${from}' type='error'>${content}<error code='404'/></${stanza}>`,
  );

function register(account: string): Record<number, RouteDeviation> {
  return {
    6: { why: FORM, ours: [form('localhost', 'r1')] },
    13: { why: FORM, ours: [form(account, 'r2')] },
  };
}

function roster(user: string, contact: string): Record<number, RouteDeviation> {
  const push = (item: string): string =>
    `<iq type='set'><query xmlns='jabber:iq:roster'>${item}</query></iq>`;
  const item = (jid: string, attributes: string): string => `<item jid='${jid}@localhost' ${attributes}/>`;
  const named = (attributes: string): string =>
    `<item jid='${contact}@localhost' name='V' ${attributes}><group>G</group></item>`;
  const result = (id: string): string => toA(`<iq type='result' id='${id}' to='${user}@localhost/home'/>`);
  const toThem = (type: string): string =>
    toB(`<presence type='${type}' to='${contact}@localhost' from='${user}@localhost'/>`);
  return {
    20: { why: RESULT_FIRST, ours: [result('ro1'), toA(push(named(`subscription='none'`)))] },
    23: {
      why: PUSH_BEHIND,
      ours: [toThem('subscribe'), toA(push(named(`subscription='none' ask='subscribe'`)))],
    },
    26: {
      why: `${PUSH_BEHIND}; a presence of now has no delay`,
      ours: [
        toA(`<presence type='subscribed' to='${user}@localhost' from='${contact}@localhost'/>`),
        toA(push(named(`subscription='to'`))),
        toB(push(item(user, `subscription='from'`))),
        toA(`<presence from='${contact}@localhost/work' to='${user}@localhost'/>`),
      ],
    },
    35: {
      why: `${PUSH_BEHIND}, and who is no contact any more is seen to go [RFC6121 2.5.2, 3.3.3]`,
      ours: [
        toA(`<presence type='unavailable' from='${contact}@localhost/work' to='${user}@localhost'/>`),
        toThem('unsubscribe'),
        toB(push(item(user, `subscription='none'`))),
        result('ro3'),
        toA(push(item(contact, `subscription='remove'`))),
      ],
    },
  };
}

const BOOTED = 'nobody was booted: the session of the same name is replaced';

function replacedAtHome(now: string, before: string): RouteDeviation {
  return {
    why: BOOTED,
    ours: [`<route to='${A1}' from='${now}' type='session'/>`, end(before, 'Disconnected')],
  };
}

/** Where we mean to differ from jabberd 1.4: recording, line that was sent, what we answer. */
export const ROUTE_DEVIATIONS: Readonly<Record<string, Readonly<Record<number, RouteDeviation>>>> = {
  '02c-bad-secret-kicks-out-good.txt': {
    8: {
      why: 'a wrong secret is the end of it: no <handshake/> behind, and the good link stays [jabberd 1.4.3]',
      ours: ['<stream:error>Invalid handshake</stream:error>'],
    },
  },
  '05-register.txt': register('new35648@localhost'),
  '1.4.4/05-register.txt': register('new36399@localhost'),
  '06-auth-get.txt': {
    9: { why: GET, ours: [fields('nobody@localhost', 'auth1', '<username>nobody</username>')] },
    12: { why: GET, ours: [fields('localhost', 'g3', '<username/>')] },
  },
  '11-session-start-odd.txt': {
    6: { why: UNASKED, ours: [end('ann@localhost/noauth', 'Session Failed')] },
    21: {
      why: UNASKED,
      ours: [`<route to='${B1}' from='ANN@localhost/up' type='error' error='Session Failed'/>`],
    },
    23: { why: `${UNASKED}; so there is none to speak in`, ours: 'unsent' },
  },
  '12-messages.txt': {
    22: {
      why: 'a client writes in the name of its own session, and of no other [RFC6120 8.1.2.1]',
      ours: [toB(`<message to='bob@localhost' from='ann@localhost/home'><body>res</body></message>`)],
    },
    28: { why: CONDITIONS, ours: [refused('m9', 'nobody@localhost', '503')] },
    40: {
      why: 'who asks what is no question is told so [RFC6120 8.2.3]',
      ours: [
        toA(
          `<iq id='n1' to='ann@localhost/home' type='error'><query xmlns='jabber:iq:roster'/><error code='400'/></iq>`,
        ),
      ],
    },
    42: {
      why: 'one packet a route: a second one would pass with the from that the client wrote',
      ours: [toB(`<message to='bob@localhost' from='ann@localhost/home'><body>1</body></message>`)],
    },
    54: { why: CONDITIONS, ours: [refused('m10', 'x@nowhere.invalid', '404')] },
  },
  '13-roster.txt': roster('ro35688', 'rp35688'),
  '1.4.4/13-roster.txt': roster('ro36435', 'rp36435'),
  '17-boot-user.txt': {
    14: {
      why: 'an error to a user ends the sessions of the socket that it comes from, and no others: who bounces an answer boots nobody',
      ours: [],
    },
    20: replacedAtHome('boo@localhost/E4FC07D0', 'boo@localhost/E4FBFD60'),
  },
  '1.4.4/17-boot-user.txt': {
    18: {
      why: 'the password is right',
      ours: [answer('boo@localhost/home', `<iq type='result' id='a_boo'/>`)],
    },
    20: replacedAtHome('boo@localhost/6D0C4B50', 'boo@localhost/6D0C7CE0'),
  },
  '18-unregister.txt': {
    10: {
      why: FORM,
      ours: [
        toA(
          `<iq type='result' id='u0' to='gone@localhost/home' from='localhost'><query xmlns='jabber:iq:register'>` +
            `<registered/><username>gone</username><password/></query></iq>`,
        ),
      ],
    },
    16: {
      why: REMOVED,
      ours: [
        toA(`<iq type='result' id='u1' to='gone@localhost/home' from='localhost'/>`),
        end('$A1', 'Account removed'),
      ],
    },
    19: {
      why: REMOVED,
      ours: [end('$A1', 'Invalid User', `<iq type='get' id='u2'><query xmlns='jabber:iq:roster'/></iq>`)],
    },
    23: {
      why: REMOVED,
      ours: [
        answer(
          'gone@localhost/h',
          `<iq type='error' id='auth1'><query xmlns='jabber:iq:auth'><username>gone</username><password/>` +
            `<resource>h</resource></query><error code='401'/></iq>`,
        ),
      ],
    },
  },
  '20-unwrapped.txt': {
    12: { why: ROUTER, ours: [noRouter('message', 'u1', 'foo-sockets', '<body>to the c2s</body>')] },
    14: {
      why: ROUTER,
      ours: [noRouter('iq', 'u2', '99@foo-sockets/x', `<query xmlns='jabber:iq:version'/>`)],
    },
    17: { why: `${ROUTER}; what is not of a session could be in anybody's name`, ours: [] },
    19: { why: `${ROUTER}; what is not of a session could be in anybody's name`, ours: [] },
  },
  '21-away-short.txt': {
    22: {
      why: `${ALONE}; what was not read before the loss is not lost, and comes in order`,
      ours: [
        '<handshake/>',
        toA(
          `<iq type='result' id='slow' to='ann@localhost/home' from='localhost'><query xmlns='jabber:iq:version'/></iq>`,
        ),
      ],
    },
  },
  '22-away-long.txt': { 30: { why: ALONE, ours: [] } },
  '25-routing.txt': {
    9: {
      why: ROUTER,
      ours: [end('13@foo-sockets/B1', 'Unable to deliver, destination unknown', '<presence/>')],
    },
  },
  '26-bytes.txt': {
    17: { why: 'comments are refused, in streams of components as well [RFC6120 11.1]', ours: 'unsent' },
  },
  '1.4.4/27-offline.txt': {
    18: {
      why: CONDITIONS,
      ours: [
        toB(
          `<iq type='error' id='i1' to='bob@localhost/work' from='of36547@localhost/nores'>` +
            `<query xmlns='jabber:iq:version'/><error code='503'/></iq>`,
        ),
      ],
    },
  },
};
