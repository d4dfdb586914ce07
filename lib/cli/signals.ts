/** Signals that stop a service. */
export const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const;

/** Signals that end any other command; SIGHUP comes when its terminal is closed. */
const END_SIGNALS = [...STOP_SIGNALS, 'SIGHUP'] as const;

/** Calls `heard` at the first signal that ends a command; a second one has its default effect. */
export function onceInterrupted(heard: (name: NodeJS.Signals) => void): void {
  const first = (name: NodeJS.Signals): void => {
    for (const one of END_SIGNALS) process.off(one, first);
    heard(name);
  };
  for (const name of END_SIGNALS) process.on(name, first);
}

/** Gives SIGHUP its default effect back, which bin/signals.js has disabled until it is known which command runs. */
export function endAtHangup(): void {
  process.removeAllListeners('SIGHUP');
}
