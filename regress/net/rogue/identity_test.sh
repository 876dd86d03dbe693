# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# A session that lies about names and identities buys with it what the block
# gives to somebody, and nothing else; what is no identity at all is refused.

. "$(atf_get_srcdir)/rogue.sh"
. "$(atf_get_srcdir)/../daemon/pki.sh"
around=serve_named

# serve_named: as serve_all, but www has rules.
serve_named()
{
	backend third
	configure_around <<-CONF
	server "www" {
		listen on 127.0.0.1 port 0
		certificate "www"
		client authentication optional ca "$PWD/good.crt"
		authenticate {
			deny subject "CN=evil"
			deny san "dns:evil.example"
			deny issuer "CN=wicked"
			allow subject "O=Example"
			allow san "dns:*.example.org"
			allow none
		}
		match servername "one.example" refuse
		match servername "two.example" forward to 127.0.0.1 port $(port_in third)
		match servername unknown forward to 127.0.0.1 port $(port_in third)
		match servername "four.example" refuse
		echo
		prefork 16
		timeout handshake $handshake
		connections per source 1000
	}
	CONF
}

# Whose it was is escaped like all else, and looked at below.
errors()
{
	sed -n 's/^server=\([a-z]*\) session=[0-9]* from=[^ ]* \(error=.*\)/\1 \2/p' log |
	    sed 's/ subject=.*//'
}

# unidentified "WORDS" "REASON": the parent will not have it.
unidentified()
{
	rogue www "$1 receive done 12012 0 0 0 - exit 0"
	printf 'www error=ptAuthentication number=12012 description="%s" reason="%s"\n' \
	    "The client could not be authenticated." "$2" >>expected
}

twice matches "A rule about names that there is not, or one that refuses, is \
a violation; another that forwards is taken"
matches()
{
	for n in 1 4 5 6 255 256 1000 65535; do
		prove www "claim $n 0 - -" \
		    "violation: ESTABLISHED by a rule that forwards nowhere"
	done
	quiet www "claim 2 0 - - receive done 0 0 0 0 - exit 0"
	quiet www "claim 3 1 O=Example - receive done 0 0 0 0 - exit 0"
	quiet www "claim 0 0 - - receive done 0 0 0 0 - exit 0"
	wait_log "state=connected .*backend=127.0.0.1:$(port_in third)"
	atf_check_equal 2 "$(grep -c "state=connected .*backend=127.0.0.1:$(port_in third)" log)"
	# Who is denied never gets as far as a rule about names.
	unidentified "claim 2 1 CN=evil,O=Example -" \
	    "denied by rule 1 (line $(line_of 'deny subject'))"
	unidentified "claim 1 1 CN=evil,O=Example -" \
	    "denied by rule 1 (line $(line_of 'deny subject'))"
}
line_of() { grep -n -F -- "$1" securetcpd.conf | cut -d : -f 1; }

twice identities "Subjects and names that are malformed, too long or full of \
control characters match nothing that allows, and pass nothing that denies"
identities()
{
	unfit="denied: the certificate's subject cannot be held against rules"
	names="denied: the certificate has names that cannot be held against rules"
	nobody="denied: no rule allows this certificate"
	for s in ctrl max line CN =Example O=Example, ,O=Example 'O=Example\' \
	    'O=Example,CN' 'CN=evil\'; do
		unidentified "claim 0 1 $s -" "$unfit"
	done
	unidentified "claim 0 1 O= -" "$nobody"
	for s in ctrl max line dns evil 'dns:;;;' ';' 'ip:' 'email:@' \
	    ';;x;dns:evil.example' 'dns:a.example.org;dns'; do
		unidentified "claim 0 1 O=Example $s" "$names"
	done
	for s in 'dns:*' 'uri:' 'ip:192.0.2.1'; do
		unidentified "claim 0 1 - $s" "$nobody"
	done
	unidentified "claim 0 1 O=Example dns:a.example;dns:evil.example" \
	    "denied by rule 2 (line $(line_of 'deny san'))"
	unidentified "claim 0 1 CN=wicked dns:a.example.org" \
	    "denied by rule 3 (line $(line_of 'deny issuer'))"
	# What it says that it has not said counts as said.
	unidentified "claim 0 3 O=Example dns:a.example.org" "$names"
	unidentified "claim 0 5 O=Example dns:a.example.org" "$unfit"
	unidentified "claim 0 255 O=Example dns:a.example.org" "$unfit"
	# Without a certificate nothing of one counts, and is not shown.
	quiet www "claim 0 0 line dns:evil.example receive done 0 0 0 0 - exit 0"
	quiet www "claim 0 1 O=Example dns:a.example receive done 0 0 0 0 - exit 0"
	wait_until 20 "both" eval \
	    '[ $(grep -c "^server=www .*state=connected" log) -ge 2 ]'
	atf_check -o inline:"1\n" grep -c "state=connected .* subject=" log
	atf_check -s exit:1 grep -q "^server=www session=1 from=127.0.0.1:1 " log
	# Nothing but printable characters, whatever was claimed.
	atf_check -s exit:1 -x "LC_ALL=C grep -q '[^ -~]' log"
	atf_check -o match:'subject="x\\"\\nserver=www session=1 from=' \
	    grep error=ptAuthentication log
	prove www "claim 0 1 over -" "violation: malformed ESTABLISHED"
	prove www "claim 0 1 - over" "violation: malformed ESTABLISHED"
	prove www "claim 0 1 nul -" "violation: malformed ESTABLISHED"
	prove www "claim 0 1 - nul" "violation: malformed ESTABLISHED"
}

twice inside "What is said inside the handshake: judged by the same rules, \
once, and held against what is said after it"
inside()
{
	good="O=Example dns:a.example.org"
	all="receive claim 0 1 $good receive done 0 0 0 0 - exit 0"
	quiet www "identity 0 1 $good $all"
	quiet www "identity 0 0 - - receive claim 0 0 - - receive done 0 0 0 0 -"
	wait_until 20 "both" eval \
	    '[ $(grep -c "^server=www .*state=connected" log) -ge 2 ]'
	unidentified "identity 0 1 CN=evil,O=Example -" \
	    "denied by rule 1 (line $(line_of 'deny subject'))"
	unidentified "identity 0 1 CN=nobody -" \
	    "denied: no rule allows this certificate"
	other="violation: ESTABLISHED with another peer than IDENTITY"
	for c in "1 O=Example -" "1 O=Example,CN=x dns:a.example.org" \
	    "3 $good" "0 - -" "1 CN=evil dns:a.example.org"; do
		prove www "identity 0 1 $good receive claim 0 $c" "$other"
	done
	prove www "identity 0 0 - - receive claim 0 1 $good" "$other"
	prove www "identity 0 1 $good identity 0 1 $good" \
	    "violation: message IDENTITY (40): a second time"
	# Who was denied has nothing more to say than that it ends.
	prove www "identity 0 1 CN=evil - claim 0 1 $good" \
	    "violation: message ESTABLISHED (26): not in this state"
	prove www "identity 0 1 CN=evil - ask 32" \
	    "violation: message ASKSIGN (25): not in this state"
	prove www "identity 0 1 over -" "violation: malformed IDENTITY"
	prove www "identity 0 1 - nul" "violation: malformed IDENTITY"
	prove www "fds 1 identity 0 1 $good" \
	    "violation: message IDENTITY (40): a descriptor was sent"
	prove good "identity 0 1 $good" \
	    "violation: IDENTITY where there are no rules"
}

atf_init_test_cases()
{
	add_scenarios
}
