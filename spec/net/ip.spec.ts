import { expect } from 'chai';
import { canonicalIp, countedAddress, Networks } from '../../lib/net/ip.js';

describe('an IP address', () => {
  const CANONICAL: Record<string, string> = {
    '192.0.2.1': '192.0.2.1',
    '::ffff:192.0.2.1': '192.0.2.1',
    '::FFFF:c000:201': '192.0.2.1',
    '2001:0DB8:0:0:0:0:0:1': '2001:db8::1',
    'fe80::1%eth0': 'fe80::1',
    '::1': '::1',
    '': '',
  };
  for (const [given, canonical] of Object.entries(CANONICAL)) {
    it(`has one spelling: "${given}"`, () => expect(canonicalIp(given)).to.equal(canonical));
  }

  const COUNTED: Record<string, string> = {
    '192.0.2.1': '192.0.2.1',
    '2001:db8:1:2:3:4:5:6': '2001:db8:1:2::/64',
    '2001:db8::1': '2001:db8:0:0::/64',
    '2001:db8:1:2::': '2001:db8:1:2::/64',
    '::1': '0:0:0:0::/64',
    '::': '0:0:0:0::/64',
    '1::8': '1:0:0:0::/64',
    '64:ff9b::192.0.2.1': '64:ff9b:0:0::/64',
    '1:2:3:4:5:6:192.0.2.1': '1:2:3:4::/64',
  };
  for (const [ip, counted] of Object.entries(COUNTED)) {
    it(`is counted as ${counted}: ${ip}`, () => expect(countedAddress(ip)).to.equal(counted));
  }
});

describe('networks', () => {
  const networks = new Networks([
    { address: '192.0.2.0', prefix: 24 },
    { address: '2001:db8::1', prefix: 128 },
  ]);
  for (const ip of ['192.0.2.0', '192.0.2.255', '2001:db8::1']) {
    it(`have ${ip}`, () => expect(networks.has(ip)).to.be.true);
  }
  for (const ip of ['192.0.3.0', '2001:db8::2', '', 'nonsense']) {
    it(`do not have "${ip}"`, () => expect(networks.has(ip)).to.be.false);
  }
});
