import { expect } from 'chai';
import { JABBERD2 } from '../support/jabberd2.js';
import { Jabberd2Story, type Stance } from '../support/jabberd2-story.js';
import { describeWith } from '../support/needs.js';

describeWith('jabberd2', JABBERD2, 'interop: encryption to the router of a real jabberd2', () => {
  describe('it is offered', () => {
    const held = Jabberd2Story.around({ tls: true });

    it('and used: nothing but its beginning can be read on the way', async () => {
      const { story } = held;
      const user = await story.member('alice');
      user.say(user.full, 'nobody else may read this');
      await user.hears('nobody else may read this');
      expect(story.line.passed).to.include('<proceed').and.not.include('nobody else may read this');
      expect(story.line.passed).not.to.include('<bind');
    });

    it('is not used where it is switched off', async () => {
      const { story } = held;
      await linked(story, { name: 'plain', more: ['--router-tls', 'off'] });
    });

    it('a certificate is accepted that is the given one, for the address that is connected to', async () => {
      const { story } = held;
      await linked(story, { name: 'checking', more: ['--router-ca', story.jabberd.certificate] });
    });

    it('a certificate of nobody known is refused, and the log says so', async () => {
      const { story } = held;
      const other = await Jabberd2Story.begin({ tls: true });
      const authority = other.jabberd.certificate;
      const front = story.another({ name: 'suspicious', more: ['--router-ca', authority] });
      front.launch();
      const isIt = ({ message }: { message: string }): boolean => /^no link .*certificate/.test(message);
      await front.logged('what is wrong', isIt);
      await front.terminate();
      await other.end();
    });

    it('survives a restart of the router', async () => {
      const { story } = held;
      const user = await story.member('bob');
      await story.jabberd.router.kill();
      await story.front.logged('the loss', ({ message }) => message.startsWith('lost link'));
      user.say(user.full, 'sent while it was away');
      await story.jabberd.router.start();
      await user.hears('sent while it was away');
    });
  });

  describe('it is not offered', () => {
    const held = Jabberd2Story.around();

    it('and required: there is no link, and the log says why', async () => {
      const front = held.story.another({ name: 'careful', more: ['--router-tls', 'required'] });
      front.launch();
      const isIt = ({ message }: { message: string }): boolean => /--router-tls requires it/.test(message);
      await front.logged('what is wrong', isIt);
      await front.terminate();
    });
  });

  async function linked(story: Jabberd2Story, stance: Stance): Promise<void> {
    const front = story.another(stance);
    await front.start();
    await front.logged('linked', ({ message }) => message.startsWith('linked to'));
    await front.stop();
  }
});
