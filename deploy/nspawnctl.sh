#!/bin/sh
# nspawnctl. To start Node takes longer than to answer what is asked most: how the containers are, and their names when a
# shell completes them. Those plain questions are put to nspawnd from here, which answers with the text itself. All else is the
# program's, and so is whatever does not go smoothly: a name that there is not, a daemon that is down, starting or slow.
program=/usr/lib/nspawnd/nspawnctl.mjs
perl=/usr/bin/perl

case ${1-} in
  get | __complete) [ -x "$perl" ] || exec "$program" "$@" ;;
  *) exec "$program" "$@" ;;
esac

# Only what Perl has without any module; each would take as long as the rest. A locale that the host has not is no news.
# shellcheck disable=SC2016 # it is Perl that expands them
PERL_BADLANG=0 exec "$perl" -e '
use strict;

my ($program, @words) = @ARGV;
my ($runtime, $patience, $most) = ("/run/nspawnd", 1, 64 << 20);
my $name = qr/[a-z0-9][a-z0-9-]*/;

# The commands that take the name of a container, and those that take several; filled in when this is built.
my @of_one = qw(ONE);
my @of_many = qw(MANY);

sub leave_to_program {
  alarm 0;
  exec { $program } $program, @words;
  print STDERR "nspawnctl: cannot run $program: $!\n";
  exit 127;
}

# The words: as what to list, which, and how much of a name was typed.
my ($as, @names, $typed) = ("table");
if ($words[0] eq "get") {
  my $kind = qr/containers?(?:\.nspawnd\.io)?/;
  my @rest = @words[1 .. $#words];
  while (defined(my $word = shift @rest)) {
    if ($word eq "-o" && @rest && $rest[0] =~ /\A(?:wide|name)\z/) { $as = shift @rest }
    elsif ($word =~ m{\A[a-z0-9][a-z0-9./-]*\z}) { push @names, $word }
    else { leave_to_program() }
  }
  shift @names if @names && $names[0] =~ /\A$kind\z/;
  s{\A$kind/}{} for @names;
} else {
  (my $dashes, my $verb, @names) = @words[1 .. $#words];
  leave_to_program() unless @names && $dashes eq "--";
  ($as, $typed) = ("words", pop @names);
  leave_to_program() unless grep { $_ eq $verb } @of_many, @names ? () : @of_one;
  leave_to_program() unless $typed =~ /\A(?:$name)?\z/;
}
leave_to_program() if grep { !/\A$name\z/ } @names;

# The question, on the socket for everything or, where that is out of reach, on the one for reading.
my $isPainted = -t STDOUT && !length($ENV{NO_COLOR} // "") && ($ENV{TERM} // "") ne "dumb";
my $accept = "text/plain;as=$as" . ($isPainted ? ";style=ansi" : "");
my $query = $as eq "words" ? "" : join "&", map { "name=$_" } @names;
my $request = "GET /apis/nspawnd.io/v1alpha1/containers?$query HTTP/1.0\r\nHost: nspawnd\r\nAccept: $accept\r\n\r\n";
my ($head, $text) = eval {
  local $SIG{ALRM} = sub { die };
  local $SIG{PIPE} = "IGNORE";
  alarm $patience;
  my $socket;
  for my $path ("$runtime/nspawnd.sock", "$runtime/read.sock") {
    # AF_UNIX, SOCK_STREAM
    socket($socket, 1, 1, 0) or die;
    last if connect($socket, pack("S Z*", 1, $path));
    # EPERM, ENOENT, EACCES
    die unless grep { $! == $_ } 1, 2, 13;
    $socket = undef;
  }
  binmode $socket;
  syswrite($socket, $request) == length $request or die;
  my $answer = "";
  while (my $count = sysread($socket, $answer, 65536, length $answer) // die) { die if length $answer > $most }
  alarm 0;
  split /\r\n\r\n/, $answer, 2;
};
leave_to_program()
  unless defined $text
  && $head =~ m{\AHTTP/1\.[01] 200 }
  && $head =~ m{^content-type: text/plain}mi
  && $head =~ /^content-length: (\d+)\r?$/mi
  && $1 == length $text;

if ($as eq "words") {
  leave_to_program() if $text =~ /\\/;
  my %is_there = map { $_ => 1 } @names;
  $text = join "", grep { /\A([^\t]*)/ && !$is_there{$1} && index($1, $typed) == 0 } split /^/, $text;
}

# The answer. A reader that has seen enough is no error.
$SIG{PIPE} = "IGNORE";
binmode STDOUT;
for (my $at = 0; $at < length $text;) {
  my $count = syswrite STDOUT, $text, length($text) - $at, $at;
  if (defined $count) { $at += $count }
  # EINTR, EAGAIN
  elsif ($! == 4 || $! == 11) { select undef, undef, undef, 0.01 }
  elsif ($! == 32) { last }
  elsif ($at > 0) { print STDERR "nspawnctl: cannot write: $!\n"; exit 70 }
  else { $SIG{PIPE} = "DEFAULT"; leave_to_program() }
}
print STDERR "$_\n" for $head =~ /^warning: 299 - "([^"\r\n]*)"\r?$/mgi;
' "$program" "$@"
