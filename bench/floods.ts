/**
 * The load that one user with an ordinary account can cause in the embedded session manager: each request in its most
 * expensive form, as fast as the server reads.
 */
import { Client, type Target } from './client.js';
import { inParallel } from './load.js';
import { sleep } from './proc.js';

/** The accounts of floods, besides those of the quiet pair; all have the password of the bench. */
export const FLOODER = 'flooder';
export const CONTACTS = 1000;
export const contact = (number: number): string => `contact${number}`;
/** Accounts with the maximum of offline messages. */
export const FULL_ACCOUNTS = 8;
export const fullAccount = (number: number): string => `away${number}`;

/** Nearly as long as a stanza may be (262,144 bytes). */
const LARGE_STANZA_BYTES = 250_000;
/** Of one account at a time. */
const MAX_SESSIONS = 48;

export interface Flood {
  /** Its description in the table. */
  readonly what: string;
  /** Starts the flood, which lasts until the process ends. */
  run(target: Target): Promise<unknown>;
}

const elements = (tag: string, bytes: number): string => tag.repeat(Math.floor(bytes / tag.length));
const iq = (type: string, payload: string, to = ''): string =>
  `<iq type='${type}' id='f'${to && ` to='${to}'`}>${payload}</iq>`;
const privately = (type: string, content: string): string =>
  iq(type, `<query xmlns='jabber:iq:private'>${content}</query>`);
const chat = (to: string, content: string): string => `<message to='${to}' type='chat'>${content}</message>`;
const status = (bytes: number): string => `<presence><status>${'s'.repeat(bytes)}</status></presence>`;

async function flooder(target: Target, resource = 'f', user = FLOODER): Promise<Client> {
  const client = await Client.login(target, user, resource);
  client.write('<presence/>');
  return client;
}

/** A flood that repeats one text. */
const repeating =
  (text: (target: Target) => string, before?: string): Flood['run'] =>
  async (target) => {
    const client = await flooder(target);
    if (before) client.write(before);
    client.flood(text(target));
  };

/** Contacts of the flooder that are online, each with some sessions, and their presence. */
async function contacts(
  target: Target,
  count: number,
  sessions = 1,
  presence = '<presence/>',
): Promise<void> {
  await inParallel(count * sessions, 20, async (number) => {
    const client = await Client.login(target, contact(number % count), `r${number}`);
    client.write(presence);
  });
}

async function toSessions(target: Target, reads: boolean): Promise<void> {
  await inParallel(MAX_SESSIONS, 8, async (number) => {
    const client = await flooder(target, `s${number}`);
    if (!reads) client.stopReading();
  });
  const body = `<body>${'x'.repeat(LARGE_STANZA_BYTES)}</body>`;
  (await flooder(target, 'f', contact(0))).flood(chat(`${FLOODER}@${target.domain}`, body));
}

/** Fetches all offline messages of one account after another. */
async function fetchOffline(target: Target, reads: boolean): Promise<void> {
  for (let number = 0; number < FULL_ACCOUNTS; number += 1) {
    const client = await Client.login(target, fullAccount(number), 'r');
    if (!reads) client.stopReading();
    client.write('<presence/>');
    await sleep(250);
  }
}

/** Sessions that log in and out, and get much presence of contacts. */
async function comeAndGo(target: Target): Promise<void> {
  await contacts(target, 20, 20, status(15_000));
  (await flooder(target)).flood(`<presence/><presence type='unavailable'/>`);
}

/** Directed presence to many addresses, ended all at once by a logout. */
async function direct(target: Target): Promise<void> {
  await contacts(target, 200);
  const directed = Array.from(
    { length: 1000 },
    (_none, number) => `<presence to='${contact(number % 200)}@${target.domain}/r${number}'/>`,
  );
  const text = `${directed.join('')}<presence type='unavailable'><status>${'s'.repeat(15_000)}</status></presence><presence/>`;
  (await flooder(target)).flood(text);
}

