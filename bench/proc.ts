/** What the system says of a process (Linux). */
import { readFileSync } from 'node:fs';

/** Clock ticks a second, as /proc counts them; 100 on every Linux of today. [proc(5)] */
const TICKS = 100;

/** User and system time of all threads so far, in seconds. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The name, in parentheses, may hold anything; utime and stime are the 12th and 13th field behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** Time that the main thread has run so far, in milliseconds: how long it takes whatever else the machine does. */
export function mainThreadMs(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'latin1').split(' ', 1)[0]) / 1e6;
}

/** Resident memory, in kB. */
export function residentKb(pid: number): number {
  return statusOf(pid, 'VmRSS');
}

/** The most resident memory that there ever was, in kB. */
export function highestKb(pid: number): number {
  return statusOf(pid, 'VmHWM');
}

function statusOf(pid: number, field: string): number {
  const found = new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
  return Number(found?.[1] ?? 0);
}

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
