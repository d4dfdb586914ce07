import { expect } from 'chai';
import { matchStanza } from '../../lib/scenario/match.js';
import { lines } from '../../lib/scenario/report/failure.js';
import { json } from '../../lib/scenario/report/json.js';
import { junit } from '../../lib/scenario/report/junit.js';
import { live } from '../../lib/scenario/report/live.js';
import type { Report, ScriptResult } from '../../lib/scenario/report/report.js';
import { tap } from '../../lib/scenario/report/tap.js';
import { parse, type Element } from '../../lib/xml/index.js';

const AROUND = new Map([['', 'jabber:client']]);
const expected = parse("<iq type='set'><a/></iq>", AROUND);
const received = parse("<iq type='get'><b/></iq>", AROUND);
const plain = { notes: [], milliseconds: 12.3 };
const RESULTS: readonly ScriptResult[] = [
  {
    file: 'a.scs',
    title: 'One # two',
    outcome: 'passed',
    ...plain,
    notes: [{ line: 3, text: 'Ann skipped <x/>' }],
  },
  {
    file: 'b.scs',
    title: '',
    outcome: 'failed',
    ...plain,
    failure: {
      line: 7,
      what: 'Ann receives <iq>: it did not arrive within 5 s',
      expected,
      nearest: { stanza: received, differences: matchStanza(expected, received).differences },
      came: 2,
    },
  },
  { file: 'c.scs', title: 'Slow', outcome: 'skipped', reason: '--tags !slow', ...plain },
];

/** What a report makes of the three. */
function written(make: (write: (text: string) => void) => Report, cut?: string): string {
  let text = '';
  const report = make((more) => (text += more));
  report.begin(RESULTS.length);
  report.note('a note');
  for (const result of RESULTS) {
    report.script?.(result.file, result.title);
    report.result(result);
  }
  report.end(cut);
  return text;
}

describe('scenario/report', () => {
  it('TAP: a test a script, with what differs', () => {
    expect(written(tap)).to.equal(`TAP version 13
1..3
# a note
# a.scs:3: Ann skipped <x/>
ok 1 - a.scs: One \\# two
not ok 2 - b.scs
  ---
  message: "b.scs:7: Ann receives <iq>: it did not arrive within 5 s"
  at: "b.scs:7"
  duration_ms: 12
  expected: |2
    > <iq type='set'>
    >   <a/>
      </iq>
  the nearest of 2 that came instead: |2
    > <iq type='get'>
        <b/>
      </iq>
  differs in:
    - "iq: attribute type is \\"get\\", not \\"set\\""
    - "iq: <a> of jabber:client is missing"
  ...
ok 3 - c.scs: Slow # SKIP --tags !slow
# 1 passed, 1 failed, 1 skipped
`);
  });

  it('of a long stanza, what is around the differences is shown', () => {
    const items = (name: string): string =>
      Array.from({ length: 500 }, (_, at) => `<item jid='${at === 300 ? name : at}'/>`).join('');
    const tree = (name: string): Element => parse(`<iq><query xmlns='q'>${items(name)}</query></iq>`, AROUND);
    const text = 'x'.repeat(100_000);
    const [want, have] = [tree('a'), tree(text)];
    const nearest = { stanza: have, differences: matchStanza(want, have).differences };
    const all = lines('a.scs', { line: 1, what: 'it did not arrive', expected: want, nearest, came: 1 });
    expect(all.filter((one) => one.includes('>') && one.includes("'a'"))).to.deep.equal([
      "    >     <item jid='a'/>",
    ]);
    expect(all).to.include('      … (296 lines)').and.to.include("          <item jid='299'/>");
    expect(all.at(-1)).to.match(/^ {4}iq\/query\/item: attribute jid is "x{200}… \(100000 .*\)", not "a"$/);
    expect(all.join('\n').length).to.be.below(3000);
  });

  it('of many differences, some are told', () => {
    const want = parse(
      `<iq>${Array.from({ length: 50 }, (_, at) => `<a v='${at}'/>`).join('')}</iq>`,
      AROUND,
    );
    const nearest = { stanza: received, differences: matchStanza(want, received).differences };
    const all = lines('a.scs', { line: 1, what: 'it did not arrive', expected: want, nearest, came: 1 });
    expect(all.slice(-2)).to.deep.equal([
      '    iq: <a v="19"> of jabber:client is missing',
      '    and 30 more',
    ]);
  });

  it('JUnit: XML with the same', () => {
    const suite = parse(written(junit).replace(/^<\?.*\?>/, '')).child('testsuite')!;
    expect(Object.fromEntries(suite.attributes)).to.include({ tests: '3', failures: '1', skipped: '1' });
    const [, failed, skipped] = suite.elements;
    expect(failed.child('failure')!.attribute('message')).to.contain('b.scs:7: Ann receives <iq>');
    expect(failed.child('failure')!.text).to.contain('iq: attribute type is "get", not "set"');
    expect(skipped.child('skipped')!.attribute('message')).to.equal('--tags !slow');
    expect(suite.childText('system-out')).to.equal('a note');
  });

  it('JSON: one object with the same', () => {
    const told = JSON.parse(written(json));
    expect(told).to.deep.include({ passed: 1, failed: 1, skipped: 1, notes: ['a note'] });
    expect(told.scripts[1].failure).to.deep.include({
      line: 7,
      came: 2,
      nearest: "<iq type='get'><b/></iq>",
    });
  });

  it('each says why it ends before its end', () => {
    const cut = 'interrupted: 2 more scripts were not played';
    expect(written(tap, cut)).to.match(/\nBail out! interrupted: 2 more scripts were not played\n$/);
    expect(JSON.parse(written(json, cut)).cut).to.equal(cut);
    expect(written(junit, cut)).to.contain(`a note\n${cut}</system-out>`);
    expect(written((write) => live(write, () => 80, false), cut)).to.match(
      /✘ interrupted: 2 more .* played\n$/,
    );
  });

  it('live: a list, and what is going on in a line that goes away', () => {
    const text = written((write) => live(write, () => 80, false));
    expect(text).to.contain('\r\x1b[K  2/3 b.scs');
    expect(text).to.contain('✘ b.scs (0.0 s)');
    expect(text).to.contain('      iq: attribute type is "get", not "set"\n');
    expect(text).to.contain('- c.scs: Slow (skipped: --tags !slow)');
    expect(text).to.match(/1 passed, 1 failed, 1 skipped in \d\.\d s\n$/);
  });
});
