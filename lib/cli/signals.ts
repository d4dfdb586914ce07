/** Signals that stop a service. */
export const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const;

/** What ends a command that somebody waits for: also the end of the terminal. */
const END_SIGNALS = [...STOP_SIGNALS, 'SIGHUP'] as const;

/** Calls `heard` at the first signal that ends a command; the next one has its usual effect. */
export function onceEnded(heard: (name: NodeJS.Signals) => void): void {
  const first = (name: NodeJS.Signals): void => {
    for (const one of END_SIGNALS) process.off(one, first);
    heard(name);
  };
  for (const name of END_SIGNALS) process.on(name, first);
}

/** What bin/signals.js has kept away until it was known which command runs. */
export function endAtHangup(): void {
  process.removeAllListeners('SIGHUP');
}
