import { expect } from 'chai';
import { compare } from '../../lib/scenario/match.js';
import { json } from '../../lib/scenario/report/json.js';
import { junit } from '../../lib/scenario/report/junit.js';
import { live } from '../../lib/scenario/report/live.js';
import type { Report, Result } from '../../lib/scenario/report/report.js';
import { tap } from '../../lib/scenario/report/tap.js';
import { parse } from '../../lib/xml/index.js';

const AROUND = new Map([['', 'jabber:client']]);
const expected = parse("<iq type='set'><a/></iq>", AROUND);
const received = parse("<iq type='get'><b/></iq>", AROUND);
const plain = { remarks: [], milliseconds: 12.3 };
const RESULTS: readonly Result[] = [
  {
    file: 'a.scs',
    title: 'One # two',
    outcome: 'passed',
    ...plain,
    remarks: [{ line: 3, text: 'Ann passed over <x/>' }],
  },
  {
    file: 'b.scs',
    title: '',
    outcome: 'failed',
    ...plain,
    failure: {
      line: 7,
      what: 'Ann receives <iq>: it did not come within 5 s',
      expected,
      nearest: { stanza: received, differences: compare(expected, received).differences },
      came: 2,
    },
  },
  { file: 'c.scs', title: 'Slow', outcome: 'skipped', reason: '--tags !slow', ...plain },
];

/** What a report makes of the three. */
function written(make: (write: (text: string) => void) => Report): string {
  let text = '';
  const report = make((more) => (text += more));
  report.begin(RESULTS.length);
  report.note('a note');
  for (const result of RESULTS) {
    report.starts?.(result.file, result.title);
    report.result(result);
  }
  report.end();
  return text;
}

describe('scenario/report', () => {
  it('TAP: a test a script, with what differs', () => {
    expect(written(tap)).to.equal(`TAP version 13
1..3
# a note
# a.scs:3: Ann passed over <x/>
ok 1 - a.scs: One \\# two
not ok 2 - b.scs
  ---
  message: "b.scs:7: Ann receives <iq>: it did not come within 5 s"
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

  it('live: a list, and what is going on in a line that goes away', () => {
    const text = written((write) => live(write, () => 80, false));
    expect(text).to.contain('\r\x1b[K  2/3 b.scs');
    expect(text).to.contain('✘ b.scs (0.0 s)');
    expect(text).to.contain('      iq: attribute type is "get", not "set"\n');
    expect(text).to.contain('- c.scs: Slow (skipped: --tags !slow)');
    expect(text).to.match(/1 passed, 1 failed, 1 skipped in \d\.\d s\n$/);
  });
});
