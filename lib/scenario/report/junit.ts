import { element, type Element } from '../../xml/index.js';
import { lines } from './failure.js';
import { count, reportAtEnd, type Report, type ScriptResult, type WriteReport } from './report.js';
import { where } from './tap.js';

/** The XML that CI servers read, at the end of the run. */
export function junit(write: WriteReport): Report {
  return reportAtEnd(({ results, notes, cut }) => {
    const all = cut === undefined ? notes : [...notes, cut];
    write(`<?xml version='1.0' encoding='UTF-8'?>\n${suite(results, all).toString()}\n`);
  });
}

function suite(results: readonly ScriptResult[], notes: readonly string[]): Element {
  const { failed, skipped } = count(results);
  const attributes = {
    name: 'sm-component scenario',
    tests: String(results.length),
    failures: String(failed),
    errors: '0',
    skipped: String(skipped),
    time: time(results.reduce((sum, { milliseconds }) => sum + milliseconds, 0)),
  };
  const output = notes.length === 0 ? [] : [element('system-out', {}, readable(notes.join('\n')))];
  return element('testsuites', {}, element('testsuite', attributes, ...results.map(testcase), ...output));
}

function testcase(result: ScriptResult): Element {
  const { file, title, outcome, failure, reason, notes, milliseconds } = result;
  const one = element('testcase', {
    name: readable(title || file),
    classname: file,
    file,
    time: time(milliseconds),
  });
  if (outcome === 'skipped') one.append(element('skipped', { message: readable(reason ?? '') }));
  if (failure) {
    const [message, ...details] = lines(file, failure);
    one.append(
      element(
        'failure',
        { message: readable(message), type: 'failure' },
        readable([message, ...details].join('\n')),
      ),
    );
  }
  const output = notes.map((note) => where(result, note)).join('\n');
  return output === '' ? one : one.append(element('system-out', {}, readable(output)));
}

const time = (milliseconds: number): string => (milliseconds / 1000).toFixed(3);

/** Replaces characters that XML cannot hold: scripts may have any in their comments. */
const readable = (text: string): string =>
  text.replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '\uFFFD');
