# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# The session pipe from the wrong side.  After each misdeed its session and
# its process are gone, one line of the log says why, the honest connections
# beside it have lost nothing, and the parent is as it was before.

. "$(atf_get_srcdir)/rogue.sh"
around=serve_all

names="START KEY KEYS_END SIGN KEYINFO KEYBAD SIGNED UNSIGNED SERVER CHAIN \
SERVER_END FORK KILL FORKED UNFORKED EXITED READY FATAL ADOPT SIGNATURE \
NOSIGNATURE ACCEPT REFUSE CLOSE ASKSIGN ESTABLISHED DONE CA CRL STAPLE MATCH \
ADDRESS PROGRAM PROGRAM_END STDERR RUN TERM RESOLVE RESOLVED IDENTITY ALLOWED \
TAKEN CHECK FINDING CHECKED"

# types: number and name of each there is, and of some there are not.
types()
{
	_n=0
	echo "0 unknown"
	for _t in $names; do
		_n=$((_n + 1))
		echo "$_n $_t"
	done
	echo "46 unknown"
	echo "64 unknown"
	echo "255 unknown"
	echo "4294967295 unknown"
}

# in_state SERVER "WORDS TO GET THERE" "LEGAL" "SAID" "NOT NOW": each type,
# of the right and of a wrong size; those that are legal of wrong ones only.
in_state()
{
	types >types
	while read -r n name <&3; do
		what="violation: message $name ($n):"
		case " $3 " in
		*" $name "*)
			prove "$1" "$2 type $n less" "$what wrong size"
			prove "$1" "$2 type $n more" "$what wrong size"
			continue ;;
		esac
		why="unknown message"
		case " $4 " in *" $name "*) why="a second time" ;; esac
		case " $5 " in *" $name "*) why="not in this state" ;; esac
		prove "$1" "$2 type $n min" "$what $why"
		prove "$1" "$2 type $n 0" "$what $why"
	done 3<types
}

twice connecting "Each type of message while connecting"
connecting() { in_state www "" "ASKSIGN IDENTITY ESTABLISHED DONE FATAL" "" \
    "ADDRESS"; }

twice header "Each type of message while a PROXY header is awaited, and after \
it: nothing but its address comes first, and it comes once"
header()
{
	proxy=1
	in_state front "" "ADDRESS DONE FATAL" "" \
	    "ASKSIGN IDENTITY ESTABLISHED"
	in_state front "address 4" "ASKSIGN IDENTITY ESTABLISHED DONE FATAL" \
	    "ADDRESS" ""
	for f in 1 2 3 5 7 16 128 255; do
		prove front "address $f" \
		    "violation: ADDRESS of an unknown family"
	done
	again="violation: message ADDRESS (32): a second time"
	for f in 0 4 6; do
		prove front "address $f address 4" "$again"
		prove front "address 4 address $f" "$again"
		prove front "address $f established - receive address $f" \
		    "$again"
	done
	prove front "version 9 address 4" "violation: malformed ADDRESS"
	prove front "fds 1 address 4" \
	    "violation: message ADDRESS (32): a descriptor was sent"
	prove front "address 4 exit 5" "exit code 5"
	prove front "exit 5" "exit code 5"
	prove front "address 4 kill 11" \
	    "killed by signal 11 (Segmentation fault)"
	together=yes
	quiet front "done 0 0 0 1 -"
	for f in 0 4 6; do
		quiet front "address $f done 0 0 0 0 -"
		quiet front "address $f established - receive done 0 0 0 0 -"
	done
	joined
	wait_log 'server=front .* from=127\.0\.0\.9:9 state=connected .*via='
	wait_log 'server=front .* from=\[::1\]:9 state=connected .*via='
}

twice waiting "Each type of message while the backend is awaited"
waiting()
{
	in_state slow "established -" "DONE FATAL" "ESTABLISHED" \
	    "ADDRESS ASKSIGN IDENTITY"
}

twice connected "Each type of message while connected"
connected()
{
	in_state www "established - receive" "DONE FATAL" "ESTABLISHED" \
	    "ADDRESS ASKSIGN IDENTITY"
}

idle_warnings()
{
	sed -n 's/^warning="server \\"www\\": idle session [0-9]*: \(.*\)"$/\1/p' log
}
as_many_warnings() { [ "$(idle_warnings | wc -l)" -ge "$(wc -l <idle)" ]; }

twice idle "Each type of message from an idle session"
idle()
{
	: >orders.idle
	: >idle
	types >types
	while read -r n name; do
		case $name in
		ADDRESS|ASKSIGN|IDENTITY|ESTABLISHED|DONE)
					why="not in this state" ;;
		FATAL)				why="wrong size" ;;
		*)				why="unknown message" ;;
		esac
		size=min
		[ "$name" != FATAL ] || size=more
		echo "idle: type $n $size" >>orders.idle
		echo "violation: message $name ($n): $why" >>idle
	done <types
	# Half a message and the end; a descriptor; what it may say.
	cat >>orders.idle <<-ORDERS
	idle: fds 1 fatal x
	idle: half closepipe
	idle: exit 5
	idle: fatal line
	idle: flood 99
	ORDERS
	cat >>idle <<-'WARNINGS'
	violation: message FATAL (18): a descriptor was sent
	x\"\nserver=www session=1 from=127.0.0.1:1 state=closed\r\n
	violation: message unknown (99): unknown message
	WARNINGS
	controller www orders.idle
	wait_until 30 "as many warnings" as_many_warnings
	idle_warnings | sort >warnings
	sort idle >idle.sorted
	diff -u idle.sorted warnings || {
		show_log
		atf_fail "other warnings than expected"
	}
	wait_log 'warning="server ."www.": idle session [0-9]+ left: exit code 5"'
	touch "$leave"
}

