import { expect } from 'chai';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseScript } from '../../lib/scenario/parse.js';
import { describeAction, ScriptError } from '../../lib/scenario/script.js';
import { excludedBy } from '../../lib/scenario/select.js';
import { cast } from './support/story.js';

const FIXTURES = path.resolve('spec/fixtures/scenarios');
const fixture = (name: string): ReturnType<typeof parseScript> =>
  parseScript(name, readFileSync(path.join(FIXTURES, name), 'utf8'));

/** What is wrong with a script, `LINE: SENTENCE`. */
function wrong(text: string): string {
  try {
    parseScript('x.scs', text);
  } catch (error) {
    if (error instanceof ScriptError) return `${error.line}: ${error.what}`;
    throw error;
  }
  return 'nothing';
}

const actions = (text: string): string[] => parseScript('x.scs', text).actions.map(describeAction);

describe('scenario/parse', () => {
  it('reads every fixture', () => {
    for (const name of readdirSync(FIXTURES)) expect(fixture(name).actions).not.to.be.empty;
  });

  it('takes title, tags, characters and their properties from the top', () => {
    const { title, tags, characters, notes } = fixture('layout.scs');
    expect(title).to.equal('What authors do to a file');
    expect([...tags]).to.deep.equal([
      ['layout', ''],
      ['status', 'stable'],
    ]);
    expect(
      characters.map(({ name, user, domain, resource }) => [name, user, domain, resource]),
    ).to.deep.equal([
      ['Bea', 'bea', 'localhost', 'desk'],
      ['Carl', 'carl', 'localhost', ''],
    ]);
    expect(notes).to.deep.equal([]);
  });

  it('finds the longest name that an action begins with', () => {
    expect(fixture('names.scs').actions.slice(0, 5).map(describeAction)).to.deep.equal([
      'Ann connects',
      "Ann's connects",
      "Ann's phone connects",
      "Ann's phone 2 connects",
      'Žofie Nováková connects',
    ]);
  });

  it('takes a shorter name where only that one does anything', () => {
    const client = (name: string): string => `[Client] ${name}\n\tjid: ann@localhost\n`;
    const top = `${client('Ann')}${client('Ann sends')}${client('Ann sends mail')}---\n`;
    expect(actions(`${top}Ann sends: <iq/>\nAnn sends mail sends <iq/>\nAnn sends connects`)).to.deep.equal([
      'Ann sends <iq>',
      'Ann sends mail sends <iq>',
      'Ann sends connects',
    ]);
  });

  it('reads on at the edge of the page while a stanza is not at its end', () => {
    const text = `${cast('Ann')}Ann sends:\n\t<message\nto="a">\n\t<body>one\ntwo\n\n\tAnn three</body></message>\nAnn connects`;
    const [sends, connects] = parseScript('x.scs', text).actions;
    if (sends.kind !== 'sends') throw new Error(sends.kind);
    expect(sends.stanza.childText('body')).to.equal('one\ntwo\n\n\tAnn three');
    expect(connects.kind).to.equal('connects');
  });

  it('takes comments of all kinds for none, wherever they stand', () => {
    const text =
      `${cast('Ann')}Ann connects\n\t// what\n\t-- a\n--\nAnn sends:\n\t// now\n\t<iq>\n# Ann\n\t<!-- \${Bob's JID}\n-->\n` +
      '\t</iq>\n\t-- then\n\t#\n\t<presence/>\n// vim: syntax=xml:\n';
    expect(actions(text)).to.deep.equal(['Ann connects', 'Ann sends <iq>', 'Ann sends <presence>']);
  });

  it('takes variables in quotes of either kind', () => {
    const text = `${cast("Ann's")}Ann's sends:\n\t<iq a='\${Ann's's JID}' b="\${Ann's's JID}" c='\${Ann&apos;s&apos;s JID}'/>`;
    const [sends] = parseScript('x.scs', text).actions;
    if (sends.kind !== 'sends') throw new Error(sends.kind);
    expect([...new Set(sends.stanza.attributes.values())]).to.deep.equal(["${Ann's's JID}"]);
  });

  it('reads the same from files of other systems, and without a last line end', () => {
    const { title, actions: read } = fixture('crlf.scs');
    expect(title).to.equal('Line ends of other systems, and no line end at the end');
    expect(read.map(({ kind, line }) => [kind, line])).to.deep.equal([
      ['connects', 9],
      ['sends', 11],
      ['receives', 16],
    ]);
  });

  it('plays each stanza of a block, and leaves comments out of it', () => {
    const text = `${cast('Ann')}Ann connects\nAnn sends:\n\t<presence/>\n# <iq/>\n\t# <iq/>\n\t<message/>\n`;
    expect(actions(text)).to.deep.equal(['Ann connects', 'Ann sends <presence>', 'Ann sends <message>']);
  });

  it('needs no colon, no indentation of what is XML, and takes a stanza on the line of its action', () => {
    expect(
      actions(`${cast('Ann')}Ann sends\n<presence/>\nAnn receives <iq/>\nAnn receives: nothing`),
    ).to.deep.equal(['Ann sends <presence>', 'Ann receives <iq>', 'Ann receives nothing']);
  });

  it('knows the namespace of what declares none', () => {
    const [action] = parseScript(
      'x.scs',
      `${cast('Ann')}Ann sends:\n\t<iq><query xmlns="a"><b/></query></iq>`,
    ).actions;
    if (action.kind !== 'sends') throw new Error(action.kind);
    expect(action.stanza.namespace).to.equal('jabber:client');
    expect(action.stanza.child('query', 'a')?.child('b')?.namespace).to.equal('a');
  });

  it('passes over properties that it does not know, and says so', () => {
    const { notes } = parseScript('x.scs', '[Client] A\n\tjid: a@b\n\tpasword: c\n---\nA connects');
    expect(notes).to.deep.equal([
      { line: 3, text: 'A has an unknown property "pasword"; did you mean password?; it is ignored' },
    ]);
  });

  const top = cast('Romeo', 'Juliet');
  const begin = top.split('\n').length;
  const mistakes: [string, string][] = [
    [
      `${top}Romeo conects`,
      `${begin}: Romeo connects, disconnects, sends or receives; not "conects"; did you mean connects?`,
    ],
    [`${top}Romeo`, `${begin}: Romeo connects, disconnects, sends or receives; a verb is missing`],
    [
      `${top}Rome sends:\n\t<a/>`,
      `${begin}: unknown client Rome; did you mean Romeo? (known clients: Romeo, Juliet)`,
    ],
    [
      `${top}# x\n\nThe End`,
      `${begin + 2}: not an action: it begins with no known client (known clients: Romeo, Juliet)`,
    ],
    [`${top}Romeo connects twice`, `${begin}: connects takes nothing, not "twice"`],
    [`${top}Romeo sends:\n\n`, `${begin}: Romeo sends what? A stanza has to follow, indented`],
    [
      `${top}Romeo sends:\n\t<a>\n\t</b>\n`,
      `${begin + 2}: malformed XML: </b> closes nothing; the <a> of line ${begin + 1} is open`,
    ],
    [`${top}Romeo sends:\n\t<a/>\n\t</b>\n`, `${begin + 2}: malformed XML: </b> closes nothing`],
    [`${top}Romeo sends:\n\t<a>\n`, `${begin + 1}: malformed XML: <a> is not closed`],
    [
      `${top}Romeo sends:\n\t<a\n\tx='1'>\n\t\t<b>\n\tc\n\n# d\n\nRomeo connects\n`,
      `${begin + 3}: malformed XML: <b> is not closed`,
    ],
    [
      `${top}Romeo sends:\n\t<a\n\tx='1'>\n\t\t<b>\n\t\t<c/>\n\t</a>\n`,
      `${begin + 3}: malformed XML: <b> is not closed before the </a> of line ${begin + 5}`,
    ],
    [
      `${top}Romeo sends:\n\t<a\n\n\n`,
      `${begin + 1}: malformed XML: <a is not complete: a quote or a > is missing`,
    ],
    [`${top}Romeo sends: <a`, `${begin}: malformed XML: <a is not complete: a quote or a > is missing`],
    [
      `${top}Romeo sends:\n\t<a>\n\t<b x='1>y</b>\n\t</a>\n`,
      `${begin + 2}: malformed XML: <b is not complete: a quote or a > is missing`,
    ],
    [
      `${top}Romeo sends:\n\t<a>\n\t<b\n\tx='1>y</b>\n\t<b x='2'/></a>\n`,
      `${begin + 3}: malformed XML: there is a < in the value of x: is a quote missing?`,
    ],
    [
      `${top}Romeo sends:\n\t<a/>\n\t<!-- b\n\n`,
      `${begin + 2}: malformed XML: <!-- is not complete: --> is missing`,
    ],
    [
      `${top}Romeo sends:\n\t<a>\n\t<![CDATA[ b ]>\n\t</a>\n`,
      `${begin + 2}: malformed XML: <![CDATA[ is not complete: ]]> is missing`,
    ],
    [
      `${top}Romeo sends:\n\t<a>\n\t<b x='1'\n\ty='1'\n\tx='2'/>\n\t</a>`,
      `${begin + 4}: malformed XML: the attribute x appears twice`,
    ],
    [
      `${top}Romeo sends:\n\t<a\n\tx='1'>\n\t&nbsp;</a>`,
      `${begin + 3}: malformed XML: XML has no such &…; (write & as &amp;)`,
    ],
    [`${top}Romeo sends:\n\t<a>\n\tb & c</a>`, `${begin + 2}: malformed XML: write & as &amp;`],
    [`${top}Romeo sends:\n\t<a>\n\tb < c</a>`, `${begin + 2}: malformed XML: write < in a text as &lt;`],
    [
      `${top}Romeo sends:\n\t<a>\n\t<b x=1/></a>`,
      `${begin + 2}: malformed XML: an attribute value needs quotes`,
    ],
    [`${top}Romeo sends:\n\t<a/>\n\tb\n`, `${begin + 2}: text outside of a stanza: b`],
    [`${top}Romeo sends:\n\t<b>b</b>\n\t# b\n\t<b/>\n\n\tb\n`, `${begin + 5}: text outside of a stanza: b`],
    [
      `${top}Romeo sends:\n\t<a\n\t b="\${Nurse's JID}"/>`,
      `${begin + 2}: \${Nurse's JID}: unknown client Nurse`,
    ],
    [
      `${top}Romeo connects\nRomeo sends:\n\t<a\n\tb="\${Juliet's full JID}"/>`,
      `${begin + 3}: \${Juliet's full JID} is not known yet: "Juliet connects" must come first`,
    ],
    [
      `${top}Romeo sends:\n\t<a b='\${Juliet's jid}'/>`,
      `${begin + 1}: \${Juliet's jid}: a character has only "JID" and "full JID"`,
    ],
    [
      `${top}Romeo receives:\n\t<a/>\n\t<a b='{scansion:Any}'/>`,
      `${begin + 2}: {scansion:Any} is unknown; use {scansion:any} or {scansion:capture:NAME}`,
    ],
    [
      `${top}Romeo receives:\n\t<a>{scansion:any}!</a>`,
      `${begin + 1}: {scansion:any} must be a whole value, not a part of one; use {scansion:any} or {scansion:capture:NAME}`,
    ],
    [
      `${top}Romeo receives:\n\t<a b='{scansion:capture:x}'/>\nRomeo sends:\n\t<a b='{scansion:capture:x} {scansion:capture:y}'/>`,
      `${begin + 3}: {scansion:capture:y}: no earlier "receives" captures y`,
    ],
    [
      `${top}Romeo receives:\n\t<a><b scansion:strict="no"/></a>`,
      `${begin + 1}: scansion:strict is "true" or "false", not "no"`,
    ],
    [
      `${top}Romeo receives:\n\t<a b='{scansion:any}'/>\n\t<a>{scansion:any}</a>\n\t<a>{scansion:any}!</a>`,
      `${begin + 3}: {scansion:any} must be a whole value, not a part of one; use {scansion:any} or {scansion:capture:NAME}`,
    ],
    [
      `${top}Romeo receives:\n\t<a>\n\t<a scansion:strict='true'/>\n\t</a>\n\t<a\n\tb='c'\n\tscansion:strict="no"/>`,
      `${begin + 6}: scansion:strict is "true" or "false", not "no"`,
    ],
    [
      `${top}Romeo receives:\n\t<a>\n\tNurse's\n\t\${Nurse's JID}\n\t</a>`,
      `${begin + 3}: \${Nurse's JID}: unknown client Nurse`,
    ],
    ['[Component] X', '1: a character of the class [Component]: only [Client] is supported'],
    ['[Client] X\n\tpassword: a\n---', '1: X has no jid: jid: user@localhost'],
    ['[Client] X\n\tjid: a\n---', '1: the jid of X is not user@domain: a'],
    ['[Client] X\n\tjid: a@b\n[Client] X', '3: a second character called X'],
    ['[Client] X\n\tjid: a@b\n\tconnect_port: x\n---', '1: connect_port of X is not a port: x'],
    ['what is this', '1: not a comment, a [Client], a "key: value" line, or a line of dashes'],
  ];
  for (const [text, sentence] of mistakes) {
    it(`says "${sentence.slice(sentence.indexOf(' ') + 1)}", and in which line`, () => {
      expect(wrong(text)).to.equal(sentence);
    });
  }

  it('chooses by tags', () => {
    const script = fixture('layout.scs');
    const unwanted = (...tags: string[]): string | undefined => excludedBy(tags, script);
    expect(unwanted('layout', 'status', 'status: stable', '!slow', '!status: broken')).to.equal(undefined);
    expect(unwanted('layout', 'slow')).to.equal('slow');
    expect(unwanted('status: broken')).to.equal('status: broken');
    expect(unwanted('!layout')).to.equal('!layout');
  });
});
