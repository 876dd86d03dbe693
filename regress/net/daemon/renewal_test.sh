# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# Files that are rewritten under a running daemon: what was checked is what is
# served, by helpers that start later as well.

. "$(atf_get_srcdir)/common.sh"
. "$(atf_get_srcdir)/pki.sh"

# renewable: a server of which every kind of file but the key is public.
renewable()
{
	authority root
	authority stranger
	issue root www /CN=old DNS:localhost
	issue root good /CN=good
	issue root gone /CN=gone
	revoke root gone
	crl root
	cp root.crl clients.crl
	cp root.crt clients.pem
	"$staple" www.crt root.crt root.key sha1 good -60 864000 >www.ocsp
	cp www.crt www-.crt
	cp www.key www-.key
	{
		echo "signers 2"
		certificate_block www- "ocsp \"$PWD/www.ocsp\""
		cat <<-CONF
		server "www" {
			listen on 127.0.0.1 port 0
			certificate "www-"
			client authentication required ca "$PWD/clients.pem" crl "$PWD/clients.crl"
			echo
		}
		CONF
	} | configure
	start
}

# unchanged COUNT: the certificate, its response, the authority and the list
# are those of the start; so many were refused before.
unchanged()
{
	atf_check_equal old \
	    "$(shown localhost -cert good.crt -key good.key -status)"
	atf_check -o match:"^OCSP Response Status: successful" \
	    sed 's/^ *//' s_client.out
	shown localhost -cert gone.crt -key gone.key >/dev/null
	wait_until 20 "the revoked one to be refused" \
	    refused_count $(($1 + 1)) "revoked on"
	atf_check -o inline:"$(($1 + 1))\n" grep -c error= log
}
refused_count() { [ "$(grep -c "reason=\".*$2" log)" -ge "$1" ]; }

another() { [ "$($1)" != "$2" ] && [ -n "$($1)" ]; }
replace_spawner()
{
	_old=$(spawners)
	kill -KILL "$_old"
	wait_until 20 "another spawner" another spawners "$_old"
	wait_until 20 "it to be ready" spawners_ready $(($1 + 1))
}
spawners_ready() { [ "$(grep -c '^process=spawner' log)" -eq "$1" ]; }

scenario in_place "A chain, response, authority and list rewritten in place, \
well, badly or to nothing, are not what the next spawner reads" \
    require.user root require.progs openssl
in_place_body()
{
	need_look
	renewable
	unchanged 0
	issue stranger new /CN=new DNS:localhost
	crl stranger
	cat new.crt >www-.crt
	cat stranger.crt >clients.pem
	cat stranger.crl >clients.crl
	: >www.ocsp
	replace_spawner 1
	unchanged 1
	for f in www-.crt clients.pem clients.crl www.ocsp; do
		echo nonsense >$f
	done
	replace_spawner 2
	unchanged 2
	for f in www-.crt clients.pem clients.crl www.ocsp; do
		: >$f
	done
	replace_spawner 3
	unchanged 3
	# What serves now would not start.
	atf_check -s exit:1 -e match:"www-.crt\" is empty" \
	    -e match:"clients.crl\" is empty" \
	    "$securetcpd" -n -f securetcpd.conf
}

# unusable KEY "REASON" TIMES: one of two signers dies; the other goes on.
unusable()
{
	for _s in $(signers); do
		case $(title "$_s") in
		*": 1")	kill -KILL "$_s" ;;
		esac
	done
	wait_log "^warning=\"signer 1 terminated: unusable key; it is tried"
	atf_check -o inline:"1\n" grep -Fc "warning=\"certificate \\\"www\\\": \
key \\\"$PWD/www.key\\\" was good when it was checked and now $1: no signer \
can be started; those that run go on with what they have; a reload or restart \
is due\"" log
}
ready_again() { [ "$(grep -c '^process=signer name=1' log)" -eq 2 ]; }

scenario key "A key rewritten in place is noticed by the signer that would \
use it: the log names it once, other signers go on, and when it is put right \
there is a signer again" require.user root require.progs openssl
key_body()
{
	need_look
	certificate old
	certificate new
	cp old.crt www.crt
	cp old.key www.key
	{ echo "signers 2"; echo "log verbose"; serve echo
	    cat securetcpd.conf; } >2.conf
	mv 2.conf securetcpd.conf
	start
	cat new.key >www.key
	unusable "is not the key of the chain's first certificate"
	for i in 1 2 3 4 5; do
		atf_check_equal localhost "$(shown localhost)"
	done
	# Tried again, more than once, and said only where all is.
	wait_until 60 "more tries" tried_again 2
	atf_check -o inline:"1\n" grep -c "unusable key; it is tried" log
	cat old.key >www.key
	wait_until 60 "a signer again" ready_again
	wait_log "^warning=\"certificate .*www.* is good again\""
	atf_check_equal localhost "$(shown localhost)"
	wait_closed 6
	atf_check -s exit:1 grep error= log
}
tried_again()
{
	[ "$(grep -c "signer 1 terminated: unusable key, again" log)" -ge "$1" ]
}

scenario last_key "With no signer left nobody is accepted, and the log says \
so" require.user root require.progs openssl
last_key_body()
{
	need_look
	{ echo "signers 1"; serve echo; cat securetcpd.conf; } >1.conf
	mv 1.conf securetcpd.conf
	start
	cp www.key kept.key
	: >www.key
	unusable "is empty"
	wait_log "no signer is left and no connection accepted\"$"
	cat kept.key >www.key
	wait_until 60 "a signer again" ready_again
	atf_check_equal localhost "$(shown localhost)"
}

scenario renamed "Files that were renamed over the old ones are not those \
that were checked: the old ones stay in use, the key as well" \
    require.user root require.progs openssl
renamed_body()
{
	need_look
	certificate old
	certificate new
	cp old.crt www.crt
	cp old.key www.key
	{ echo "signers 1"; serve echo; cat securetcpd.conf; } >1.conf
	mv 1.conf securetcpd.conf
	start
	mv new.crt www.crt
	mv new.key www.key
	replace_spawner 1
	kill -KILL "$(signers)"
	wait_until 20 "another signer" ready_again
	atf_check_equal localhost "$(shown localhost)"
	atf_check_equal "$(openssl x509 -in old.crt -noout -serial)" \
	    "$(openssl x509 -in s_client.out -noout -serial)"
}

atf_init_test_cases()
{
	add_scenarios
}
