import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync, unlinkSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { Store } from '../../lib/embedded/store/store.js';
import { Program } from '../cli/program.js';
import { PING, query, register, result, set, User } from '../embedded/support/user.js';
import { shout } from './support/needs.js';

const TITLE = 'the embedded session manager on a file system that is full';
const ROMEO = 'romeo@localhost';
const padding = 'x'.repeat(3000);

/** A small file system of its own; undefined where this user may not mount any. */
function mounted(): string | undefined {
  const directory = mkdtempSync(path.join(tmpdir(), 'sm-component-'));
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=700', 'tmpfs', directory]);
  if (status === 0) return directory;
  rmSync(directory, { recursive: true });
  return undefined;
}

function unmount(directory: string): void {
  spawnSync('umount', [directory]);
  rmSync(directory, { recursive: true });
}

describe(TITLE, () => {
  let directory: string | undefined;
  let program: Program;
  const sockets: Socket[] = [];

  async function online(name: string): Promise<User> {
    const user = await User.connect(program);
    sockets.push(user.socket);
    await user.say(register(name), /id='reg'/);
    await user.login(name);
    await user.say(`<presence/>${PING}`, result('ping'));
    return user;
  }

  function kept(): string[] {
    const store = Store.open(directory!);
    const ids = store.offline.list(ROMEO).map(({ stanza }) => / id='(\w+)'/.exec(stanza)![1]);
    store.close();
    return ids;
  }

  before(function () {
    directory = mounted();
    if (directory !== undefined) return;
    shout(`${TITLE} cannot be tried: this user may not mount one`);
    this.skip();
  });
  after(async () => {
    for (const socket of sockets) socket.destroy();
    await program?.discard();
    if (directory !== undefined) unmount(directory);
  });

  it('gives back what it can not keep, keeps the rest, and goes on when there is room', async () => {
    program = new Program(['--listen', '0', '--data', directory!]);
    const romeo = await online('romeo');
    romeo.socket.destroy();
    const juliet = await online('juliet');
    const filler = path.join(directory!, 'filler');
    const { bavail, bsize } = statfsSync(directory!);
    writeFileSync(filler, Buffer.alloc((bavail - 40) * bsize));
    const send = async (from: number, to: number): Promise<string[]> => {
      const ids = Array.from({ length: to - from }, (_none, at) => `m${from + at}`);
      const all = ids.map((id) => `<message to='${ROMEO}' id='${id}'><body>${padding}</body></message>`);
      await juliet.say(all.join('') + PING, result('ping'));
      const back = juliet.heard.matchAll(/<message [^>]*id='(m\d+)'.*?<resource-constraint .*?<\/message>/gs);
      return [...back].map(([, id]) => id);
    };
    const back = await send(0, 100);
    expect(statfsSync(directory!).bavail).to.be.below(8);
    expect(back).to.not.be.empty;
    const note = set('note', query('jabber:iq:private', `<n xmlns='urn:n'>${padding.repeat(20)}</n>`));
    expect(await juliet.ask(note)).to.contain('<resource-constraint ');
    unlinkSync(filler);
    expect(await juliet.ask(note)).to.contain(`type='result'`);
    expect(await send(100, 120)).to.deep.equal([]);
    expect([...back, ...kept()]).to.have.members(Array.from({ length: 120 }, (_none, at) => `m${at}`));
    const again = await User.connect(program);
    sockets.push(again.socket);
    const before = kept();
    await again.login('romeo');
    await again.say(`<presence/>${PING}`, result('ping'));
    expect([...again.heard.matchAll(/<message [^>]*id='(m\d+)'/g)].map(([, id]) => id)).to.deep.equal(before);
  });
});
