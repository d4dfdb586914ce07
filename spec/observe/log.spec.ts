import { PassThrough, Writable } from 'node:stream';
import { expect } from 'chai';
import { createLog, silent, type LogFormat, type LogLevel } from '../../lib/observe/log.js';

describe('observe/log', () => {
  const open = (level: LogLevel, format: LogFormat) => {
    const stream = new PassThrough();
    const log = createLog(level, format, stream);
    return { log, lines: () => ((stream.read() as Buffer | null) ?? '').toString().split('\n').slice(0, -1) };
  };

  it('writes one line an event: time, level, message, details', () => {
    const { log, lines } = open('info', 'text');
    log.info('client connected', { id: '12@foo-sockets/4f1c', port: 5222, ok: true, user: undefined });
    const [line, ...more] = lines();
    expect(more).to.be.empty;
    expect(line).to.match(
      /^\d{4}-\d\d-\d\dT[\d:.]+Z info client connected id=12@foo-sockets\/4f1c port=5222 ok=true$/,
    );
  });

  it('quotes a value that could be taken for two', () => {
    const { log, lines } = open('info', 'text');
    log.info('x', { a: 'b c', d: '', e: 'f=g', h: 'say "i"' });
    expect(lines()[0]).to.match(/x a="b c" d="" e="f=g" h="say \\"i\\""$/);
  });

  for (const format of ['text', 'json'] as const) {
    it(`lets nobody forge a line or speak to the terminal (${format})`, () => {
      const { log, lines } = open('info', format);
      log.info('bad\nworse', {
        user: 'a\r\n2026 error x',
        escape: '\u001b[2J\u009b',
        turn: '\u202e',
        tag: '\u{e0001}',
      });
      const [line, ...more] = lines();
      expect(more).to.be.empty;
      expect(line)
        .to.match(/^[\x20-\x7e]+$/)
        .and.contain('bad\\')
        .and.contain('\\u001b[2J\\u009b');
    });
  }

  it('writes JSON that reads back', () => {
    const { log, lines } = open('info', 'json');
    log.warn('link down \u{1f600}\u202e', { code: 'ECONNREFUSED', tries: 3, level: 'none', message: 'none' });
    const { time, ...entry } = JSON.parse(lines()[0]) as Record<string, unknown>;
    expect(Date.parse(time as string))
      .to.be.a('number')
      .above(0);
    expect(entry).to.deep.equal({
      level: 'warn',
      message: 'link down \u{1f600}\u202e',
      code: 'ECONNREFUSED',
      tries: 3,
    });
  });

  it('leaves out what is below its level', () => {
    const { log, lines } = open('warn', 'text');
    log.debug('1');
    log.info('2');
    log.warn('3');
    log.error('4');
    expect(lines().map((line) => line.split(' ').slice(1).join(' '))).to.deep.equal(['warn 3', 'error 4']);
  });

  it('survives a stream that fails', () => {
    const stream = new Writable({ write: (_chunk, _encoding, done) => done(new Error('EPIPE')) });
    const log = createLog('info', 'text', stream);
    expect(() => log.info('1')).not.to.throw();
    expect(() => stream.emit('error', new Error('EPIPE'))).not.to.throw();
  });

  it('keeps no more than a bounded part of what nobody reads, and then says how many lines are lost', () => {
    let read = (): void => undefined;
    const chunks: string[] = [];
    const stream = new Writable({
      decodeStrings: false,
      write: (chunk: string, _encoding, done) => {
        chunks.push(chunk);
        read = done;
      },
    });
    const log = createLog('info', 'text', stream);
    for (let count = 0; count < 50_000; count += 1) log.info('client connected', { count, ip: '10.9.0.2' });
    expect(stream.writableLength).to.be.within(1_000_000, 1_100_000);
    const dense = stream.writableLength;
    while (stream.writableLength > dense / 2 + 1000) read();
    log.info('still too much waits');
    while (stream.writableLength > 0) read();
    log.info('read again');
    while (stream.writableLength > 0) read();
    const kept = chunks.filter((line) => line.includes('client connected')).length;
    const [notice, line] = chunks.slice(-2).map((one) => one.trimEnd().split(' ').slice(1).join(' '));
    expect(notice).to.equal(
      `error log lines were lost: the reader of the log was too slow lines=${50_001 - kept}`,
    );
    expect(line).to.equal('info read again');
  });

  it('has a silent one', () => {
    expect(() => silent.error('nothing')).not.to.throw();
  });
});
