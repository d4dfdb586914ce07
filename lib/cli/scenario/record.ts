import * as kinds from '../../config/kinds.js';
import { Recorder } from '../../scenario/record.js';
import { ScriptFile } from '../../scenario/script-file.js';
import { command, EXIT, Failure, UsageError } from '../command.js';
import { onceInterrupted } from '../signals.js';

const UNWRITABLE = 'the script cannot be written';

export const scenarioRecord = command({
  usage: 'record [file]',
  help: 'Record what clients do as a script, until Ctrl-C',
  words: { file: { kind: kinds.text, help: 'The script to write; the file must not exist yet' } },
  own: {
    to: { kind: kinds.peer, help: 'The server.', required: true },
    listen: {
      kind: kinds.oneListener,
      help: 'The address for the clients to record.',
      default: '127.0.0.1:0',
    },
    password: {
      kind: kinds.text,
      help: 'The password to write for every character, instead of the recorded ones',
      secret: true,
    },
  },
  examples: [['$0 scenario record login.scs --to old.foo.com:5222', 'on any free port, which is printed']],
  async run({ own: { file, to, listen, password } }) {
    if (file === undefined) throw new UsageError('scenario record takes one FILE.scs to write');
    const title = `Recorded from ${kinds.printAddress(to)} on ${new Date().toISOString().slice(0, 10)}`;
    const script = new ScriptFile(
      file,
      () => recorder.script(title),
      (problem) => console.error(`sm-component: ${UNWRITABLE}: ${problem}; trying again`),
    );
    requireUnused(file, script);
    const recorder: Recorder = new Recorder({
      to,
      listen,
      password,
      onMessage: (what) => console.log(what),
      onChange: () => script.changed(),
    });
    await recordInto(script, recorder, listen, to);
    if (recorder.length === 0) {
      script.remove();
      throw new Failure('no client has logged in, so nothing was recorded');
    }
    save(script);
    console.log(`${file} holds ${recorder.length} actions.`);
    return EXIT.stopped;
  },
});

/** Records until a signal ends it. The script is saved as it grows. */
async function recordInto(
  script: ScriptFile,
  recorder: Recorder,
  listen: kinds.Address,
  to: kinds.Address,
): Promise<void> {
  const ended = new Promise<unknown>((resolve) => onceInterrupted(resolve));
  const at = await recorder.listen().catch((error: Error) => {
    throw new Failure(`listening on ${kinds.printAddress(listen)} failed: ${error.message}`);
  });
  try {
    save(script);
    console.log(
      `Recording clients of ${kinds.printAddress(at)} for ${kinds.printAddress(to)}; Ctrl-C ends it.`,
    );
    await ended;
    save(script);
  } finally {
    await recorder.close();
  }
}

/** @throws {Failure} */
function save(script: ScriptFile): void {
  try {
    script.save();
  } catch (error) {
    throw new Failure(`${UNWRITABLE}: ${(error as Error).message}`);
  }
}

/** @throws {UsageError} */
function requireUnused(file: string, script: ScriptFile): void {
  try {
    if (!script.isTaken()) return;
  } catch (error) {
    throw new UsageError(`${UNWRITABLE}: ${(error as Error).message}`);
  }
  throw new UsageError(`${file} exists already: remove it first`);
}
