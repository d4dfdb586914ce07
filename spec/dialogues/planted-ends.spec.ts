/** Nothing that a client says is the end of a session, whoever wrote the 510 in it first. [README.SM 510] [jabberd 1.1.2] */
import { expect } from 'chai';
import { parse, type Element } from '../../lib/xml/index.js';
import type { Client } from '../support/client.js';
import { told, type Story } from '../support/story.js';

/** How jabberd 1.1.2 finds a 510: by names as they are written, among what stands directly inside. */
function ends(packet: Element): boolean {
  return packet.elements.some((child) => child.name === 'error' && child.attribute('code') === '510');
}

/** Forms of an error with a 510, and the same with the code that it is sent with. */
const FORMS: Readonly<Record<string, readonly [said: string, sent: string]>> = {
  'a message of its own': [
    `<message type='error'><error code='510'>Disconnected</error></message>`,
    `<message type='error'><error code='503'>Disconnected</error></message>`,
  ],
  'a presence': [
    `<presence type='error'><error code='510'/></presence>`,
    `<presence type='error'><error code='503'/></presence>`,
  ],
  'the echo of libpurple, its own error behind': [
    `<iq type='error' id='q' to='mallory@localhost/x'><query xmlns='urn:nobody:knows'/><error code='510'>Disconnected</error><error type='cancel' code='501'/></iq>`,
    `<iq type='error' id='q' to='mallory@localhost/x'><query xmlns='urn:nobody:knows'/><error code='503'>Disconnected</error><error type='cancel' code='501'/></iq>`,
  ],
  'an error before it': [
    `<iq type='error'><error code='404'/><error code='510'/></iq>`,
    `<iq type='error'><error code='404'/><error code='503'/></iq>`,
  ],
  'several of them': [
    `<iq type='error'><error code='510'/><a/><error code='510'/><error code='510'>x</error></iq>`,
    `<iq type='error'><error code='503'/><a/><error code='503'/><error code='503'>x</error></iq>`,
  ],
  'other attributes before and behind': [
    `<iq id='1' type='error'><error xmlns='urn:x' a='>' code="510" type='cancel'/></iq>`,
    `<iq id='1' type='error'><error xmlns='urn:x' a='>' code="503" type='cancel'/></iq>`,
  ],
  'references for the digits': [
    `<iq type='&#101;rror'><error code='&#x35;1&#48;'/></iq>`,
    `<iq type='&#101;rror'><error code='503'/></iq>`,
  ],
  'white space wherever XML has it': [
    `<iq type = 'error'><error\n\tcode\n=\n"510"\n/></iq>`,
    `<iq type = 'error'><error\n\tcode\n=\n"503"\n/></iq>`,
  ],
  'a number that means the same': [
    `<iq type='error'><error code='0510'/><error code=' 510 '/><error code='+510'/></iq>`,
    `<iq type='error'><error code='503'/><error code='503'/><error code='503'/></iq>`,
  ],
  'a prefix': [
    `<iq type='error'><c:error xmlns:c='jabber:client' code='510'/></iq>`,
    `<iq type='error'><c:error xmlns:c='jabber:client' code='503'/></iq>`,
  ],
  'text, sections and elements before it that look like others': [
    `<iq type='error'>5<![CDATA[<error code='510'/></iq>]]><e a='/>&lt;error code="510"/>'><error code='510'/></e><error code='510'/></iq>`,
    `<iq type='error'>5<![CDATA[<error code='510'/></iq>]]><e a='/>&lt;error code="510"/>'><error code='510'/></e><error code='503'/></iq>`,
  ],
  'a get, which jabberd’s own socket manager takes for an end too': [
    `<iq type='get' id='q' to='romeo@localhost/x'><query xmlns='urn:nobody:knows'/><error code='510'>Disconnected</error></iq>`,
    `<iq type='get' id='q' to='romeo@localhost/x'><query xmlns='urn:nobody:knows'/><error code='503'>Disconnected</error></iq>`,
  ],
};

