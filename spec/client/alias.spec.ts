import { expect } from 'chai';
import { aliasFor, toAlias, toHost } from '../../lib/client/alias.js';
import { stanza } from '../support/stanza.js';

const ALIASES = new Map([
  ['old.example', 'new.example'],
  ['older.example', 'new.example'],
]);
const DEFAULT = new Map([...ALIASES, ['', 'any.example']]);
const OLD = { alias: 'old.example', host: 'new.example' };

describe('an alias', () => {
  const cases: [string, ReadonlyMap<string, string>, string | undefined, string[], typeof OLD | undefined][] =
    [
      ['a name that has one', ALIASES, 'old.example', [], OLD],
      ['a second name', ALIASES, 'older.example', [], { alias: 'older.example', host: 'new.example' }],
      ['a name that has none', ALIASES, 'new.example', [], undefined],
      ['no name', ALIASES, undefined, [], undefined],
      ['no aliases', new Map(), 'old.example', [], undefined],
      ['a name that has one, before the default', DEFAULT, 'old.example', [], OLD],
      ['the default', DEFAULT, 'x.example', [], { alias: 'x.example', host: 'any.example' }],
      ['the default, for the name of its own host', DEFAULT, 'any.example', [], undefined],
      ['the default, for a name that is served', DEFAULT, 'x.example', ['x.example'], undefined],
      [
        'the default, for no name: it is called what it is',
        DEFAULT,
        undefined,
        ['x.example'],
        { alias: 'any.example', host: 'any.example' },
      ],
      ['an own one, even for a name that is served', ALIASES, 'old.example', ['old.example'], OLD],
      ['the empty name, which is no name', DEFAULT, '', [], { alias: '', host: 'any.example' }],
    ];
  for (const [what, aliases, asked, served, alias] of cases) {
    it(`is found for ${what}`, () => expect(aliasFor(aliases, asked, served)).to.deep.equal(alias));
  }

  const rewritten: [string, string][] = [
    [`<iq to='old.example'/>`, `<iq to='new.example'/>`],
    [`<iq to='a@old.example' from="b@old.example/c"/>`, `<iq to='a@new.example' from="b@new.example/c"/>`],
    [`<iq from='OLD.example' to='a@Old.Example/OLD'/>`, `<iq from='new.example' to='a@new.example/OLD'/>`],
    [`<iq to='a@old.example/b@old.example/c'/>`, `<iq to='a@new.example/b@old.example/c'/>`],
    [`<iq a='1' to='old.example' b='2'>x<y/></iq>`, `<iq a='1' to='new.example' b='2'>x<y/></iq>`],
    [`<iq ü='ü' to='ü@old.example'>ü</iq>`, `<iq ü='ü' to='ü@new.example'>ü</iq>`],
    [`<iq to='a&apos;&amp;@old.example/&lt;'/>`, `<iq to='a&apos;&amp;@new.example/&lt;'/>`],
    [`<iq to = 'old.example' />`, `<iq to = 'new.example' />`],
  ];
  for (const [client, manager] of rewritten) {
    it(`goes there in ${client}`, () => {
      const moved = toHost(stanza(client), OLD);
      expect(moved.readdressed([], '')).to.equal(manager);
      expect(moved.readdressed([], ` more='1'`), 'with attributes behind it').to.contain(` more='1'`);
      expect(moved.readdressed(['to'], '')).to.not.contain('to=');
      expect(moved.attribute('to')).to.equal(stanza(manager).attribute('to'));
    });
    it(`comes back in ${manager}`, () =>
      expect(toAlias(manager, OLD)).to.equal(
        client.replace(/(?<=[@'"])(OLD|Old)\.[Ee]xample/g, 'old.example'),
      ));
  }

  for (const other of [
    `<iq/>`,
    `<iq to='' from=''/>`,
    `<iq to='old.example.com' from='x.old.example'/>`,
    `<iq to='old.example@a' from='a/old.example'/>`,
    `<iq x:to='old.example' To='old.example' jid='old.example'/>`,
    `<iq><item to='old.example' jid='a@old.example'>old.example</item></iq>`,
  ]) {
    it(`leaves alone ${other}`, () => {
      const source = stanza(other);
      expect(toHost(source, OLD)).to.equal(source);
      const back = other.replaceAll('old', 'new');
      expect(toAlias(back, OLD)).to.equal(back);
    });
  }

  it('keeps the stanza whose addresses change as it was', () => {
    const source = stanza(`<iq to='old.example'/>`);
    toHost(source, OLD);
    expect(source.attribute('to')).to.equal('old.example');
  });

  it('knows whether what it wrote is ASCII only', () => {
    expect(toHost(stanza(`<iq to='old.example'/>`), OLD).ascii).to.equal(true);
    expect(toHost(stanza(`<iq to='old.example'/>`), { ...OLD, host: 'nëw.example' }).ascii).to.equal(false);
  });

  it('leaves what can not be read as it is', () => expect(toAlias('<a', OLD)).to.equal('<a'));
});
