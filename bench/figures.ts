/** The figures that can be measured, and how they are printed. */
import { flood } from './flood.js';
import { FLOODS } from './floods.js';
import { idle, logins, relay, type Subject } from './load.js';
import { quietPair } from './quiet.js';

export interface Sizes {
  readonly pairs: number;
  readonly seconds: number;
  readonly connections: number;
  readonly atOnce: number;
}

/** One value of a measurement. */
export interface Figure {
  readonly name: string;
  readonly value: number;
}

export type Measurement = (subject: Subject, sizes: Sizes) => Promise<Figure[]>;

/**
 * @param window messages of each sender that are on their way
 * @param alone is there only one pair?
 */
function relayed(window: number, alone: boolean): Measurement {
  const title = alone ? `one pair, W=${window}` : `W=${window}`;
  return async (subject, sizes) => {
    const pairs = alone ? 1 : sizes.pairs;
    const result = await relay(subject, { pairs, seconds: sizes.seconds, window });
    return [
      { name: `${title}: CPU a message, us`, value: result.cpuPerMessage },
      { name: `${title}: messages/s`, value: result.messagesPerSecond },
      { name: `${title}: latency, ms, p50`, value: result.medianLatency },
      { name: `${title}: latency, ms, p99`, value: result.p99Latency },
      { name: `${title}: load generator, % of a CPU`, value: result.loadCpu * 100 },
      { name: `${title}: RSS, MB`, value: result.residentKb / 1024 },
    ];
  };
}

async function idling(subject: Subject, { connections }: Sizes): Promise<Figure[]> {
  const { residentBeforeKb, firstKb, nextKb } = await idle(subject, { connections });
  return [
    { name: `idle: kB a connection, first ${connections}`, value: firstKb },
    { name: `idle: kB a connection, next ${connections}`, value: nextKb },
    { name: 'idle: RSS before them, MB', value: residentBeforeKb / 1024 },
  ];
}

async function loggingIn(subject: Subject, sizes: Sizes): Promise<Figure[]> {
  const result = await logins(subject, sizes);
  return [
    { name: `login (${sizes.atOnce} at once): CPU a login, us`, value: result.cpuPerLogin },
    { name: `login (${sizes.atOnce} at once): logins/s`, value: result.loginsPerSecond },
    { name: `login (${sizes.atOnce} at once): failed, %`, value: result.failed * 100 },
  ];
}

async function flooding(subject: Subject, sizes: Sizes): Promise<Figure[]> {
  const { medianWait, longestWait, residentKb } = await flood(subject, sizes);
  return [
    { name: 'flood: what others wait, ms, median', value: medianWait },
    { name: 'flood: what others wait, ms, longest', value: longestWait },
    { name: 'flood: RSS, MB', value: residentKb / 1024 },
  ];
}

/** @param name one of {@link FLOODS} */
function besides(name: string): Measurement {
  const { what } = FLOODS[name];
  return async (subject, { seconds }) => {
    const { trips, worked, highestKb, dead } = await quietPair(subject, name, seconds);
    const at = (share: number, of = trips): number =>
      dead ? Infinity : of[Math.floor(share * (of.length - 1))];
    return [
      { name: `${name} (${what}): ms, median`, value: at(0.5) },
      { name: `${name}: ms, 99 %`, value: at(0.99) },
      { name: `${name}: ms, longest`, value: at(1) },
      { name: `${name}: server at work meanwhile, ms, 99 %`, value: at(0.99, worked) },
      { name: `${name}: server at work meanwhile, ms, longest`, value: at(1, worked) },
      { name: `${name}: highest RSS, MB`, value: dead ? Infinity : highestKb / 1024 },
    ];
  };
}

/** The figures of a name on the command line: `floods` is all floods, `floods/NAME` one. */
export function figuresOf(name: string): string[] {
  return name === 'floods' ? Object.keys(FLOODS).map((flood) => `floods/${flood}`) : [name];
}

/** `relay1`, `relay5`, `relay50` or any other window, and `pair1`, `pair5`; `idle`; `login`; `flood`; `floods/NAME`. */
export function measurement(name: string): Measurement {
  const [, pairs, window] = /^(relay|pair)(\d+)$/.exec(name) ?? [];
  if (window !== undefined) return relayed(Number(window), pairs === 'pair');
  const flood = /^floods\/(.+)$/.exec(name)?.[1];
  if (flood !== undefined && Object.hasOwn(FLOODS, flood)) return besides(flood);
  if (name === 'idle') return idling;
  if (name === 'login') return loggingIn;
  if (name === 'flood') return flooding;
  throw new Error(
    `no such figure: ${name} (there are relay1, relay5, relay50, pair1, pair5, idle, login, flood, floods)`,
  );
}
