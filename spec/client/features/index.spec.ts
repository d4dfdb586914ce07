import { expect } from 'chai';
import { writeFeatures } from '../../../lib/client/features/index.js';
import type { FeatureStream } from '../../../lib/client/features/feature.js';
import { parse } from '../../../lib/xml/index.js';

describe('stream features', () => {
  it('offer registration only where it is on', () => {
    const offered = (registration: boolean): string[] =>
      parse(writeFeatures({ registration } as FeatureStream)).elements.map(({ name }) => name);
    expect(offered(true)).to.deep.equal(['auth', 'register']);
    expect(offered(false)).to.deep.equal(['auth']);
  });
});
