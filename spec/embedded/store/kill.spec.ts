import { mkdtempSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { Store } from '../../../lib/embedded/store/store.js';
import { Program } from '../../cli/program.js';
import { login, PING, query, register, result, set, User } from '../support/user.js';

const JULIET = 'juliet@localhost';
const ROMEO = 'romeo@localhost';

interface Actors {
  readonly juliet: User;
  readonly romeo: User;
}

/** One stanza of the story, how it is acknowledged, and what must be there from then on. */
interface Step {
  readonly name: string;
  act(actors: Actors): Promise<void>;
  kept(store: Store): void;
}

const message = (body: string): string => `<message to='${ROMEO}' type='chat'><body>${body}</body></message>`;
const bodies = (store: Store): string[] =>
  store.offline.list(ROMEO).map(({ stanza }) => /<body>(.*)<\/body>/.exec(stanza)![1]);

/** @returns the steps that store something; the logins between them store nothing */
const STORY: readonly Step[] = [
  {
    name: 'an account is made',
    act: ({ juliet }) => juliet.say(register('juliet'), result('reg')),
    kept: (store) => expect(store.accounts.password(JULIET)).to.equal('pass'),
  },
  {
    name: 'another one',
    act: ({ romeo }) => romeo.say(register('romeo'), result('reg')),
    kept: (store) => expect(store.accounts.password(ROMEO)).to.equal('pass'),
  },
  {
    name: 'a contact is added',
    async act({ juliet }) {
      await juliet.say(login('juliet'), result('in'));
      const item = `<item jid='${ROMEO}' name='R'><group>Lovers</group></item>`;
      await juliet.say(set('add', query('jabber:iq:roster', item)), result('add'));
    },
    kept: (store) =>
      expect(store.rosters.get(JULIET, ROMEO)).to.deep.include({ name: 'R', groups: ['Lovers'] }),
  },
  {
    name: 'XML is stored',
    act: ({ juliet }) =>
      juliet.say(set('note', query('jabber:iq:private', `<n xmlns='urn:n'>x</n>`)), result('note')),
    kept: (store) =>
      expect(store.documents.get(JULIET, 'private n urn:n')).to.equal(`<n xmlns='urn:n'>x</n>`),
  },
  {
    name: 'a card is stored',
    act: ({ juliet }) =>
      juliet.say(set('card', `<vCard xmlns='vcard-temp'><FN>J</FN></vCard>`), result('card')),
    kept: (store) => expect(store.documents.get(JULIET, 'vcard-temp')).to.contain('<FN>J</FN>'),
  },
  ...['one', 'two', 'three'].map((body) => ({
    name: `message ${body} waits`,
    act: ({ juliet }: Actors) => juliet.say(message(body) + PING, result('ping')),
    kept: (store: Store) => expect(bodies(store)).to.include(body),
  })),
  {
    name: 'a subscription is asked for',
    act: ({ juliet }) => juliet.say(`<presence type='subscribe' to='${ROMEO}'/>${PING}`, result('ping')),
    kept(store) {
      expect(store.rosters.get(JULIET, ROMEO)!.mine).to.not.equal('none');
      expect(store.rosters.get(ROMEO, JULIET)!.theirs).to.not.equal('none');
    },
  },
  {
    name: 'it is granted',
    async act({ romeo }) {
      await romeo.say(login('romeo'), result('in'));
      await romeo.say(`<presence type='subscribed' to='${JULIET}'/>${PING}`, result('ping'));
    },
    kept(store) {
      expect(store.rosters.get(JULIET, ROMEO)!.mine).to.equal('granted');
      expect(store.rosters.get(ROMEO, JULIET)!.theirs).to.equal('granted');
    },
  },
  {
    name: 'a password is changed',
    act: ({ romeo }) =>
      romeo.say(
        set('pw', query('jabber:iq:register', `<username>romeo</username><password>new</password>`)),
        result('pw'),
      ),
    kept: (store) => expect(store.accounts.password(ROMEO)).to.equal('new'),
  },
];

describe('embedded: kill -9 after any stanza that was acknowledged', function () {
  this.timeout(30_000);
  let directory: string;
  let programs: Program[];
  let sockets: Socket[];
  const start = (): Program => {
    const program = new Program(['--listen', '0', '--data', directory]);
    programs.push(program);
    return program;
  };
  const user = async (program: Program): Promise<User> => {
    const made = await User.connect(program);
    sockets.push(made.socket);
    return made;
  };
  /** The story up to a stanza; the program is dead the moment that it was acknowledged. */
  async function killedAfter(count: number): Promise<void> {
    const program = start();
    const actors = { juliet: await user(program), romeo: await user(program) };
    for (const step of STORY.slice(0, count)) await step.act(actors);
    await program.discard();
  }
  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'sm-component-'));
    [programs, sockets] = [[], []];
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    await Promise.all(programs.map((program) => program.discard()));
    rmSync(directory, { recursive: true });
  });

  for (const [at, { name }] of STORY.entries()) {
    it(`${name}: all so far is there`, async () => {
      await killedAfter(at + 1);
      const store = Store.open(directory);
      // A password that was changed is not what it was.
      const changed = at === STORY.length - 1 ? [STORY[1]] : [];
      for (const step of STORY.slice(0, at + 1)) if (!changed.includes(step)) step.kept(store);
      store.close();
    });
  }

  it('starts again, and gives out what waited, each message once and in order', async () => {
    await killedAfter(8);
    const again = start();
    const romeo = await user(again);
    await romeo.say(login('romeo'), result('in'));
    await romeo.say(`<presence/>${PING}`, result('ping'));
    expect([...romeo.heard.matchAll(/<body>(\w+)<\/body>/g)].map(([, body]) => body)).to.deep.equal([
      'one',
      'two',
      'three',
    ]);
    await romeo.say(PING, result('ping'));
    await again.discard();
    const store = Store.open(directory);
    expect(bodies(store)).to.deep.equal([]);
    store.close();
  });

  it('an account that was removed is gone for good, with all that was its', async () => {
    await killedAfter(10);
    const again = start();
    const juliet = await user(again);
    await juliet.say(login('juliet'), result('in'));
    await juliet.say(set('bye', query('jabber:iq:register', '<remove/>')), result('bye'));
    await again.discard();
    const store = Store.open(directory);
    expect(store.accounts.list()).to.deep.equal([ROMEO]);
    expect(store.documents.get(JULIET, 'vcard-temp')).to.equal(undefined);
    expect(store.rosters.get(ROMEO, JULIET)).to.include({ theirs: 'none', mine: 'none' });
    store.close();
  });

  it('a burst that is cut by the kill has left a beginning of itself, without a gap', async () => {
    await killedAfter(3);
    const again = start();
    const juliet = await user(again);
    await juliet.say(login('juliet'), result('in'));
    const burst = Array.from(
      { length: 500 },
      (_none, at) => message(String(at)) + (at === 100 ? PING : ''),
    ).join('');
    await juliet.say(burst, result('ping'));
    await again.discard();
    const store = Store.open(directory);
    const kept = bodies(store);
    store.close();
    expect(kept.length).to.be.at.least(101);
    expect(kept).to.deep.equal(kept.map((_body, at) => String(at)));
  });
});
