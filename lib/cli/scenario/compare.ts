import { didYouMean } from '../../config/error.js';
import * as kinds from '../../config/kinds.js';
import { ServerComparison, type ScriptComparison, type IgnoredDifferences } from '../../scenario/compare.js';
import type { IgnoredPath } from '../../scenario/ignored-paths.js';
import { comparisonLines, comparisonTable } from '../../scenario/report/comparison.js';
import { differenceTable as kindsOf } from '../../scenario/report/difference-table.js';
import { NOTHING_PLAYED, type RunOptions } from '../../scenario/run.js';
import { excludedBy, type Candidate } from '../../scenario/select.js';
import { USUAL_RULES, type UsualRule } from '../../scenario/usual-differences.js';
import { command, EXIT, UsageError } from '../command.js';
import * as scenarioKinds from './kinds.js';
import { FILES, interruption, PLAYING, playingOn, readAll, type PlayedServer } from './playing.js';

export const scenarioCompare = command({
  usage: 'compare [files..]',
  help: 'Play scripts on two servers, and show the differences',
  words: FILES,
  own: {
    left: {
      kind: kinds.peer,
      help: 'The server to compare with: the reference.',
      required: true,
    },
    right: { kind: kinds.peer, help: 'The server that is compared with --left.', required: true },
    ...PLAYING,
    'left-domain': { kind: scenarioKinds.domainPairs, help: 'As --domain, for the left server only.' },
    'right-domain': { kind: scenarioKinds.domainPairs, help: 'As --domain, for the right server only.' },
    'left-account': {
      kind: scenarioKinds.accounts,
      help: 'As --account, for the left server only.',
      secret: true,
    },
    'right-account': {
      kind: scenarioKinds.accounts,
      help: 'As --account, for the right server only.',
      secret: true,
    },
    timeout: {
      kind: scenarioKinds.seconds,
      help: 'How long to wait for an expected stanza.',
      default: '2',
    },
    ignore: {
      kind: scenarioKinds.ignoreRules,
      help:
        'A known difference to hide: delay, iq/query/@ver, /presence, {urn:xmpp:sid:0}stanza-id, @xml:lang. ' +
        'Usual differences between servers are hidden anyway; "none" shows them, and "!RULE" shows those of one rule: ' +
        `${USUAL_RULES.join(', ')}.`,
    },
  },
  examples: [
    [
      '$0 scenario compare spec/ --left old.foo.com:5222 --right 127.0.0.1:5222',
      'exit code 0 if nothing differs',
    ],
  ],
  async run({ own: { files, timeout, ignore, left, right, ...playing } }) {
    const candidates = readAll(files);
    const on = (side: PlayedServer): RunOptions => ({
      ...playingOn(side, playing, candidates),
      exact: false,
      timeout,
      continueAfterFailure: true,
    });
    const { domain, account } = playing;
    const sides = {
      left: on({
        to: left,
        domain: [...domain, ...playing['left-domain']],
        account: [...playing['left-account'], ...account],
      }),
      right: on({
        to: right,
        domain: [...domain, ...playing['right-domain']],
        account: [...playing['right-account'], ...account],
      }),
    };
    const over = ignoredDifferences(ignore);
    const comparison = new ServerComparison(sides, over, (note) => console.log(note));
    const { compared, end } = await compareAll(comparison, candidates, playing.tags.flat());
    if (end === 'no server') return EXIT.failed;
    if (compared.length === 0 && end === 'complete') {
      console.log(NOTHING_PLAYED);
      return EXIT.failed;
    }
    printSummary(compared, over);
    return end === 'complete' && compared.every(isSame) ? EXIT.stopped : EXIT.failed;
  },
});

/** The results of all scripts. `incomplete`: a script could not be read, or the comparison was interrupted. */
interface Outcome {
  readonly compared: readonly ScriptComparison[];
  readonly end: 'complete' | 'incomplete' | 'no server';
}

/** Compares one script after the other, and prints the differences of each. */
async function compareAll(
  comparison: ServerComparison,
  candidates: readonly Candidate[],
  tags: readonly string[],
): Promise<Outcome> {
  const signal = interruption();
  const compared: ScriptComparison[] = [];
  let end: Outcome['end'] = 'complete';
  for (const candidate of candidates) {
    if (signal.aborted) break;
    if ('error' in candidate) {
      console.log(candidate.error.message);
      end = 'incomplete';
    } else if (excludedBy(tags, candidate.script) === undefined) {
      const one = await comparison.compare(candidate.script);
      compared.push(one);
      for (const line of comparisonLines(one)) console.log(line);
      const lost = lostSides(one);
      if (lost === undefined) continue;
      console.log(`\n${lost}: nothing more is compared`);
      return { compared, end: 'no server' };
    }
  }
  return { compared, end: signal.aborted ? 'incomplete' : end };
}

/** Prints the result of all scripts together. */
function printSummary(all: readonly ScriptComparison[], { usual }: IgnoredDifferences): void {
  for (const part of [comparisonTable(all), kindsOf(all)]) {
    if (part.length > 0) console.log(`\n${part.join('\n')}`);
  }
  if (usual.length > 0) console.log(`\nNot shown: ${usual.join(', ')} (--ignore none shows all)`);
}

/** A sentence that names the sides without a server; undefined where both have one. */
function lostSides({ failures }: ScriptComparison): string | undefined {
  const lost = (['left', 'right'] as const).filter((side) => failures[side].some(({ noServer }) => noServer));
  return lost.length === 0 ? undefined : `there is no server on the ${lost.join(' and on the ')}`;
}

/** Nothing differs, and a character could log in on both sides. */
function isSame({ rows, failures: { left, right } }: ScriptComparison): boolean {
  const lines = (some: typeof left): string => some.map(({ line }) => line).join();
  return rows.length === 0 && lines(left) === lines(right) && ![...left, ...right].some(({ fatal }) => fatal);
}

/** The differences that `--ignore` leaves out: by the usual rules, but for those that it takes out, and by paths. */
function ignoredDifferences(ignore: readonly scenarioKinds.IgnoreRule[]): IgnoredDifferences {
  let usual: readonly UsualRule[] = USUAL_RULES;
  const paths: IgnoredPath[] = [];
  for (const rule of ignore) {
    if (rule === 'usual') usual = USUAL_RULES;
    else if (rule === 'none') usual = [];
    else if ('without' in rule) usual = withoutRule(usual, rule.without);
    else paths.push(rule);
  }
  return { usual, paths };
}

/** @throws {UsageError} where there is no rule of that name */
function withoutRule(rules: readonly UsualRule[], name: string): readonly UsualRule[] {
  if (USUAL_RULES.some((rule) => rule === name)) return rules.filter((rule) => rule !== name);
  throw new UsageError(
    `argument --ignore: unknown rule ${name}${didYouMean(name, USUAL_RULES)} (known rules: ${USUAL_RULES.join(', ')})`,
  );
}
