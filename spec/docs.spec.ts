import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';

const FOLDERS = ['.', 'docs', 'legacy-examples', 'spec', 'bench'];

/** Every page: those of a folder and of the folders in it; of the root, its own only. */
const PAGES = FOLDERS.flatMap((folder) =>
  readdirSync(folder, { recursive: folder !== '.', encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => path.join(folder, name)),
);

const text = (page: string): string => readFileSync(page, 'utf8');

/** What stands outside of examples. */
const prose = (page: string): string => text(page).replace(/^( *)```[^]*?^\1```$/gm, '');

/** The name that a heading has in links, as forges make it. */
function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

const anchors = (page: string): string[] =>
  [...prose(page).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchor(heading));

describe('the pages', () => {
  it('are found', () => {
    expect(PAGES).to.include.members(['README.md', 'docs/options.md', 'legacy-examples/jabberd-2/README.md']);
  });

  for (const page of PAGES) {
    it(`${page} links to what is there`, () => {
      for (const [, target] of prose(page).matchAll(/\]\((?!https?:)([^)]+)\)/g)) {
        const [file, name] = target.split('#');
        const found = file === '' ? page : path.join(path.dirname(page), file);
        expect(existsSync(found), `${target} is not there`).to.equal(true);
        if (name !== undefined) expect(anchors(found), target).to.include(name);
      }
    });

    it(`${page} names files of ours that are there`, () => {
      const names = prose(page).matchAll(/`((?:lib|bin|spec|bench|docs|legacy-examples)\/[\w./-]+)`/g);
      for (const [, name] of names) expect(existsSync(name), `${name} is not there`).to.equal(true);
    });
  }

  it('of docs/ are reached from README.md, or from one that is', () => {
    const reached = new Set(['README.md']);
    for (const page of reached) {
      for (const [, target] of prose(page).matchAll(/\]\(([^)#]+\.md)/g)) {
        if (!target.includes(':')) reached.add(path.join(path.dirname(page), target));
      }
    }
    expect(PAGES.filter((page) => page.startsWith('docs/') && !reached.has(page))).to.deep.equal([]);
  });
});
