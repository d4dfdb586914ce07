#!/usr/bin/perl
# Net::Jabber, on Net::XMPP: a jabber:iq:auth get first, then the zero-knowledge <hash/> where the form offers a
# sequence and a token, else the digest. Ends by resetting the connection behind its </stream:stream>.
use strict;
use warnings;
use utf8;
use Encode qw(decode encode);
use IO::Select;
use Net::Jabber;

binmode STDOUT, ':encoding(UTF-8)';
$| = 1;

sub gone { print "gone @_\n"; exit 1 }

my $client = Net::Jabber::Client->new();
$client->SetCallBacks(
    message => sub {
        my (undef, $message) = @_;
        print 'received ', $message->GetFrom, ' ', $message->GetBody, "\n" if $message->DefinedBody;
    }
);
defined $client->Connect(
    hostname => '127.0.0.1', port => $ENV{PORT}, componentname => $ENV{DOMAIN}, connectiontype => 'tcpip', tls => 0,
) or gone('no stream: ' . ($client->GetErrorCode // $!));
my @answer = $client->AuthSend(username => $ENV{USERNAME}, password => $ENV{PASSWORD}, resource => $ENV{RESOURCE});
gone("login refused: @answer") if ($answer[0] // '') ne 'ok';
$client->RosterGet;
$client->PresenceSend;
print "online\n";

my $commands = IO::Select->new(\*STDIN);
my $input = '';
while (1) {
    defined $client->Process(0.05) or gone('disconnected');
    next unless $commands->can_read(0);
    sysread(STDIN, $input, 4096, length $input) or last;
    while ($input =~ s/^(.*)\n//) {
        my $line = decode('UTF-8', $1);
        goto leave if $line eq 'quit';
        # a copy: Net::XMPP matches other things before it looks at the body
        my ($text) = $line =~ /^say (.*)/ or next;
        $client->MessageSend(to => $ENV{PARTNER}, type => 'chat', body => "$text");
    }
}
leave: $client->Disconnect;