async function broadcast(target: Target): Promise<void> {
  await contacts(target, CONTACTS);
  (await flooder(target)).flood(status(15_000));
}

async function logins(target: Target): Promise<void> {
  const tryAgain = async (number: number): Promise<void> => {
    for (;;) await Client.login(target, FLOODER, `r${number}`, 'wrong').catch(() => undefined);
  };
  for (let number = 0; number < 20; number += 1) void tryAgain(number);
  await sleep(0);
}

/** Sessions that log in, are shown to all contacts, and log out. */
async function comers(target: Target): Promise<void> {
  await contacts(target, CONTACTS);
  const again = async (number: number): Promise<void> => {
    for (;;) {
      const client = await Client.login(target, FLOODER, `r${number}`).catch(() => undefined);
      client?.write(status(15_000));
      await client?.close();
    }
  };
  for (let number = 0; number < 10; number += 1) void again(number);
}

async function accounts(target: Target): Promise<void> {
  for (let count = 0; ; count += 1) {
    const name = `new${process.pid}-${count}`;
    await Client.register(target, name);
    const client = await Client.login(target, name, 'r');
    const items = Array.from({ length: 200 }, (_none, number) =>
      ['subscribe', 'subscribed'].map(
        (type) => `<presence type='${type}' to='${contact(number)}@${target.domain}'/>`,
      ),
    );
    client.write(`<presence/>${items.flat().join('')}`);
    client.write(iq('set', `<query xmlns='jabber:iq:register'><remove/></query>`));
    await client.closed;
  }
}

