/** What can be done before login. Several clients hang or leave without features. [XEP-0078 3] [XEP-0077 3] */
export function writeFeatures(registration: boolean): string {
  const register = registration ? `<register xmlns='http://jabber.org/features/iq-register'/>` : '';
  return `<stream:features><auth xmlns='http://jabber.org/features/iq-auth'/>${register}</stream:features>`;
}
