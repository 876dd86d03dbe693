# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

. "$(atf_get_srcdir)/common.sh"

scenario once "./quickstart --once makes a server, talks to it, shows the \
events and leaves nothing behind" timeout 300 require.progs cc
once_body()
{
	mkdir tmp
	atf_check -o save:said env TMPDIR="$PWD/tmp" "$top/quickstart" --once
	atf_check -o match:"state=connecting" -o match:"state=connected" \
	    -o match:"state=closed" -o match:"all well" cat said
	atf_check -o empty ls -A tmp
}

scenario stays "./quickstart goes on until it is interrupted, and says how \
to connect; what it says works" timeout 300 require.progs cc
stays_body()
{
	mkdir tmp
	TMPDIR="$PWD/tmp" "$top/quickstart" </dev/null >said 2>&1 &
	quick=$!
	echo $quick >>pids
	wait_until 200 "the word how to connect" grep -q "^    Interrupt" said
	command=$(sed -n 's/^    \(openssl s_client .*\)$/\1/p' said | tail -1)
	atf_check -o match:"myself" -e ignore sh -c "
	    { echo myself; until grep -q myself echoed; do sleep $poll; done; } |
	    $command -no_ign_eof | tee echoed"
	wait_until 20 "the event of it" two_closed
	kill -TERM $quick
	wait_until 20 "quickstart to leave" dead $quick
	atf_check -o empty ls -A tmp
}
two_closed() { [ "$(grep -c state=closed said)" -ge 2 ]; }

scenario ordinary "An ordinary user can run ./quickstart --once on a tree \
that is built" timeout 300 require.progs cc
ordinary_body()
{
	[ "$(id -u)" -eq 0 ] || atf_skip "the user is an ordinary one already"
	cp -R "$top" tree 2>/dev/null || true
	rm -rf tree/.git
	mkdir tmp
	chown -R nobody tree tmp
	chmod 755 .
	atf_check -o match:"all well" -e ignore env TMPDIR="$PWD/tmp" \
	    HOME="$PWD/tmp" "$as" -u nobody tree/quickstart --once
}

scenario options "An option it does not know gets the usage line"
options_body()
{
	atf_check -s exit:2 -e inline:"usage: quickstart [--once]\n" \
	    "$top/quickstart" --twice
}

atf_init_test_cases()
{
	add_scenarios
}