export const FLOODS: Readonly<Record<string, Flood>> = {
  none: { what: 'no flood', run: () => sleep(0) },
  'private-300': {
    what: 'one query for a private document of 240 kB, 300 times in it',
    run: repeating(
      () => privately('get', `<e xmlns='u'/>`.repeat(300)),
      privately('set', `<e xmlns='u'>${elements('<x/>', 240_000)}</e>`),
    ),
  },
  'private-get': {
    what: 'queries of 77 bytes for a private document of 60,000 elements',
    run: repeating(
      () => privately('get', `<e xmlns='u'/>`),
      privately('set', `<e xmlns='u'>${elements('<x/>', 240_000)}</e>`),
    ),
  },
  'private-set': {
    what: 'private documents of 250 kB, stored again and again',
    run: repeating(() => privately('set', `<e xmlns='u'>${elements('<x/>', LARGE_STANZA_BYTES)}</e>`)),
  },
  'private-many': {
    what: 'private queries with 10,000 names in them',
    run: repeating(() =>
      privately('get', Array.from({ length: 10_000 }, (_none, at) => `<e xmlns='u${at}'/>`).join('')),
    ),
  },
  deaf: {
    what: '48 sessions of one account that do not read, 250 kB messages to all',
    run: (target) => toSessions(target, false),
  },
  sessions: {
    what: '48 sessions of one account that read, 250 kB messages to all',
    run: (target) => toSessions(target, true),
  },
  elements: {
    what: 'messages of 62,500 elements to oneself',
    run: repeating(({ domain }) => chat(`${FLOODER}@${domain}`, elements('<x/>', LARGE_STANZA_BYTES))),
  },
  prefixes: {
    what: 'messages of 41,000 elements with a prefix to oneself',
    run: repeating(({ domain }) =>
      chat(`${FLOODER}@${domain}`, `<y xmlns:a='u'>${elements('<a:x/>', LARGE_STANZA_BYTES - 100)}</y>`),
    ),
  },
  attributes: {
    what: 'messages with 100 attributes an element to oneself',
    run: repeating(({ domain }) => {
      const names = Array.from({ length: 99 }, (_none, at) => ` a${at}=''`).join('');
      return chat(`${FLOODER}@${domain}`, elements(`<x${names}/>`, LARGE_STANZA_BYTES));
    }),
  },
  'error-echo': {
    what: 'messages of 62,500 elements to nobody, which come back as errors',
    run: repeating(({ domain }) => chat(`nobody@${domain}`, elements('<x/>', LARGE_STANZA_BYTES))),
  },
  'query-echo': {
    what: 'queries of 62,500 elements that nobody answers',
    run: repeating(({ domain }) =>
      iq('get', `<query xmlns='u'>${elements('<password/>', LARGE_STANZA_BYTES)}</query>`, domain),
    ),
  },
  roster: {
    what: 'queries for a roster of 200 kB',
    run: repeating(() => iq('get', `<query xmlns='jabber:iq:roster'/>`)),
  },
  'roster-groups': {
    what: 'queries for a roster of 50,000 groups',
    run: async (target) => {
      (await flooder(target, 'f', contact(1))).flood(iq('get', `<query xmlns='jabber:iq:roster'/>`));
    },
  },
  'roster-set': {
    what: 'roster sets, each pushed to 48 sessions',
    run: async (target) => {
      await inParallel(MAX_SESSIONS, 8, async (number) => {
        (await flooder(target, `s${number}`)).write(iq('get', `<query xmlns='jabber:iq:roster'/>`));
      });
      const item = `<item jid='contact0@${target.domain}' name='${'n'.repeat(500)}'/>`;
      (await flooder(target)).flood(iq('set', `<query xmlns='jabber:iq:roster'>${item}</query>`));
    },
  },
  broadcast: { what: 'presence of 15 kB to 1,000 contacts', run: broadcast },
  come: { what: 'presence and its end, where 400 sessions of contacts are seen', run: comeAndGo },
  directed: { what: 'directed presence to 1,000 addresses, and its end', run: direct },
  comers: { what: 'sessions that come and go, seen by 1,000 contacts', run: comers },
  probes: {
    what: 'probes of a contact with 20 sessions and 15 kB of presence each',
    run: async (target) => {
      await contacts(target, 1, 20, status(15_000));
      (await flooder(target)).flood(`<presence type='probe' to='${contact(0)}@${target.domain}'/>`);
    },
  },
  subscribe: {
    what: 'subscriptions to 1,000 accounts, and their end',
    run: repeating(({ domain }) =>
      Array.from({ length: 1000 }, (_none, number) =>
        ['unsubscribe', 'subscribe'].map(
          (type) => `<presence type='${type}' to='${contact(number)}@${domain}'/>`,
        ),
      )
        .flat()
        .join(''),
    ),
  },
  offline: {
    what: '1,000 offline messages of 16 kB at one presence',
    run: (target) => fetchOffline(target, true),
  },
  'offline-deaf': {
    what: 'the same, by clients that do not read',
    run: (target) => fetchOffline(target, false),
  },
  'offline-fill': {
    what: 'messages to somebody who is away',
    run: repeating(({ domain }) => chat(`${contact(2)}@${domain}`, `<body>${'x'.repeat(1000)}</body>`)),
  },
  vcard: {
    what: 'queries for a vCard of 250 kB',
    run: repeating(
      () => iq('get', `<vCard xmlns='vcard-temp'/>`),
      iq('set', `<vCard xmlns='vcard-temp'>${elements('<x/>', LARGE_STANZA_BYTES)}</vCard>`),
    ),
  },
  disco: {
    what: 'disco, last, time, version, agents, register',
    run: repeating(({ domain }) =>
      [
        ...[
          'http://jabber.org/protocol/disco#info',
          'http://jabber.org/protocol/disco#items',
          'jabber:iq:last',
        ],
        ...[
          'jabber:iq:version',
          'jabber:iq:time',
          'jabber:iq:agents',
          'jabber:iq:register',
          'jabber:iq:browse',
        ],
      ]
        .map((namespace) => iq('get', `<query xmlns='${namespace}'/>`, domain))
        .join(''),
    ),
  },
  logins: { what: 'logins with a wrong password, 20 at once', run: logins },
  accounts: { what: 'accounts that are made, subscribe to 200 others, and are removed', run: accounts },
};
