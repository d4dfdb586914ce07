import { expect } from 'chai';
import { readConfiguration, readExample, readJabberXml } from './example.js';

describe('legacy-examples/jabberd-2', function () {
  this.timeout(20_000);
  let options: ReturnType<typeof readConfiguration>;

  before(() => {
    options = readConfiguration('jabberd-2');
  });

  it('sm-component.json fits router-users.xml: the name is the one that its user may bind', () => {
    const users = readJabberXml(readExample('jabberd-2', 'router-users.xml')).elements;
    const user = users.find((one) => one.childText('name') === options['router-user']);
    expect(user?.childText('secret')).to.equal(options.secret);
    expect(options).to.include({ dialect: 'jabberd2', name: user?.childText('name') });
  });

  it('README.md names the places that the files have', () => {
    const [listen] = options['listen'] as string[];
    const text = readExample('jabberd-2', 'README.md');
    expect(text).to.contain(`client.mjs 127.0.0.1:${listen.replace(/^.*:/, '')}`);
    expect(text).to.contain('probe --config legacy-examples/jabberd-2/sm-component.json');
    expect(text).to.contain(`takes the name \`${String(options['name'])}\``);
  });
});
