/** What others wait while one client says as much as its connection takes. */
import type { Client } from './client.js';
import { account, loginAll, messageTo, type Subject } from './load.js';
import { residentKb, sleep } from './proc.js';

/** Time for the flood to fill what there is to be filled, and between two messages of the others, in milliseconds. */
const RISE = 500;
const PAUSE = 50;
/** A message that takes longer counts as if it had come then, in milliseconds. */
const LONGEST = 60_000;

export interface FloodResult {
  /** What a message between two others waits, in milliseconds. */
  readonly medianWait: number;
  readonly longestWait: number;
  readonly residentKb: number;
}

/** One client asks the server for its version, again and again, and reads the answers; two others talk meanwhile. */
export async function flood(subject: Subject, { seconds }: { seconds: number }): Promise<FloodResult> {
  const [flooder, sender, receiver] = await loginAll(subject, 3);
  for (const client of [flooder, sender, receiver]) client.write('<presence/>');
  await sleep(RISE);
  const question = `<iq type='get' id='f' to='${subject.domain}'><query xmlns='jabber:iq:version'/></iq>`;
  flooder.flood(question);
  await sleep(RISE);
  const message = messageTo(`${account(2)}@${subject.domain}/${receiver.resource}`);
  const waits: number[] = [];
  for (const until = performance.now() + seconds * 1000; performance.now() < until; await sleep(PAUSE)) {
    waits.push(await waitFor(sender, receiver, message));
  }
  waits.sort((a, b) => a - b);
  const resident = residentKb(subject.pid);
  for (const client of [flooder, sender, receiver]) client.destroy();
  return { medianWait: waits[waits.length >> 1], longestWait: waits.at(-1)!, residentKb: resident };
}

async function waitFor(sender: Client, receiver: Client, message: string): Promise<number> {
  const begin = performance.now();
  await new Promise<void>((resolve) => {
    const late = setTimeout(resolve, LONGEST);
    receiver.messages = () => {
      clearTimeout(late);
      resolve();
    };
    sender.write(message);
  });
  return performance.now() - begin;
}
