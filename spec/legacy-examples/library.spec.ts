import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { Client } from '../support/client.js';
import { example, Script } from './example.js';

describe('legacy-examples/library.mjs', function () {
  this.timeout(20_000);
  let temporary: string;
  let script: Script;
  let client: Client | undefined;

  beforeEach(() => {
    temporary = mkdtempSync(path.join(tmpdir(), 'sm-component-'));
    script = new Script(example('library.mjs'), { TMPDIR: temporary });
  });
  afterEach(async () => {
    client?.socket.destroy();
    await script.discard();
    rmSync(temporary, { recursive: true });
  });

  it('serves clients, prints who comes and goes, and leaves nothing behind at SIGTERM', async () => {
    const [, port] = await script.says(/listening on 127\.0\.0\.1:(\d+)/);
    client = await Client.connect(Number(port));
    const id = (await client.open()).attribute('id');
    const digest = createHash('sha1').update(`${id}secret`).digest('hex');
    client.send(
      `<iq type='set' id='1'><query xmlns='jabber:iq:auth'><username>juliet</username>` +
        `<digest>${digest}</digest><resource>Balcony</resource></query></iq>`,
    );
    await client.expect(`<iq type='result' id='1'/>`);
    await script.says(/^login juliet@localhost\/Balcony from 127\.0\.0\.1$/m);

    script.signal('SIGTERM');
    await client.expectError('system-shutdown');
    expect(await script.exit).to.equal(0);
    expect(script.stdout).to.match(/gone juliet@localhost\/Balcony: shutdown\nstopped\n$/);
    expect(readdirSync(temporary)).to.deep.equal([]);
  });
});
