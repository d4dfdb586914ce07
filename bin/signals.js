// Imported before anything else: a signal that nobody listens to ends the process at once, and SIGUSR1 opens the debugger
// of Node to everybody on the machine. What takes long to load, or runs for long, is not to be met by one unawares.
for (const name of ['SIGUSR1', 'SIGUSR2', 'SIGHUP']) process.on(name, () => undefined);