const stamp = ({ address, session }: Client): string => ` sfrom='${address}' sto='${session}'`;

/** The text with the addressing behind the attributes that it has, as we write it. */
function stamped(text: string, client: Client): string {
  return text.replace(/^(<\w+(?: \w+ ?= ?'[^']*')*)/, `$1${stamp(client)}`);
}

describe('a 510 that a client sends', () => {
  for (const [form, [said, sent]] of Object.entries(FORMS)) {
    it(
      `goes on as another error, and the rest as it was: ${form}`,
      told(async (story) => {
        const juliet = await story.user('juliet');
        juliet.send(said);
        await story.link.expectSource(stamped(sent, juliet));
        expect(ends(parse(sent))).to.equal(false);
        await story.expectQuiet(juliet);
      }),
    );
  }

  it(
    'is none where it stands deeper inside, is no number, or has another name: that goes on as it was',
    told(async (story) => {
      const juliet = await story.user('juliet');
      for (const content of [
        `<x><error code='510'/></x>`,
        `<error code='5100'/>`,
        `<error code='abc'/>`,
        `<error code=''/>`,
        `<error>510</error>`,
        `<errors code='510'/>`,
        `<error.code code='510'/>`,
        `<my-error code='510'/>`,
        `<error other='510'/>`,
      ]) {
        const said = `<message type='error'>${content}</message>`;
        juliet.send(said);
        await story.link.expectSource(stamped(said, juliet));
      }
    }),
  );

  it(
    'ends nobody either when the client has been replaced and does not know it yet',
    told(async (story) => {
      const juliet = await story.user('juliet');
      const again = await story.asking('juliet');
      juliet.send(`<message type='error'><error code='510'/></message>`);
      expect(ends(await story.link.packet())).to.equal(false);
      await story.accept(again);
      await juliet.expectError('conflict');
      await story.expectQuiet(again);
    }),
  );

  it(
    'costs no more than any other stanza, however many there are in it',
    told(async (story) => {
      const juliet = await story.user('juliet');
      const many = 3000;
      juliet.send(`<message type='error'>${`<error code='510'/><x/>`.repeat(many)}</message>`);
      const source = await story.link.source();
      expect(source.split(`<error code='503'/>`)).to.have.length(many + 1);
      await story.expectQuiet(juliet);
    }),
  );
});

describe('a 510 that another user has planted in what is for a client', () => {
  const planted = (attributes: string): string =>
    `<message ${attributes} from='mallory@localhost/x' to='juliet@localhost/Balcony'><error code='510' type='chat'>Disconnected</error><body>hi</body></message>`;

  async function gone(story: Story, juliet: Client): Promise<void> {
    await juliet.drop();
    await story.link.packet();
  }

  it(
    'does not stand before ours when the message goes back: jabberd takes the first [jabberd 1.1.2 jsm]',
    told(async (story) => {
      const juliet = await story.user('juliet');
      await gone(story, juliet);
      story.link.send(planted(`type='normal' sto='${juliet.address}' sfrom='juliet@localhost'`));
      const back = await story.link.packet();
      const errors = back.elements.filter(({ name }) => name === 'error');
      expect(errors.map(String)).to.deep.equal([
        `<error code='503' type='chat'>Disconnected</error>`,
        `<error code='510' type='normal'>Disconnected</error>`,
      ]);
    }),
  );

  it(
    'is not in front of the end that the session manager says: an error that comes back whole ends the session',
    told(async (story) => {
      const juliet = await story.user('juliet');
      const { address, session } = juliet;
      story.link.send(
        `<iq type='error' id='q' sfrom='${session}' sto='${address}'><error code='501'/><error code='510' type='error'>Disconnected</error></iq>`,
      );
      await juliet.expectError('undefined-condition');
    }),
  );
});
