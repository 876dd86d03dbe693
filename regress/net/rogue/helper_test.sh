# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# Spawners and signers that break the rules: the part is replaced, the log
# says why, and the parent and all connections go on.

. "$(atf_get_srcdir)/rogue.sh"

# serve_many N SERVERS...: so many signers, and echo by each name.
serve_many()
{
	_signers=$1
	shift
	{
		echo "signers $_signers"
		for _s in "$@"; do
			cat <<-CONF
			server "$_s" {
				listen on 127.0.0.1 port 0
				certificate "www"
				echo
				prefork 4
				timeout handshake $handshake close 1
				connections max 40 per source 40
			}
			CONF
		done
	} | configure
}

served()
{
	[ "$("$peer" -t 20 connect "127.0.0.1:$(port_of "$1")" tls \
	    write served shutdown read 2>/dev/null)" = served ]
}

# The spawner of a server, and whether it is another one.
spawner_of() { titled "$daemon" "securetcp-spawner: $1"; }
replaced()
{
	_s=$(spawner_of "$1")
	[ -n "$_s" ] && [ "$_s" != "$2" ]
}

warned() { warnings | grep -qxF -- "$1"; }
wait_warned() { wait_until 30 "warning: $1" warned "$1"; }

# misdeed SERVER "WORDS" "WHY"
misdeed()
{
	_old=$(spawner_of "$1")
	order "$1" "$2"
	wait_warned "spawner of server \\\"$1\\\" terminated: $3; it is replaced"
	wait_until 30 "another spawner of $1" replaced "$1" "$_old"
	wait_until 30 "$1 to serve" served "$1"
	touch "$leave"
}

twice spawner "A spawner that breaks the rules is replaced, and its live \
sessions go on"
spawner()
{
	plant
	servers="a b c d e f g h i j k l m n o"
	# shellcheck disable=SC2086
	serve_many 1 $servers good
	start
	wait_until 20 good served good
	for s in $servers good; do
		load_start $s $s -n 1
	done
	measure
	own="violation: speaks of a session that is not its own"
	turn="violation: speaks of a session out of turn"
	misdeed a "forked 999999999" "$own"
	misdeed b "forked me" "$turn"
	misdeed c "unforked me 12" "$turn"
	misdeed d "exited 999999999 11 0" "$own"
	other=$(sed -n 's/^server=good session=\([0-9]*\) .*state=connected .*/\1/p' \
	    log | tail -n 1)
	misdeed e "exited $other 11 0" "$own"
	misdeed f "ready twice" "violation: message READY (17): a second time"
	misdeed g "type 5 min" "violation: message KEYINFO (5): unknown message"
	misdeed h "fds 1 forked me" \
	    "violation: message FORKED (14): a descriptor was sent"
	misdeed i "version 9 exited me 0 0" "violation: malformed message"
	misdeed j "huge" "violation: malformed message"
	misdeed k "flood 14" "violation: message FORKED (14): wrong size"
	misdeed l "exited me 0 0 exited me 11 0" "$turn"
	misdeed m "closepipe stay" "its pipe ended and it did not leave"
	misdeed n "fatal line" "$line"
	misdeed o "exit 3" "exit code 3"
	for s in $servers good; do
		load_stop $s
	done
	wait_until 30 "the last session to end" all_closed
	measured
	stop_clean
}
all_closed()
{
	[ "$(grep -c "^server=[a-z]* session=.* state=connecting" log)" -eq \
	    "$(grep -c "^server=[a-z]* session=.* state=closed in=" log)" ]
}

twice lies "A spawner that says of live sessions that they crashed is \
believed: the connection ends, and no other"
lies()
{
	plant
	serve_many 1 a good
	start
	wait_until 20 good served good
	load_start a a -n 3
	load_start good good -n 1
	old=$(spawner_of a)
	order a "exited me 11 0"
	wait_log '^server=a warning="a session crashed: killed by signal 11 .Segmentation fault.: its spawner and the idle sessions are replaced" session=[0-9]+ from=127.0.0.1:[0-9]+ crashes=1$'
	wait_log 'server=a .*error=ptError .*reason="killed by signal 11'
	wait_until 30 "another spawner" replaced a "$old"
	wait_until 30 "service" served a
	touch "$leave"
	load_stop a
	load_stop good
	stop_clean
}

# told "WORDS" "WHY": what a signer is told to do, and what comes of it, for
# it and for who told it.
told()
{
	rogue a "ask: $1" &
	joining="$joining $!"
	printf '%s\n' "signer N terminated: $2; it is replaced" >>expected
	[ -n "$3" ] || printf '%s\n' "signer N terminated: $2" >>reasons
}
as_many_terminated()
{
	warnings | grep '^signer N terminated' >happened
	[ "$(wc -l <happened)" -ge "$(wc -l <expected)" ]
}

