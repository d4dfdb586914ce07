/** The thread of hasher.ts: answers each job in its turn. */
import { parentPort } from 'node:worker_threads';
import { crypt } from './crypt.js';
import type { Job } from './hasher.js';

parentPort?.on('message', ({ password, setting }: Job) => parentPort?.postMessage(crypt(password, setting)));
