import { expect } from 'chai';
import {
  acceptOf,
  Deployment,
  readConfiguration,
  readExample,
  readJabberXml,
  runClient,
  runScript,
  example,
} from './example.js';

describe('legacy-examples/jabberd-1.1', function () {
  this.timeout(20_000);
  let name: string;
  let sm: string;
  let secret: string | undefined;

  before(() => {
    const service = readJabberXml(readExample('jabberd-1.1', 'jabber.xml')).child('service')!;
    name = service.childText('host')!;
    ({ sm, secret } = acceptOf(service));
  });

  it('sm-component.json fits jabber.xml', () => {
    const options = readConfiguration('jabberd-1.1');
    expect(options).to.include({ sm, name, secret, dialect: 'sto-sfrom' });
    expect(options['domain']).not.to.include(name);
  });

  describe('client.mjs', () => {
    let deployment: Deployment;
    let where: string;

    before(async () => {
      deployment = new Deployment();
      const values = ['--name', name, '--secret', secret!, '--domain', 'foo.com', '--registration', 'on'];
      where = await deployment.start('jabberd-1.1', ...values);
    });
    after(() => deployment.stop());

    it('registers, logs in by digest, and hears what it sends to itself', () => {
      const { code, stdout, stderr } = runClient(where);
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
      expect(stdout).to.match(
        /^registered juliet@foo\.com\nlogged in as juliet@foo\.com\/example\nsent to itself: hello at .+\n$/,
      );
    });

    it('logs in where there is an account', () => {
      const account = ['romeo', `<&>'"`, 'foo.com'];
      runClient(where, ...account);
      const { code, stdout } = runClient(where, ...account);
      expect(code).to.equal(0);
      expect(stdout).to.match(/^logged in as romeo@foo\.com\/example\nsent to itself/);
    });

    it('fails with a sentence where the password is wrong', () => {
      runClient(where, 'mercutio', 'secret');
      const { code, stderr } = runClient(where, 'mercutio', 'wrong');
      expect(code).to.equal(1);
      expect(stderr).to.match(/: no login \(<error .*401.*\), and no new account \(<error .*409.*\)\n$/);
    });

    it('fails with a sentence where nothing listens', () => {
      const { code, stderr } = runScript(example('jabberd-1.1', 'client.mjs'), '127.0.0.1:1');
      expect(code).to.equal(1);
      expect(stderr).to.match(/^127\.0\.0\.1:1: .*ECONNREFUSED.*\n$/);
    });
  });
});
