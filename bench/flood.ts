/** How long other clients wait while one client sends as fast as it can. */
import type { Client } from './client.js';
import { account, loginAll, messageTo, type Subject } from './load.js';
import { residentKb, sleep } from './proc.js';

/** Until the flood has filled all buffers, and between two messages of the others. In milliseconds. */
const FILL_MS = 500;
const PAUSE_MS = 50;
/** A message that takes longer counts as if it had taken this time, in milliseconds. */
const MAX_WAIT_MS = 60_000;

export interface FloodResult {
  /** The time of a message between two other clients, in milliseconds. */
  readonly medianWait: number;
  readonly longestWait: number;
  readonly residentKb: number;
}

/** One client asks the server for its version again and again, and reads the answers; meanwhile two others exchange messages. */
export async function flood(subject: Subject, { seconds }: { seconds: number }): Promise<FloodResult> {
  const [flooder, sender, receiver] = await loginAll(subject, 3);
  for (const client of [flooder, sender, receiver]) client.write('<presence/>');
  await sleep(FILL_MS);
  const question = `<iq type='get' id='f' to='${subject.domain}'><query xmlns='jabber:iq:version'/></iq>`;
  flooder.flood(question);
  await sleep(FILL_MS);
  const message = messageTo(`${account(2)}@${subject.domain}/${receiver.resource}`);
  const waits: number[] = [];
  for (const until = performance.now() + seconds * 1000; performance.now() < until; await sleep(PAUSE_MS)) {
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
    const late = setTimeout(resolve, MAX_WAIT_MS);
    receiver.messages = () => {
      clearTimeout(late);
      resolve();
    };
    sender.write(message);
  });
  return performance.now() - begin;
}
