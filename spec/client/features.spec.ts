import { expect } from 'chai';
import { writeFeatures } from '../../lib/client/features.js';
import { parse } from '../../lib/xml/index.js';

describe('stream features', () => {
  it('offer registration only where it is on', () => {
    expect(parse(writeFeatures(true)).elements.map(({ name }) => name)).to.deep.equal(['auth', 'register']);
    expect(parse(writeFeatures(false)).elements.map(({ name }) => name)).to.deep.equal(['auth']);
  });
});
