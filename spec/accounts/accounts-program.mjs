import { existsSync, readFileSync, writeFileSync } from 'node:fs';

/*
 * A program for the module pipe of jabberd2, with accounts in memory, or, after --file FILE, in that file for all that
 * run. Like those that people have, it takes what one read brings for a question, and splits it at spaces. Its other
 * arguments are what it says that it can; without any, all.
 */
const ALL = 'USER-EXISTS GET-PASSWORD CHECK-PASSWORD SET-PASSWORD CREATE-USER DELETE-USER FREE'.split(' ');
const given = process.argv.slice(2);
const file = given[0] === '--file' ? given.splice(0, 2)[1] : undefined;
const accounts = new Map();
const decode = (text) => Buffer.from(text, 'base64').toString();
const yes = (it) => (it ? 'OK' : 'NO');

const answers = {
  'USER-EXISTS': (user, realm) => yes(accounts.has(`${user} ${realm}`)),
  'GET-PASSWORD': (user, realm) => {
    const password = accounts.get(`${user} ${realm}`);
    return password === undefined ? 'NO' : `OK ${Buffer.from(password).toString('base64')}`;
  },
  'CHECK-PASSWORD': (user, password, realm) => yes(accounts.get(`${user} ${realm}`) === decode(password)),
  'SET-PASSWORD': (user, password, realm) => {
    const name = `${user} ${realm}`;
    return yes(accounts.has(name) && accounts.set(name, decode(password)));
  },
  'CREATE-USER': (user, realm) => yes(accounts.set(`${user} ${realm}`, '')),
  'DELETE-USER': (user, realm) => yes(accounts.delete(`${user} ${realm}`)),
  FREE: () => process.exit(0),
};

function load() {
  accounts.clear();
  const entries = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : [];
  for (const [name, password] of entries) accounts.set(name, password);
}

console.log(['OK', ...(given.length > 0 ? given : ALL)].join(' '));
process.stdin.setEncoding('utf8').on('data', (question) => {
  const [word, ...words] = question.trim().split(' ');
  if (file) load();
  const answer = answers[word](...words);
  if (file) writeFileSync(file, JSON.stringify([...accounts]));
  console.log(answer);
});