twice finished "Whatever follows DONE is not heard, and a session that does \
not leave after it is killed"
finished()
{
	all=
	for n in 0 1 18 25 26 27 28 99; do
		all="$all type $n min"
	done
	together=yes
	quiet www "done 0 0 0 0 - $all"
	quiet www "established - receive done 0 1 2 0 - $all"
	quiet slow "established - done 0 1 2 0 - done 0 1 2 0 - $all"
	quiet www "done 0 0 0 0 - flood 27"
	# Claims: absurd ones too are a session's own affair.
	quiet www "done 0 18446744073709551615 18446744073709551615 0 -"
	quiet www "done 12019 1 1 255 text"
	joined
	wait_log 'state=closed in=18446744073709551615 out=18446744073709551615'
	errors | grep -v malformed >refused
	atf_check -o match:"^www error=ptOperationRefused number=12019 \
description=\".*\" reason=text\$" cat refused
	atf_check_equal 1 "$(grep -c . refused)"
	cat refused >>expected
}

twice contents "Contents that make no sense: versions, lengths, strings, \
numbers"
contents()
{
	for v in 0 1 255; do
		prove www "version $v established -" \
		    "violation: malformed ESTABLISHED"
		prove www "version $v ask 32" "violation: malformed ASKSIGN"
		prove www "version $v done 0 0 0 0 -" \
		    "violation: malformed DONE"
		prove www "version $v fatal x" "violation: malformed FATAL"
		prove www "established - receive version $v done 0 0 0 0 -" \
		    "violation: malformed DONE"
	done
	for s in ctrl max line '(){:;};echo' '*.example.org' a..b .a a. \
	    192.0.2.1 ::1 '-a/b'; do
		prove www "servername $s established -" \
		    "violation: a server name that is none"
	done
	prove www "established nul" "violation: malformed ESTABLISHED"
	prove www "done 0 0 0 0 nul" "violation: malformed DONE"
	prove www "fatal nul" "violation: malformed FATAL"
	prove www "established over" \
	    "violation: message ESTABLISHED (26): wrong size"
	prove www "fatal over" "violation: message FATAL (18): wrong size"
	prove www "type 26 60" "violation: malformed ESTABLISHED"
	for n in 1 99999 11105 2147483648 4294967295; do
		prove www "done $n 0 0 0 -" \
		    "violation: DONE with an unknown error number"
	done
	prove www "established - established -" \
	    "violation: message ESTABLISHED (26): a second time"
	prove www "huge" "violation: malformed message"
	prove www "tiny" "violation: malformed message"
	prove www "established - receive huge" "violation: malformed message"
	prove www "flood 99" \
	    "violation: message unknown (99): unknown message"
	prove www "flood 26" "violation: message ESTABLISHED (26): wrong size"
	prove www "established - receive flood 27" \
	    "violation: message DONE (27): wrong size"
}

twice strings "What is said with control characters, newlines and quotes, \
at the greatest length, is one escaped line"
strings()
{
	line='x\"\nserver=www session=1 from=127.0.0.1:1 state=closed\r\n'
	together=yes
	prove www "fatal line" "$line"
	prove www "established - receive fatal line" "$line"
	joined
	check_proved
	together=yes
	for s in ctrl max line; do
		quiet www "established $s receive done 0 0 0 0 $s"
		quiet www "done 0 0 0 0 $s"
		quiet www "done 0 0 0 2 $s"
		quiet www "established $s receive fatal $s"
		quiet www "done 11101 0 0 0 $s"
	done
	joined
	# Those of whom it is known what they said, and the others.
	grep -E 'state=connected .*alpn=' log >said
	atf_check_equal 6 "$(grep -c . said)"
	errors | grep -v malformed >said
	atf_check_equal 4 "$(grep -c -F "reason=\"$line\"" said)"
	atf_check_equal 8 "$(grep -c . said)"
	errors >expected
}

