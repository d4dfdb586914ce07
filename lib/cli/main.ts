import yargs from 'yargs';
import { ConfigError } from '../config/error.js';
import { addCommands } from './arguments.js';
import { certificate } from './certificate.js';
import { checkConfig } from './check-config.js';
import { EXIT, nameOf, UsageError, type Command, type CommandGroup } from './command.js';
import { probeCommand } from './probe.js';
import { run } from './run.js';
import { scenario } from './scenario/index.js';
import { sessionManager } from './session-manager.js';
import { exitAfterFlush } from './service.js';
import { sessions } from './sessions.js';
import { endAtHangup } from './signals.js';
import { users } from './users/index.js';
import { version } from './version.js';

const COMMANDS: readonly (Command | CommandGroup)[] = [
  run,
  sessionManager,
  users,
  sessions,
  probeCommand,
  scenario,
  checkConfig,
  certificate,
];

/** Commands that run until a signal stops them. */
const SERVICES: readonly Command[] = [run, sessionManager];

const EPILOGUE =
  'Each option is also an environment variable (SM_COMPONENT_LOG_LEVEL for --log-level; lists with commas) and a key ' +
  'of the JSON file that --config names. Arguments override variables, and variables override the file. ' +
  'Exit codes: 0 after a normal stop, 2 for wrong usage or configuration, 1 for any other error.';

/** Runs the program, and prints errors on standard error. Never rejects. @returns the exit code */
export async function main(args: readonly string[]): Promise<number> {
  // The program goes on when the reader of its output exits (`… | head`).
  process.stdout.on('error', () => undefined);
  const started = new Set<Command>();
  const code = await dispatch(args, started).catch((error: unknown) => reportError(error, args));
  if (SERVICES.some((service) => started.has(service))) await exitAfterFlush(code);
  return code;
}

function reportError(error: unknown, args: readonly string[]): number {
  const known = error instanceof Error && ['ConfigError', 'UsageError', 'Failure'].includes(error.name);
  console.error(known ? `sm-component: ${error.message}` : error);
  const usage = error instanceof ConfigError || error instanceof UsageError;
  if (usage) console.error(`Help: ${['sm-component', ...calledIn(args), '--help'].join(' ')}`);
  return usage ? EXIT.usage : EXIT.failed;
}

/** The command at the beginning of the arguments, and its action. */
function calledIn([first, second]: readonly string[]): readonly string[] {
  const found = COMMANDS.find((one) => nameOf(one) === first);
  if (found === undefined) return [];
  const action = 'actions' in found && found.actions.some((one) => nameOf(one) === second);
  return action ? [first, second] : [first];
}

/** @param started the command is added to it when it runs */
async function dispatch(args: readonly string[], started: Set<Command>): Promise<number> {
  let code: number = EXIT.stopped;
  const parser = yargs([...args])
    .scriptName('sm-component')
    .parserConfiguration({
      'boolean-negation': false,
      'camel-case-expansion': false,
      'dot-notation': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'greedy-arrays': false,
    })
    .version(version())
    .help()
    .locale('en')
    .updateStrings({ 'Not enough arguments following: %s': '--%s needs a value' })
    .strict(false)
    .exitProcess(false)
    .fail((message, error: Error | undefined) => {
      throw error && error.name !== 'YError' ? error : new UsageError(message || String(error?.message));
    })
    .epilogue(EPILOGUE)
    .wrap(Math.min(110, process.stdout.columns || 110));
  addCommands(parser, COMMANDS, async (command, call) => {
    started.add(command);
    if (!SERVICES.includes(command)) endAtHangup();
    code = await command.run(call);
  });
  await parser.parseAsync();
  return code;
}
