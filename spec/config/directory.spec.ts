import { mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { makeDirectory } from '../../lib/config/directory.js';
import { call } from '../cli/program.js';

describe('config: a directory that is made where it is missing', function () {
  this.timeout(20_000);
  let root: string;
  beforeEach(() => (root = mkdtempSync(path.join(tmpdir(), 'sm-component-'))));
  afterEach(() => rmSync(root, { recursive: true }));

  it('is made with those above it, for its owner alone', () => {
    const directory = path.join(root, 'a', 'b', 'c');
    makeDirectory(directory);
    makeDirectory(directory);
    for (const made of [directory, path.dirname(directory)])
      expect(statSync(made).mode & 0o777).to.equal(0o700);
  });

  it('may be a link to one', () => {
    makeDirectory(path.join(root, 'real'));
    symlinkSync('real', path.join(root, 'link'));
    makeDirectory(path.join(root, 'link'));
    makeDirectory(path.join(root, 'link', 'below'));
    expect(statSync(path.join(root, 'real', 'below')).isDirectory()).to.equal(true);
  });

  it('is none where a file stands, or a link to nothing', () => {
    writeFileSync(path.join(root, 'file'), '');
    symlinkSync('nothing', path.join(root, 'link'));
    expect(() => makeDirectory(path.join(root, 'file'))).to.throw('EEXIST');
    expect(() => makeDirectory(path.join(root, 'file', 'below'))).to.throw('ENOTDIR');
    expect(() => makeDirectory(path.join(root, 'link'))).to.throw('EEXIST');
  });

  // Node's own function never comes to an end there; whoever is called would not either, and be ended by the spec.
  const nowhere = '/proc/sm-component';
  for (const args of [
    ['--listen', '0'],
    ['session-manager', '--secret', 'x', '--domain', 'localhost', '--listen', '0'],
    ['users', 'list'],
    ['users', 'add', 'juliet', '--password', 'x', '--create'],
    ['users', 'add', 'juliet', '--password', 'x', '--credentials', 'embedded', '--create'],
  ]) {
    it(`${nowhere} is told of in one sentence: ${args.join(' ')}`, function () {
      if (process.platform !== 'linux') {
        console.log('      skipped: only Linux has a directory that takes no directories');
        this.skip();
      }
      const { code, stdout, stderr } = call([...args, '--data', nowhere], { cwd: root });
      expect([code, stdout]).to.deep.equal([1, '']);
      expect(stderr).to.match(/^sm-component: .*\/proc\/sm-component.*\n$/);
    });
  }

  it('a socket manager in front of another session manager goes without a control socket there', function () {
    if (process.platform !== 'linux') {
      console.log('      skipped: only Linux has a directory that takes no directories');
      this.skip();
    }
    const { code, stderr } = call(
      ['--sm', '127.0.0.1:1', '--secret', 'x', '--dialect', 'jabberd2', '--data', nowhere, '--listen', '0'],
      { cwd: root },
    );
    expect([code, stderr]).to.deep.equal([1, stderr]);
    expect(stderr).to.contain('cannot be used');
  });
});
