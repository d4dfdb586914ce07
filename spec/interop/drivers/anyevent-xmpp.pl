#!/usr/bin/perl
# AnyEvent::XMPP in its old style: sends the auth set with the password at once, without a get, and at the end just
# closes the connection, without a word.
use strict;
use warnings;
use AnyEvent;
use AnyEvent::XMPP::IM::Connection;
use AnyEvent::XMPP::IM::Message;
use Encode qw(decode);

binmode STDOUT, ':encoding(UTF-8)';
$| = 1;

my $over = AnyEvent->condvar;
my $leaving = 0;

sub gone { return if $leaving; print "gone @_\n"; $over->send(1) }

my $connection = AnyEvent::XMPP::IM::Connection->new(
    jid => "$ENV{USERNAME}\@$ENV{DOMAIN}/$ENV{RESOURCE}", password => $ENV{PASSWORD},
    host => '127.0.0.1', port => $ENV{PORT}, disable_sasl => 1, disable_iq_auth => 0, disable_ssl => 1,
);
$connection->reg_cb(
    session_ready => sub { print "online\n" },
    message => sub {
        my (undef, $message) = @_;
        print 'received ', $message->from, ' ', $message->any_body, "\n" if defined $message->any_body;
    },
    error => sub { gone($_[1]->string) },
    disconnect => sub { $leaving ? $over->send(0) : gone($_[3] // 'disconnected') },
);
$connection->connect;

my $input = '';
my $commands; $commands = AnyEvent->io(fh => \*STDIN, poll => 'r', cb => sub {
    my $open = sysread(STDIN, $input, 4096, length $input);
    while ($input =~ s/^(.*)\n//) { command(decode('UTF-8', $1)) }
    command('quit') unless $open;
});

sub command {
    my ($line) = @_;
    if ($line =~ /^say (.*)/) {
        AnyEvent::XMPP::IM::Message->new(
            to => $ENV{PARTNER}, type => 'chat', body => $1, connection => $connection)->send;
    } elsif ($line eq 'quit') {
        undef $commands;
        $leaving = 1;
        $connection->disconnect('quit');
    }
}

exit $over->recv;
