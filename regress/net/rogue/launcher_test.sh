# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# Launchers that break the rules: they are replaced, the log says why, and
# every connection still ends once.

. "$(atf_get_srcdir)/rogue.sh"

plant_launcher()
{
	plant "$top/libexec/securetcp-session/securetcp-session"
	mkdir tree/libexec/securetcp-launcher
	cp "$rogue/rogue_launcher" \
	    tree/libexec/securetcp-launcher/securetcp-launcher
}

# does NAME "WORDS" [STATEMENT]: a server whose launcher does that.
does()
{
	cat <<-CONF
	server "$1" {
		listen on 127.0.0.1 port 0
		certificate "www"
		execute "/bin/sh" "$2" user "nobody"
		prefork 2
		connections max 8
		$3
	}
	CONF
}

launcher() { titled "$daemon" securetcp-launcher; }
another() { _l=$(launcher); [ -n "$_l" ] && [ "$_l" != "$old" ]; }
ends() { grep -c "^server=$1 session=.* state=$2" log; }
ended() { [ "$(ends "$1" closed)" -eq 1 ]; }

# misdeed SERVER "WHY": of its launcher, by a client.
misdeed()
{
	old=$(launcher)
	"$peer" -t 60 -C www.crt connect "127.0.0.1:$(port_of "$1")" tls \
	    read shutdown >/dev/null 2>&1
	wait_until 30 "warning: $2" in_warnings \
	    "launcher terminated: $2; it is replaced; [01] programs\{0,1\} lost"
	wait_until 30 "another launcher" another
	wait_until 30 "$1 to have ended" ended "$1"
	[ "$(ends "$1" closing)" -eq 1 ] || atf_fail "$1: not closing once"
}
in_warnings()
{
	sed -n 's/^warning="\(.*\)"$/\1/p' log | tail -n 1 | grep -qx -- "$1"
}

twice violations "A launcher that breaks the rules is replaced, and the \
connection that it was told of ends once"
violations()
{
	plant_launcher
	{
		does a "exited 999999999 0 0"
		does b "close exited me 0 0 exited me 0 0"
		does c "close exited me 0 0 unforked me 12"
		does d "close unforked me 12 0 exited me 0 0"
		does e "unforked 999999999 12"
		does f "ready twice"
		does g "fds 1 exited me 0 0"
		does h "version 9 exited me 0 0"
		does i "type 5 min"
		does j "type 14 min"
		does k "huge"
		does l "flood 16"
		does m "closepipe stay"
		does n "fatal line"
		does o "exit 3"
		does p "kill 9"
		does q "taken taken"
		does good "close exited me 0 7"
	} | configure
	start
	wait_until 20 "its port" eval '[ -n "$(port_of good)" ]'
	un="violation: speaks of a program that does not run"
	misdeed a "$un"
	misdeed b "$un"
	misdeed c "$un"
	misdeed d "$un"
	misdeed e "$un"
	misdeed f "violation: message READY (17): a second time"
	misdeed g "violation: message EXITED (16): a descriptor was sent"
	misdeed h "violation: malformed message"
	misdeed i "violation: message KEYINFO (5): unknown message"
	misdeed j "violation: message FORKED (14): unknown message"
	misdeed k "violation: malformed message"
	misdeed l "violation: message EXITED (16): wrong size"
	misdeed m "its pipe ended and it did not leave"
	misdeed n "$(printf '%s' "$line" | sed 's/[\\]/\\\\/g')"
	misdeed o "exit code 3"
	misdeed p "killed by signal 9 (Killed)"
	misdeed q "violation: an answer to what it was not asked"
	"$peer" -t 60 -C www.crt connect "127.0.0.1:$(port_of good)" tls \
	    read shutdown >/dev/null 2>&1
	wait_until 30 "good to have ended" ended good
	atf_check -o match:"server=good .*state=closed .* exit=7$" cat log
	stop_clean
}

twice silent "A program of which its launcher says nothing more is waited for \
a bounded time, then the connection is closed without a status"
silent()
{
	plant_launcher
	{
		does www "say x nothing" "timeout idle 1"
	} | configure
	start
	begin=$(date +%s)
	"$peer" -t 60 -C www.crt connect "127.0.0.1:$port" tls hold \
	    >/dev/null 2>&1
	wait_log "server=www warning=\"a program was killed and does not end"
	wait_closed
	[ $(($(date +%s) - begin)) -ge 7 ] || atf_fail "too impatient"
	atf_check -o inline:"1\n" grep -c \
	    'state=closed in=0 out=0 seconds=[0-9.]*$' log
	atf_check -o inline:"1\n" grep -c state=closing log
	stop_clean
	# What it said without a newline was not lost.
	atf_check -o match:'stderr="x nothing"' cat log
}

twice sulking "A launcher that takes an order and says nothing more is \
replaced after 5 seconds"
sulking()
{
	plant_launcher
	does www "sulk" "timeout idle 1" | configure
	start
	old=$(launcher)
	"$peer" -t 60 -C www.crt connect "127.0.0.1:$port" tls hold \
	    >/dev/null 2>&1
	wait_log 'warning="launcher terminated: does not answer; it is replaced; 1 program lost"' 40
	wait_closed
	wait_until 30 "another launcher" another
	stop_clean
}

atf_init_test_cases()
{
	add_scenarios
}
