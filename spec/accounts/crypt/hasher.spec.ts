import { expect } from 'chai';
import { Hasher } from '../../../lib/accounts/crypt/hasher.js';
import { broken } from '../story.js';
import { VECTORS } from './vectors.js';

/** As long as nobody waits. */
const ENDLESS = '$6$rounds=999999999$saltsalt$';

describe('accounts/crypt/hasher', () => {
  let hasher: Hasher;
  afterEach(() => hasher.close());

  it('answers each with what is theirs, while the thread of all clients goes on', async () => {
    hasher = new Hasher();
    const jobs = VECTORS.flatMap(([, hashes]) => hashes);
    let turns = 0;
    const turn = setInterval(() => (turns += 1), 1);
    const answers = await Promise.all(jobs.map(([password, stored]) => hasher.hash(password, stored)));
    clearInterval(turn);
    expect(answers).to.deep.equal(jobs.map(([, stored]) => stored));
    expect(turns).to.be.above(10);
  }).timeout(20_000);

  it('gives up on a hash that takes too long, and goes on with the next', async () => {
    hasher = new Hasher(1000);
    const endless = broken(hasher.hash('secret', ENDLESS));
    // in time for the first, but not before it is given up
    const behind = broken(hasher.hash('secret', '$1$a$'));
    expect(await endless).to.equal('the hash of a stored password takes too long to compute');
    expect(await behind).to.match(/too many passwords are waiting|takes too long/);
    expect(await hasher.hash('secret', '$1$a$')).to.equal('$1$a$41c8gzdxX5iFFuqkeAdoe0');
  }).timeout(10_000);

  it('tells those who wait that it is closed', async () => {
    hasher = new Hasher();
    const waiting = [ENDLESS, '$1$a$'].map((setting) => broken(hasher.hash('secret', setting)));
    await hasher.close();
    expect(await Promise.all(waiting)).to.deep.equal(['the accounts are closed', 'the accounts are closed']);
    expect(await broken(hasher.hash('secret', '$1$a$'))).to.equal('the accounts are closed');
  });
});