twice signer "A signer that breaks the rules is replaced; who waited for it \
gets Error ptError"
signer()
{
	plant "$rogue/rogue" "$rogue/rogue_signer"
	serve_many 16 a good
	start
	wait_until 20 good served good
	load_start a a -n 4
	load_start good good -n 3
	measure
	: >expected
	: >reasons
	asked="violation: an answer to what it was not asked"
	told "signed 0 70" "$asked"
	told "signed 999999999 70" "$asked"
	told "signed me 70" "$asked" answered
	told "signed me 1025" "violation: message SIGNED (7): wrong size"
	told "version 9 signed me 70" "violation: malformed message"
	told "ready twice" "violation: message READY (17): a second time"
	told "type 5 min" "violation: message KEYINFO (5): not in this state"
	told "type 16 min" "violation: message EXITED (16): unknown message"
	told "fds 1 signed me 70" \
	    "violation: message SIGNED (7): a descriptor was sent"
	told "huge" "violation: malformed message"
	told "tiny" "violation: malformed message"
	told "flood 7" "violation: message SIGNED (7): wrong size"
	told "fatal line" "$line"
	told "exit 4" "exit code 4"
	told "kill 11" "killed by signal 11 (Segmentation fault)"
	told "closepipe stay" "its pipe ended and it did not leave"
	# shellcheck disable=SC2086
	wait $joining
	wait_until 30 "as many signers replaced" as_many_terminated
	sort expected >expected.sorted
	sort happened >happened.sorted
	diff -u expected.sorted happened.sorted ||
	    atf_fail "other deaths than expected"
	sed -n 's/.*error=ptError .* reason="\(signer.*\)"$/\1/p' log |
	    sed -E 's/signer [0-9]+/signer N/; s/\\"/\\\\"/g' | sort >happened
	sort reasons | sed 's/\\\\"/\\"/g; s/\\"/\\\\"/g' >expected.sorted
	diff -u expected.sorted happened ||
	    atf_fail "other errors of connections than expected"
	wait_until 30 "16 signers" all_signers
	wait_until 30 "service" served good
	load_stop a
	load_stop good
	measured
	stop_clean
}
all_signers() { [ "$(signers | wc -l)" -eq 16 ]; }

twice garbage "A signer that answers with garbage fails handshakes, each \
with its Error, and nothing else"
garbage()
{
	plant "$rogue/rogue" "$rogue/rogue_signer"
	serve_many 1 a
	start
	wait_until 20 "service" served a
	load_start a a -n 3
	measure
	rogue a "ask: garbage 70" &
	asking=$!
	wait_log 'reason="the signer refused: no such key"'
	for i in 1 2 3 4 5; do
		served a && atf_fail "a handshake with a garbage signature"
	done
	wait_until 20 "all of them closed" eval \
	    '[ $(grep -c state=closed log) -ge 7 ]'
	atf_check_equal 5 "$(grep -c 'error=ptProtocol' log)"
	kill -KILL "$(signers)"
	wait_until 30 "service" served a
	wait $asking
	load_stop a
	measured
	stop_clean
}

# planned PROGRAM PID "WORDS" "WHY": the next one to start in the place of
# that process says it too early.
planned()
{
	echo "$3" >"tree/libexec/securetcp-$1/plan"
	kill -KILL "$2"
	wait_warned "$4; it is replaced"
	# So that nobody else takes the next plan.
	wait_until 30 "4 spawners and signers" whole
}
whole()
{
	[ "$(spawners | wc -l)" -eq 4 ] && [ "$(signers | wc -l)" -eq 4 ]
}
signer_of() { titled "$daemon" "securetcp-signer: $1"; }

twice loading "What is not yet to be said is a violation, and the next one \
is started"
loading()
{
	plant "$rogue/rogue" "$rogue/rogue_signer"
	serve_many 4 a b c good
	start
	wait_until 20 good served good
	load_start a a -n 2
	load_start good good -n 2
	measure
	s='spawner of server'
	planned session "$(spawner_of a)" "ready x" \
	    "$s \\\"a\\\" terminated: violation: message READY (17): a second time"
	planned session "$(spawner_of b)" "forked 1" \
	    "$s \\\"b\\\" terminated: violation: message FORKED (14): not in this state"
	planned session "$(spawner_of c)" "exited 1 11 0" \
	    "$s \\\"c\\\" terminated: violation: message EXITED (16): not in this state"
	s='signer N terminated: violation:'
	planned signer "$(signer_of 1)" "ready x" \
	    "$s message READY (17): a second time"
	planned signer "$(signer_of 2)" "signed 1 70" \
	    "$s message SIGNED (7): not in this state"
	planned signer "$(signer_of 3)" "type 5 min" "$s malformed KEYINFO"
	planned signer "$(signer_of 4)" "type 6 min" "$s malformed KEYBAD"
	for s in a b c; do
		wait_until 30 "service of $s" served $s
	done
	load_stop a
	load_stop good
	measured
	stop_clean
}