twice signatures "One signature, of the right key and \
shape; what is asked beyond it ends the session"
signatures()
{
	second="violation: message ASKSIGN (25): a second time"
	prove www "ask 32 ask 32" "$second"
	prove www "ask 32 receive ask 32" "$second"
	prove www "ask 32 receive established - receive ask 32" "$second"
	prove www "established - receive ask 32" \
	    "violation: message ASKSIGN (25): not in this state"
	prove slow "established - ask 32" \
	    "violation: message ASKSIGN (25): not in this state"
	other="violation: a signature was asked for with a key that is not \
its server's"
	id=$(openssl rsa -in good.key -RSAPublicKey_out -outform DER \
	    2>/dev/null | sha256)
	prove www "askid $id" "$other"
	prove www "asktype" "$other"
	id=$(openssl pkey -in www.key -pubout -outform DER 2>/dev/null |
	    tail -c 65 | sha256)
	prove good "askid $id" "$other"
	# That is the one it has: so the other was what was refused.
	prove www "askid $id receive kill 9" "killed by signal 9 (Killed)"
	together=yes
	for n in 0 1 20 31 33 256 1024; do
		refused www "ask $n" "not as long as a SHA-256, SHA-384 or \
SHA-512 digest"
	done
	prove www "ask 1025" "violation: message ASKSIGN (25): wrong size"
	for n in 0 32 255 257 1024; do
		refused good "ask $n" "block and modulus differ in length"
	done
	refused good "ask 256" "not the block of a handshake signature"
	# The answer finds it gone, or in another state.
	quiet www "ask 32 done 0 0 0 0 -"
	quiet www "ask 32 established - receive receive done 0 0 0 0 -"
	joined
}

twice descriptors "A descriptor with any message ends the session, and the \
parent keeps none"
descriptors()
{
	sent="a descriptor was sent"
	for k in 1 2 8; do
		prove www "fds $k established -" \
		    "violation: message ESTABLISHED (26): $sent"
		prove www "fds $k ask 32" \
		    "violation: message ASKSIGN (25): $sent"
		prove www "fds $k done 0 0 0 0 -" \
		    "violation: message DONE (27): $sent"
		prove www "fds $k fatal x" "violation: message FATAL (18): $sent"
		prove www "established - receive fds $k done 0 0 0 0 -" \
		    "violation: message DONE (27): $sent"
		prove slow "established - fds $k done 0 0 0 0 -" \
		    "violation: message DONE (27): $sent"
		types >types
		while read -r n name <&3; do
			prove www "fds $k type $n min" \
			    "violation: message $name ($n): $sent"
		done 3<types
	done
	# Without the mark there is nothing to see, and nothing to keep.
	together=yes
	for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
		quiet www "bare established - receive bare done 0 0 0 0 -"
	done
	joined
}

twice halves "Half a message, silence, a closed pipe and a process that \
stays: the timers and the spawner see to it"
halves()
{
	left="its pipe ended and it did not leave"
	time="ptTimeout number=10060 description="
	for w in half header; do
		together=yes
		prove www "$w exit 0" "exit code 0"
		prove www "established - receive $w exit 3" "exit code 3"
		prove www "$w closepipe stay" "$left"
		prove www "established - receive $w closepipe stay" "$left"
	done
	prove slow "established - closepipe stay" "$left"
	prove www "closepipe stay" "$left"
	prove www "established - receive closepipe stay" "$left"
	joined
	check_proved
	# Says nothing, reads nothing.
	together=yes
	for w in stay half header; do
		quiet www "$w"
	done
	joined
	errors | grep ptTimeout >late
	atf_check_equal 3 "$(grep -c \
	    "^www error=$time.*reason=\"handshake timer, $handshake seconds\"" \
	    late)"
	cat late >>expected
	prove www "exit 7" "exit code 7"
	prove www "kill 9" "killed by signal 9 (Killed)"
	# A crash beside its siblings, which are replaced.
	prove www "established - receive kill 11" \
	    "killed by signal 11 (Segmentation fault)"
}

twice memory "A session that maps memory without end is refused it, whether \
it was adopted or is connected, and what it does then is its own end"
memory()
{
	need_bound
	line='x\"\nserver=www session=1 from=127.0.0.1:1 state=closed\r\n'
	together=yes
	for w in "" "established - receive "; do
		prove www "${w}map 256 exit 5" "exit code 5"
		prove www "${w}map 256 fatal line" "$line"
		# As a library does that does not look at what it got.
		prove www "${w}map 256 kill 11" \
		    "killed by signal 11 (Segmentation fault)"
	done
	joined
}

scenario penalised "The source of a session that breaks the rules is blocked \
for 90 seconds, and no other is"
penalised_body()
{
	need_addresses 127.0.0.2 127.0.0.3
	trusted=
	plant
	serve_all
	start
	"$peer" -t 60 -b 127.0.0.2:0 connect "127.0.0.1:$port" \
	    raw "ROGUE version 9 established -\x0a" drain 2>/dev/null
	wait_log '^server=www from=127\.0\.0\.2 warning="penalised for 90 seconds: session terminated: violation: malformed ESTABLISHED"$'
	shows -o inline:served "$peer" -b 127.0.0.3:0 \
	    connect "127.0.0.1:$port" tls write served shutdown read
	"$peer" -b 127.0.0.2:0 connect "127.0.0.1:$port" drain 2>/dev/null
	wait_log 'from=127\.0\.0\.2:[0-9]+ error=ptOperationRefused .*reason="penalised for (8[0-9]|90) more seconds"'
}

atf_init_test_cases()
{
	add_scenarios
}
