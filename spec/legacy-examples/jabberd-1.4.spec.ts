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

  for (const file of ['jabber-1.4.4.xml', 'jabber-1.6.xml']) {
    it(`sm-component.json fits ${file}, where nothing shuts routes out or slows the link down either`, () => {
      const other = readJabberXml(readExample('jabberd-1.4', file));
      const sockets = serviceOf(other, String(options['name']))!;
      expect(acceptOf(sockets)).to.deep.equal(acceptOf(service));
      expect(sockets.child('accept')!.child('restrict')).to.equal(undefined);
      expect(other.elements.map((part) => part.childText('host'))).to.include(domain());
      expect(other.child('io')!.child('rate')).to.equal(undefined);
      expect(other.child('io')!.child('karma')!.toString()).to.equal(
        configuration.child('io')!.child('karma')!.toString(),
      );
    });
  }

  it('jabber-1.4.4.xml is jabber.xml with the modules of 1.4.4, which has no mod_auth_0k', () => {
    const spelt = (xml: string): string => readJabberXml(xml).toString().replaceAll(/>\s+</g, '><');
    const moved = source
      .replace(/ *<mod_auth_0k>.*\n/, '')
      .replaceAll('./jsm/jsm.so', '/usr/local/lib/libjabberdsm.so')
      .replaceAll('./xdb_file/xdb_file.so', '/usr/local/lib/libjabberdxdbfile.so')
      .replaceAll('./pthsock/pthsock_client.so', '/usr/local/lib/libjabberdpthsock.so')
      .replaceAll(/\.\/(dnsrv|dialback)\/\1\.so/g, '/usr/local/lib/libjabberd$1.so');
    const other = readExample('jabberd-1.4', 'jabber-1.4.4.xml');
    const both = (xml: string): string => spelt(xml.replaceAll(/^.*(?:begin|end) c2s.*\n/gm, ''));
    expect(spelt(other)).to.equal(spelt(moved));
    expect(both(other)).to.equal(both(moved));
  });

  it('jabber-1.6.xml has no socket manager of its own: there whoever can log in owns every account', () => {
    const other = readExample('jabberd-1.4', 'jabber-1.6.xml');
    expect(serviceOf(readJabberXml(other), 'c2s')).to.equal(undefined);
    expect(other).to.not.contain('pthsock');
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
