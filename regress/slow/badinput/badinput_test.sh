# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# Bad input, through the shipped programs.  storm sends it, with a seed that
# it prints (storm -s SEED does the same again); outcomes in ../../tools has what
# may become of each kind.  Each session has exactly one connecting, closing and
# closed, in order, at most one error with number, name and reason; none dies
# of a signal.  Afterwards descriptors of every process are as before (after
# 1000 connections to warm up), memory is within 1 MiB, every session is idle,
# and there is no zombie.

. "$(atf_get_srcdir)/../../tools/growth.sh"

bad="each ends by the table of events, and nothing grows"

# doctored "what" SED-SCRIPT: the log is not accepted when that is done to it.
doctored()
{
	cp log.good log
	edit log "$2"
	cmp -s log log.good && atf_fail "$1: nothing was changed"
	awk -f "$states" "$outcomes" manifest log >judged &&
	    atf_fail "$1: was accepted"
	atf_check -o not-match:' 0 bad$' cat judged
}

scenario checker "What judges the log refuses one in which anything is \
missing, twice, out of order, or other than it should be"
checker_body()
{
	need_look
	need_sources
	serve echo "timeout handshake 1"
	start
	storm "127.0.0.1:$port" garbage:1 truncated:1 silent:1 connect-leave:1
	settle
	judge
	cp log log.good
	_bad=$(sed -n 's/.* \(session=[0-9]*\) .*error=ptProtocol.*/\1/p' log)
	_cut=$(sed -n 's/.* \(session=[0-9]*\) .*truncated.*/\1/p' log)
	doctored "no connecting" "/$_bad .*state=connecting/d"
	doctored "no closing" "/$_bad .*state=closing/d"
	doctored "no closed" "/$_bad .*state=closed/d"
	doctored "two connecting" "/$_bad .*state=connecting/p"
	doctored "two connected" "/$_cut .*state=connected/p"
	doctored "two errors" "/$_bad .*error=/p"
	doctored "two closing" "/$_cut .*state=closing/p"
	doctored "two closed" "/$_cut .*state=closed/p"
	doctored "closing after closed" \
	    "/$_cut .*state=closing/{h;d;};/$_cut .*state=closed/G"
	doctored "error after closing" \
	    "/$_bad .*error=/{h;d;};/$_bad .*state=closing/G"
	doctored "no error" "/$_bad .*error=/d"
	doctored "another error" \
	    "/$_bad/s/=ptProtocol number=11101/=ptTimeout number=10060/"
	doctored "another number" "/$_bad/s/number=11101/number=11100/"
	doctored "no reason" "/$_bad/s/ reason=.*//"
	doctored "another reason" "/$_bad/s/ reason=.*/ reason=\"bad luck\"/"
	doctored "no session" "/$_bad /d"
	doctored "a stranger" "s/$_bad from=[0-9.]*/$_bad from=127.9.9.9/"
	doctored "silence that is not counted" "/nothing was sent/d"
	doctored "silence that is counted twice" "/nothing was sent/p"
	doctored "silence of another number" \
	    "/nothing was sent/s/number=10060/number=10061/"
	doctored "a crash" '$a\
server=www warning="session 1 crashed"'
}

scenario strangers "2000 each of garbage, HTTP and other plain text to the \
TLS port; SSL 2 and 3, TLS 1.0 and 1.1: $bad" timeout 400
strangers_body()
{
	endure garbage:2000 garbage-fin:2000 http:2000 text:2000 ssl2:100 \
	    ssl3:100 tls1.0:100 tls1.1:100
}

scenario hellos "ClientHellos cut at every byte, 2000 each cut anywhere, \
mutated, with extensions of chance up to 60 KB; in records of one byte: $bad" \
timeout 400
hellos_body()
{
	# A hello is shorter than 300 bytes: each place has its turn.
	endure every-byte-1.2-fin:300 every-byte-1.2-reset:300 \
	    every-byte-1.3-fin:300 every-byte-1.3-reset:300 \
	    hello-cut-fin:2000 hello-cut-reset:2000 hello-mutated:2000 \
	    hello-extensions:2000 hello-one-byte:200
}

scenario records "2000 series of absurd records (any type, any length, \
lengths that lie, 0 and 0xffff), 2000 alerts, floods of thousands of empty \
records, CCS and warnings, a message of 16 MB announced: $bad" timeout 400
records_body()
{
	endure records:2000 alert:2000 record-ffff:200 message-huge:200 \
	    flood-empty:40 flood-ccs:40 flood-warning:40
}

scenario handshakes "2000 live handshakes with one bit flipped, 2000 \
recorded ones with several, 200 replayed as they were, 200 good ones in tiny \
records: $bad" timeout 400
handshakes_body()
{
	endure handshake-flipped:2000 replay-flipped:2000 replay:200 \
	    fragments:200
}

scenario resets "2000 resets at every stage: after accept, after the \
answer to the hello, after Finished, in the middle of data: $bad" timeout 400
resets_body()
{
	endure connect-reset:2000 answer-reset:2000 finished-reset:2000 \
	    data-reset:2000 never-reads:100
}

scenario ends "1000 ends of file at every stage, and at once: $bad" \
timeout 400
ends_body()
{
	endure connect-leave:1000 connect-fin:1000 answer-fin:1000 \
	    finished-fin:1000 truncated:1000
}

scenario connected "After connected, TLS 1.2 and 1.3: 2000 each of records \
with a bit flipped, well sealed records with anything in them, garbage among \
good records; the same record twice, fatal alerts, renegotiation, floods of \
key updates, empty records, warnings and CCS: $bad" timeout 400
connected_body()
{
	endure data-flipped:2000 sealed:2000 injected:2000 sealed-twice:300 \
	    sealed-fatal:300 renegotiate:200 keyupdates:40 sealed-empty:40 \
	    sealed-warnings:40 connected-ccs:40
}

scenario silence "Silence from the start, after a part of the hello, after \
the answer to it, and a hello byte by byte, are ended by the handshake timer: \
$bad; the idle pool that grew is what it was" timeout 400
silence_body()
{
	handshake=2
	storm_options="-c 48"
	endure silent:40 hello-silent:40 answer-silent:40 hello-drip:40
	wait_until 200 "the idle pool to be what it was" pool_back $prefork
}

atf_init_test_cases()
{
	add_scenarios
}
