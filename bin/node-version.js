// Imported before anything else: an older Node would stop at the first word that it does not know, with a stack trace.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`sm-component needs Node 20.19 or newer; this is v${process.versions.node}.`);
  process.exit(1);
}