# deaf SERVER "WORDS": a session that obeys and then hears nothing any more;
# its process is in $deaf, its client's in $client.
deaf()
{
	_n=$(grep -c state=connected log)
	background "$peer" -t 120 connect "127.0.0.1:$(port_of "$1")" \
	    raw "ROGUE $2\\x0a" drain
	client=$pid
	wait_until 30 "a deaf session" eval \
	    '[ "$(grep -c state=connected log)" -gt $_n ]'
	id=$(sed -n "s/^server=$1 session=\([0-9]*\) .*state=connected.*/\1/p" \
	    log | tail -n 1)
	deaf=$(for _w in $(spawners); do
		titled "$_w" "securetcp-session: $id $1 idle"
	done)
	[ -n "$deaf" ] || atf_fail "no process of session $id"
}

# ended "WARNING": and what the connection, its client and its process see.
ended()
{
	wait_log "^server=a session=$id .*error=ptTimeout .*reason=\"idle timer, 2 seconds\""
	wait_until 20 "the client of session $id to see an end" dead "$client"
	wait_until 20 "the process of session $id to be gone" dead "$deaf"
	wait_warned "server \\\"a\\\": session N$1 did not leave: killed"
}

twice certain "Whatever a session does, its connection and its process end: \
one that ignores its idle timer, one of a spawner that died, and an idle one \
that is not needed; others of that spawner go on"
certain()
{
	plant
	{
		cat <<-CONF
		signers 1
		server "a" {
			listen on 127.0.0.1 port 0
			certificate "www"
			echo
			prefork 4
			timeout handshake $handshake close 1 idle 2
			connections max 40 per source 40
		}
		CONF
	} | configure
	start
	wait_until 20 "service" served a
	deaf a "established - receive stay"
	ended ""

	# The same with nobody to tell of it, beside one that is well.
	load_start a a -n 1
	deaf a "established - receive stay"
	old=$(spawner_of a)
	kill -KILL "$old"
	wait_until 30 "another spawner" replaced a "$old"
	dead "$deaf" && atf_fail "it died with its spawner"
	ended ", whose spawner died,"
	load_stop a

	# Idle, and dismissed when a sibling crashes.
	wait_until 20 "service" served a
	before=$(grep -c 'did not leave: killed' log)
	echo "idle: stay" >orders.idle
	controller a orders.idle
	rogue a "kill 11"
	touch "$leave"
	wait_until 30 "an idle one to be killed" eval \
	    '[ "$(grep -c "did not leave: killed" log)" -gt $before ]'
	wait_until 20 "service" served a
	stop_clean
}

# checks "WORDS" "WHY": a checker that does that in place of its first answer
# ends the check.
checks()
{
	echo "$1" >tree/libexec/securetcp-session/plan
	atf_check -s exit:1 -o empty -e save:err \
	    "$securetcpd" -n -f "$PWD/securetcpd.conf"
	atf_check -o inline:"securetcpd: checker of the configuration \
terminated: $2
" tail -n 1 err
}

twice checker "A checker that breaks the rules ends the check, and what it \
says of a file is escaped"
checker()
{
	plant
	serve_many 1 a
	asked="violation: an answer to what it was not asked"
	checks "finding 999999999 1 0 x" "$asked"
	checks "checked 2 1" "$asked"
	checks "checked 1 0" "violation: malformed CHECKED"
	checks "checked 1 9" "violation: malformed CHECKED"
	checks "finding 1 0 0 over" \
	    "violation: message FINDING (44): wrong size"
	checks "finding 1 0 0 nul" "violation: malformed message"
	checks "ready x" "violation: message READY (17): a second time"
	checks "forked 1" "violation: message FORKED (14): unknown message"
	checks "fds 1 checked 1 1" \
	    "violation: message CHECKED (45): a descriptor was sent"
	checks "exit 3" "exit code 3"
	checks "kill 9" "killed by signal 9 (Killed)"
	checks "closepipe stay" "its pipe ended and it did not leave"
	checks "findings 200" "violation: too many findings"
	checks "finding 1 1 7 line exit 3" "exit code 3"
	atf_check -o match:'/securetcpd.conf:[0-9]*: chain ".*/www.crt", line 7x"\\nserver=www session=1 from=127.0.0.1:1 state=closed\\r\\n$' head -n 1 err
	# An honest one has nothing to say.
	atf_check -o inline:'configuration OK\n' \
	    "$securetcpd" -n -f "$PWD/securetcpd.conf"
	start
	wait_until 20 a served a
	stop_clean
}

atf_init_test_cases()
{
	add_scenarios
}
