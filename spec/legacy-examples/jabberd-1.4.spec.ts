import { expect } from 'chai';
import type { Element } from '../../lib/xml/index.js';
import { acceptOf, Deployment, readConfiguration, readExample, readJabberXml, runClient } from './example.js';

const serviceOf = (configuration: Element, id: string): Element | undefined =>
  configuration.elements.find((service) => service.attribute('id') === id);

describe('legacy-examples/jabberd-1.4', function () {
  this.timeout(20_000);
  const source = readExample('jabberd-1.4', 'jabber.xml');
  let configuration: Element;
  let options: ReturnType<typeof readConfiguration>;
  let service: Element | undefined;

  before(() => {
    configuration = readJabberXml(source);
    options = readConfiguration('jabberd-1.4');
    service = serviceOf(configuration, String(options['name']));
  });

  const domain = (): string => serviceOf(configuration, 'sessions')!.childText('host')!;

  /** The same with the socket manager of jabberd, as the comments in it say. */
  const bothDoors = (): Element => readJabberXml(source.replace(/^.*(?:begin|end) c2s.*\n/gm, ''));

  const portOf = (address: unknown): string => String(address).replace(/^.*:/, '');

  it('sm-component.json fits jabber.xml', () => {
    expect(options).to.include({ ...acceptOf(service), dialect: 'route' });
    expect(options['domain']).to.deep.equal([domain()]);
  });

  it('has nothing in jabber.xml that shuts routes out, or slows the link down', () => {
    expect(service!.child('accept')!.child('restrict')).to.equal(undefined);
    const io = configuration.child('io')!;
    expect(io.child('rate')).to.equal(undefined);
    expect(io.child('karma')!.childText('dec')).to.equal('0');
    expect(io.child('karma')!.childText('init')).to.equal('82');
  });

  it('has pthsock_client only where the two lines of its comment are taken away', () => {
    expect(serviceOf(configuration, 'c2s')).to.equal(undefined);
    const c2s = serviceOf(bothDoors(), 'c2s')!;
    expect(c2s.child('load')!.child('pthsock_client')).not.to.equal(undefined);
    expect(c2s.child('pthcsock')!.child('rate')).not.to.equal(undefined);
  });

  it('clients.nft redirects from the port of pthsock_client to the one of sm-component', () => {
    const rules = readExample('jabberd-1.4', 'clients.nft');
    const [listen] = options['listen'] as string[];
    expect(rules).to.match(new RegExp(`tcp dport @moved .* == syn redirect to :${portOf(listen)}\n`));
    const port = serviceOf(bothDoors(), 'c2s')!.child('pthcsock')!.child('ip')!.attribute('port');
    expect(rules).to.contain(`or ${port}.\n`);
  });

  it('README.md names the ports that the files have', () => {
    const [listen] = options['listen'] as string[];
    expect(readExample('jabberd-1.4', 'README.md'))
      .to.contain(`client.mjs 127.0.0.1:${portOf(listen)}`)
      .and.to.contain('moved { 5222 }')
      .and.to.contain(`sport = :${portOf(listen)}`);
  });

  describe('with a session manager in the place of jabberd', () => {
    const deployment = new Deployment();

    after(() => deployment.stop());

    it('serves a client', async () => {
      const values = ['--name', String(options['name']), '--secret', options.secret, '--domain', domain()];
      const where = await deployment.start(
        'jabberd-1.4',
        ...['--dialect', 'route', '--registration', 'on', ...values],
      );
      const { code, stdout, stderr } = runClient(where, 'juliet', 'secret', domain());
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
      expect(stdout).to.match(/^registered .*\nlogged in as .*\nsent to itself: hello at .+\n$/);
    });
  });
});
