/** The thread of hasher.ts: answers one job after another. */
import { parentPort } from 'node:worker_threads';
import { crypt } from './crypt.js';
import type { HashJob } from './hasher.js';

parentPort?.on('message', ({ password, setting }: HashJob) =>
  parentPort?.postMessage(crypt(password, setting)),
);
