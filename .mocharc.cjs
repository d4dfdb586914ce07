// Which specs to run is said on the command line: a `spec` here would be added to every `npx mocha FILE`.
module.exports = {
  reporter: 'dist/spec/reporter.js',
  timeout: 5000,
  forbidOnly: Boolean(process.env.CI),
};
