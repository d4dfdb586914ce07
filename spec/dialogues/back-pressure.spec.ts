/** Nobody is made to wait by somebody else, and nothing is lost: clients that do not read, and a link that is full. [jabberd 1.1.2] */
import { expect } from 'chai';
import { parse } from '../../lib/xml/index.js';
import { OLD, type Client } from '../support/client.js';
import { expectSame } from '../support/same.js';
import { ended, told, type Story } from '../support/story.js';

const BODY = 'x'.repeat(1000);

function message(to: Client, id: number): string {
  return `<message type='chat' id='${id}' sto='${to.address}' sfrom='${to.bare}'><body>${BODY}</body></message>`;
}

/** The session manager sends to a client that does not read, until that is ended; says how many messages that took. */
async function fill(story: Story, idle: Client, bystander: Client): Promise<number> {
  const gone = story.log.line(/^client gone/).then((line) => line.details);
  let over = false;
  void gone.then(() => (over = true));
  let count = 0;
  while (!over) {
    let batch = '';
    for (let end = count + 50; count < end; count += 1) batch += message(idle, count);
    story.link.send(batch + `<message sto='${bystander.address}' sfrom='${bystander.bare}'/>`);
    await bystander.expect('<message/>');
    expect(count, 'messages to somebody who does not read').to.be.below(50_000);
  }
  expect((await gone)['reason']).to.equal('the client does not read');
  return count;
}

describe('a client that does not read', function () {
  this.timeout(20_000);

  it(
    'is ended at the limit: session end first, then what it did not get goes back whole and in order; nobody else waits',
    told(
      async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        const idle = await story.user('juliet');
        idle.socket.pause();
        const count = await fill(story, idle, romeo);
        await story.link.expect(ended(idle.address, idle.session));
        let next: number | undefined;
        do {
          const bounce = parse(await story.link.source());
          const id = Number(bounce.attribute('id'));
          expect(id).to.equal(next ?? id);
          expect(bounce.attribute('type')).to.equal('error');
          expect(bounce.attribute('sto')).to.equal('juliet@localhost');
          expect(bounce.childText('body')).to.equal(BODY);
          expect(bounce.child('error')!.attribute('type')).to.equal('chat');
          next = id + 1;
        } while (next < count);
        await story.expectQuiet(romeo);
      },
      { limits: { clientQueueBytes: 65_536 } },
    ),
  );

  it(
    'has got all that does not go back',
    told(
      async (story) => {
        const romeo = await story.user('romeo', 'Orchard');
        const idle = await story.user('juliet');
        idle.socket.pause();
        await fill(story, idle, romeo);
        await story.link.expect(ended(idle.address, idle.session));
        const first = Number(parse(await story.link.source()).attribute('id'));
        idle.socket.resume();
        await idle.over;
        // one write may have left in part, so some may be there twice; none may be nowhere
        for (let id = 0; id < first; id += 1) {
          await idle.expect(`<message type='chat' id='${id}'><body>${BODY}</body></message>`);
        }
      },
      { limits: { clientQueueBytes: 65_536 } },
    ),
  );

  it(
    'is not what a client is that gets much at once and reads it',
    told(async (story) => {
      const juliet = await story.user('juliet');
      let burst = '';
      for (let id = 0; id < 3000; id += 1) burst += message(juliet, id);
      story.link.send(burst);
      for (let id = 0; id < 3000; id += 1) {
        await juliet.expectSource(`<message type='chat' id='${id}'><body>${BODY}</body></message>`);
      }
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'does not keep its place when it is replaced: what waited goes back and reaches the new session',
    told(
      async (story) => {
        const idle = await story.user('juliet');
        idle.socket.pause();
        const romeo = await story.user('romeo', 'Orchard');
        // more than the system takes, less than our limit
        let count = 0;
        for (; count < 6000; count += 1) story.link.send(message(idle, count));
        story.link.send(`<message sto='${romeo.address}' sfrom='${romeo.bare}'/>`);
        await romeo.expect('<message/>');
        story.clock.install();
        const young = await story.asking('juliet');
        await story.accept(young);
        story.clock.advance(2_000);
        await story.gone(idle);
        let next: number | undefined;
        do {
          const bounce = parse(await story.link.source());
          expect(bounce.attribute('sto'), 'no session end').to.equal('juliet@localhost');
          const id = Number(bounce.attribute('id'));
          expect(id).to.equal(next ?? id);
          next = id + 1;
        } while (next < count);
        await story.expectQuiet(young);
      },
      { limits: { clientQueueBytes: 64_000_000 } },
    ),
  );
});

/** Says the same again and again to a server whose answers it does not read. */
async function talkWithoutReading(story: Story, client: Client, text: string): Promise<void> {
  client.socket.pause();
  const gone = story.gone(client);
  let over = false;
  void gone.then(() => (over = true));
  for (let said = 0; !over; said += 1) {
    expect(said, 'answers that nobody reads').to.be.below(5_000);
    if (!client.socket.write(text)) await new Promise(setImmediate);
  }
  expect(await gone).to.equal('the client does not read');
}

describe('a client that does not read what we answer it ourselves', function () {
  this.timeout(20_000);

  it(
    'is ended at the limit after login: refused elements',
    told(
      async (story) => {
        const juliet = await story.user('juliet', 'Balcony', OLD);
        await talkWithoutReading(story, juliet, `<xdb id='${'x'.repeat(10_000)}'/>`);
        await story.link.expect(ended(juliet.address, juliet.session));
      },
      { limits: { clientQueueBytes: 65_536 } },
    ),
  );

  it(
    'is ended at a lower limit before login: logins that lack a password',
    told(
      async (story) => {
        const stranger = await story.client();
        const query = `<query xmlns='jabber:iq:auth'><username>juliet</username></query>`;
        await talkWithoutReading(story, stranger, `<iq type='set' id='${'x'.repeat(10_000)}'>${query}</iq>`);
      },
      { limits: { heldBytes: 65_536, clientQueueBytes: 1_000_000_000, loginAttempts: 100_000 } },
    ),
  );
});

/** Time passes until that has come. */
async function passing<T>(story: Story, milliseconds: number, expected: Promise<T>): Promise<T> {
  let come = false;
  void expected.then(() => (come = true));
  while (!come) {
    story.clock.advance(milliseconds);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return expected;
}

describe('a session manager that takes all there is and has no time for it', function () {
  this.timeout(20_000);

  const COUNT = 2_000;

  function flood(): string {
    let text = '';
    for (let id = 0; id < COUNT; id += 1) text += `<message id='${id}'><body>${BODY}</body></message>`;
    return text;
  }

  const idOf = (source: string): number => Number(/^<message id='(\d+)'/.exec(source)?.[1] ?? NaN);

  /**
   * What may be on its way at first: packets by their length, and a little for each. What was sent before that was much
   * is not counted.
   */
  const FIRST = 262_144 * (9 / 8);

  /**
   * What the session manager gets before it has sent a mark back: as much as may be on its way. Then comes a stanza of
   * somebody who has said nothing before, and so waits for nobody.
   */
  async function full(story: Story, quiet: Client, marks: string[]): Promise<string[]> {
    const sources: string[] = [];
    let cost = 0;
    for (;;) {
      const source = await story.link.source();
      if (source.startsWith(`<iq type='get' id='now'`)) return sources;
      if (source.startsWith('<iq')) marks.push(source);
      else sources.push(source);
      const isFull = cost >= FIRST;
      cost += source.length + 256;
      if (cost >= FIRST && !isFull) quiet.send(`<iq type='get' id='now'/>`);
    }
  }

  /** Juliet floods it until it is full; Romeo has said nothing before. */
  async function flooded(story: Story) {
    story.link.returnsProbes = false;
    const juliet = await story.user('juliet');
    const romeo = await story.user('romeo');
    juliet.send(flood());
    const marks: string[] = [];
    const came = await full(story, romeo, marks);
    return { juliet, romeo, marks, came };
  }

  /** The end of a session, behind what was read of it. */
  async function endOf(story: Story, client: Client): Promise<void> {
    expectSame(await nextOther(story), ended(client.address, client.session));
  }

  /** The next message that is none of the flood. */
  async function nextOther(story: Story): Promise<string> {
    let source: string;
    do source = await nextMessage(story);
    while (!Number.isNaN(idOf(source)));
    return source;
  }

  /** The next message; marks go back as they come. */
  async function nextMessage(story: Story): Promise<string> {
    for (;;) {
      const source = await story.link.source();
      if (source.startsWith('<message')) return source;
      story.link.send(source);
    }
  }

  it(
    'gets no more than it takes: clients wait at marks that do not come back, and who is quiet does not',
    told(async (story) => {
      const { juliet, romeo, marks, came } = await flooded(story);
      // a share may be too much
      expect(came.length).to.be.below((FIRST + 8192) / (1_000 + 256));
      expect(marks).to.have.lengthOf(1);
      story.link.send(marks[0]);
      for (const [id, source] of came.entries()) expect(idOf(source)).to.equal(id);
      for (let id = came.length; id < COUNT; id += 1) expect(idOf(await nextMessage(story))).to.equal(id);
      story.link.returnsProbes = true;
      await story.expectQuiet(juliet);
      await story.expectQuiet(romeo);
    }),
  );

  it(
    'gets a share of each in turn where several have much to say',
    told(async (story) => {
      story.link.returnsProbes = false;
      const nurse = await story.user('nurse');
      const crowd = [await story.user('juliet'), await story.user('romeo'), await story.user('mercutio')];
      for (const client of crowd) client.send(flood());
      const marks: string[] = [];
      const sender = (source: string): string => parse(source).attribute('sfrom')!;
      const seen = new Set((await full(story, nurse, marks)).map(sender));
      // Whoever comes when it is full says one share, and waits.
      while (seen.size < crowd.length) seen.add(sender(await story.link.source()));
      story.link.send(marks[0]);
      const next = new Set<string>();
      for (let count = 0; count < 60; count += 1) next.add(sender(await nextMessage(story)));
      expect([...next]).to.have.members(crowd.map(({ address }) => address));
    }),
  );

  it(
    'is believed to need no rest when it sends nothing back for a second',
    told(async (story) => {
      story.link.returnsProbes = false;
      const juliet = await story.user('juliet');
      const romeo = await story.user('romeo');
      story.clock.install();
      juliet.send(flood());
      const marks: string[] = [];
      let next = (await full(story, romeo, marks)).length;
      expect(next).to.be.below(COUNT);
      expect(marks).to.have.lengthOf(1);
      story.clock.advance(1_000);
      for (; next < COUNT; next += 1) expect(idOf(await story.link.source())).to.equal(next);
      story.link.send(marks[0]);
      story.link.returnsProbes = true;
      await story.expectQuiet(juliet);
    }),
  );

  it(
    'gets all of a client that has closed its side while it waited, and then its end',
    told(async (story) => {
      story.link.returnsProbes = false;
      const juliet = await story.user('juliet');
      const romeo = await story.user('romeo');
      juliet.socket.end(flood());
      const marks: string[] = [];
      let next = (await full(story, romeo, marks)).length;
      story.link.returnsProbes = true;
      for (const mark of marks) story.link.send(mark);
      for (; next < COUNT; next += 1) expect(idOf(await story.link.source())).to.equal(next);
      await story.link.expect(ended(juliet.address, juliet.session));
      await story.expectQuiet(romeo);
    }),
  );

  /** The session manager is read, and so is all that was sent before. */
  async function roundTrip(story: Story, romeo: Client): Promise<void> {
    for (let count = 0; count < 3; count += 1) {
      story.link.send(`<message id='trip' sto='${romeo.address}' sfrom='${romeo.bare}'/>`);
      await romeo.expect(`<message id='trip'/>`);
    }
  }

  const LATE = 5_000;

  /** Messages come for a client that has gone; it is not heard of before there is room for what it said. */
  async function sendLate(story: Story, client: Client, romeo: Client): Promise<void> {
    await roundTrip(story, romeo);
    for (let id = LATE; id < LATE + 100; id += 1) story.link.send(message(client, id));
    await roundTrip(story, romeo);
  }

  /** All of those go back, each once and in its order. */
  async function expectLate(story: Story): Promise<void> {
    for (let id = LATE; id < LATE + 100; id += 1) {
      const bounce = parse(await nextOther(story));
      expect(bounce.attribute('type')).to.equal('error');
      expect(bounce.attribute('id')).to.equal(`${id}`);
      expect(bounce.childText('body')).to.equal(BODY);
    }
  }

  const WAYS: Record<string, (client: Client) => Promise<void>> = {
    'closed its connection': (client) => client.drop(),
    'closed its side': (client) => Promise.resolve(void client.socket.end()),
    'broke off': (client) => client.reset(),
  };

  for (const [way, leave] of Object.entries(WAYS)) {
    it(
      `gets back what it has for a client that ${way} while it waited, behind what that said and its end`,
      told(async (story) => {
        const nurse = await story.user('nurse');
        const { romeo, marks } = await flooded(story);
        // A share may always be said; what she says then waits.
        nurse.send(`<message id='first'/>`);
        await story.link.expect(`<message id='first' sfrom='${nurse.address}' sto='${nurse.session}'/>`);
        await nurse.sent(`<message id='last'/>`);
        await roundTrip(story, romeo);
        await leave(nurse);
        await sendLate(story, nurse, romeo);
        story.link.send(marks[0]);
        expectSame(
          await nextOther(story),
          `<message id='last' sfrom='${nurse.address}' sto='${nurse.session}'/>`,
        );
        await endOf(story, nurse);
        await expectLate(story);
      }),
    );
  }

  for (const way of ['closed its connection', 'broke off']) {
    it(
      `gets back what it has for a client that ${way} while it waited, though that had said more than is read of it`,
      told(async (story) => {
        const { juliet, romeo, marks } = await flooded(story);
        await WAYS[way](juliet);
        await sendLate(story, juliet, romeo);
        // its system says that it is gone, or it is heard of in its turn
        story.link.send(marks[0]);
        await endOf(story, juliet);
        await expectLate(story);
      }),
    );
  }

  it(
    'hears of the end of a client that broke off while it waited, and others get its turns',
    told(async (story) => {
      const { juliet, romeo, marks } = await flooded(story);
      await juliet.reset();
      story.link.send(marks[0]);
      await endOf(story, juliet);
      story.link.returnsProbes = true;
      await story.expectQuiet(romeo);
    }),
  );
});

describe('a link that is full', function () {
  this.timeout(20_000);

  it(
    'makes clients wait, not lose: they are read again, in order, when there is room',
    told(
      async (story) => {
        const juliet = await story.user('juliet');
        story.link.socket.pause();
        const count = 30_000;
        let text = '';
        for (let id = 0; id < count; id += 1) text += `<message id='${id}'><body>${BODY}</body></message>`;
        let taken = false;
        const sent = juliet.sent(text).then(() => (taken = true));
        // what comes for a client that is not read goes out behind a test of it
        for (let round = 0; round < 5; round += 1) {
          story.link.send(`<message id='${round}' sto='${juliet.address}' sfrom='${juliet.bare}'/>`);
          await juliet.expect(`<message id='${round}'/>`);
        }
        expect(taken, 'all was read').to.equal(false);
        story.link.socket.resume();
        await sent;
        for (let id = 0; id < count; id += 1) {
          const source = await story.link.source();
          if (!source.startsWith(`<message id='${id}'`)) expect(source).to.equal(`message ${id}`);
        }
        await story.expectQuiet(juliet);
      },
      { limits: { linkQueueBytes: 65_536 } },
    ),
  );

  it(
    'makes clients wait while it is away, and gets everything when it is back',
    told(
      async (story) => {
        const juliet = await story.user('juliet');
        const romeo = await story.user('romeo', 'Orchard');
        story.clock.install();
        await story.loseLink();
        const count = 20_000;
        let text = '';
        for (let id = 0; id < count; id += 1) text += `<message id='${id}'><body>${BODY}</body></message>`;
        let taken = false;
        const sent = juliet.sent(text).then(() => (taken = true));
        // each of these is a round trip through the socket manager
        for (let round = 0; round < 20; round += 1) {
          const client = await story.connected();
          client.send('</nonsense>');
          await client.header();
        }
        expect(taken, 'all was read').to.equal(false);
        story.clock.advance(700);
        story.link = await story.sm.link();
        await sent;
        for (let id = 0; id < count; id += 1) {
          const source = await story.link.source();
          if (!source.startsWith(`<message id='${id}'`)) expect(source).to.equal(`message ${id}`);
        }
        await story.expectQuiet(juliet);
        await story.expectQuiet(romeo);
      },
      { limits: { linkQueueBytes: 65_536 } },
    ),
  );

  it(
    'has what was not begun to be sent when it was lost sent over the next one, in order to the last',
    told(
      async (story) => {
        const juliet = await story.user('juliet', 'Balcony', OLD);
        story.clock.install();
        story.link.socket.pause();
        const count = 40_000;
        for (let id = 0; id < count; id += 1)
          juliet.send(`<message id='${id}'><body>${BODY}</body></message>`);
        // the answer to this one means that all was read
        juliet.send('<log/>');
        await passing(story, 2_000, juliet.stanza());
        await story.loseLink();
        story.clock.advance(700);
        story.link = await story.sm.link();
        let next: number | undefined;
        do {
          const id = Number(/^<message id='(\d+)'/.exec(await story.link.source())?.[1]);
          expect(id).to.equal(next ?? id);
          next = id + 1;
        } while (next < count);
        await story.expectQuiet(juliet);
      },
      { limits: { linkQueueBytes: 1_000_000_000 } },
    ),
  );
});
