# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# Each NAME.in is a configuration; NAME.ok or NAME.err is all that securetcpd
# -n says of it, with exit 0 or 1.  What stands before the first "-" of a name
# is its theme, and each theme a test case.  Files that a configuration names
# are made by make_NAME below.  A last line "# -D x=y" gives options.

top=$(cd "$(atf_get_srcdir)/../.." && pwd)
here=$top/regress/config
securetcpd=$top/sbin/securetcpd/securetcpd

ssl_config()
{
	[ -f ssl.cnf ] && return
	cat >ssl.cnf <<EOF
[req]
distinguished_name = name
x509_extensions = authority
[name]
[authority]
basicConstraints = CA:TRUE
[ca]
default_ca = dated
[dated]
database = ./dated.txt
new_certs_dir = .
serial = ./dated.serial
default_md = sha256
policy = anything
unique_subject = no
x509_extensions = authority
[anything]
commonName = supplied
[middle]
basicConstraints = critical,CA:TRUE
[clients]
extendedKeyUsage = clientAuth
[staple]
1.3.6.1.5.5.7.1.24 = DER:3003020105
[offered]
authorityInfoAccess = caIssuers;URI:http://ca.example.org/ca.crt
[number5]
2.5.29.20 = DER:020105
[number6]
2.5.29.20 = DER:020106
[delta5]
2.5.29.20 = DER:020106
2.5.29.27 = critical,DER:020105
[delta9]
2.5.29.20 = DER:02010a
2.5.29.27 = critical,DER:020109
[users]
2.5.29.28 = critical,DER:30038101ff
[reasons]
2.5.29.28 = critical,DER:300483020640
[indirect]
2.5.29.28 = critical,DER:30038401ff
[attributes]
2.5.29.28 = critical,DER:30038501ff
[critical]
1.2.3.4 = critical,DER:0500
EOF
	: >dated.txt
	echo 01 >dated.serial
}

# quietly COMMAND...: what it says is shown only if it fails.
quietly()
{
	"$@" >quietly.log 2>&1 || {
		cat quietly.log
		atf_fail "cannot prepare: $*"
	}
}

# key NAME [CURVE]: ECDSA, or RSA for the curve rsa.
key()
{
	(
		umask 077
		if [ "${2:-prime256v1}" = rsa ]; then
			openssl genrsa -out "$1.key" 2048
		else
			openssl ecparam -name "${2:-prime256v1}" -genkey \
			    -noout -out "$1.key"
		fi
	) >key.log 2>&1 || atf_fail "no key: $(cat key.log)"
}

# certify NAME DAYS: with its own key.
certify()
{
	quietly openssl req -new -x509 -sha256 -config ssl.cnf -key "$1.key" \
	    -subj "/CN=$1.example.org" -days "$2" -out "$1.crt"
}

request()
{
	quietly openssl req -new -sha256 -config ssl.cnf -key "$1.key" \
	    -subj "/CN=$1.example.org" -out "$1.csr"
}

# dated NAME FROM TO: with its own key and dates of choice.
dated()
{
	request "$1"
	quietly openssl ca -config ssl.cnf -batch -selfsign -notext \
	    -keyfile "$1.key" -in "$1.csr" -startdate "$2" -enddate "$3" \
	    -out "$1.crt"
}

# issue NAME ISSUER
issue()
{
	request "$1"
	quietly openssl x509 -req -sha256 -in "$1.csr" -CA "$2.crt" \
	    -CAkey "$2.key" -set_serial 77 -days 365 -out "$1.crt"
}

# issue_as NAME ISSUER SECTION: with the extensions of ssl.cnf's section.
issue_as()
{
	key "$1"
	request "$1"
	quietly openssl x509 -req -in "$1.csr" -CA "$2.crt" \
	    -CAkey "$2.key" -set_serial 78 -days 365 -sha256 \
	    -extfile ssl.cnf -extensions "$3" -out "$1.crt"
}

# list NAME ISSUER SECTION: NAME.crl, an empty list.
list()
{
	quietly openssl ca -config ssl.cnf -gencrl -keyfile "$2.key" \
	    -cert "$2.crt" -crldays 30 -crlexts "$3" -out "$1.crl"
}

make_www() { key www; certify www 365; }
make_rsa() { key rsa rsa; certify rsa 365; }
make_p384() { key p384 secp384r1; certify p384 365; }
make_p521() { key p521 secp521r1; certify p521 365; }
make_other() { key other; }
make_soon() { key soon; certify soon 7; }
make_expired() { key expired; dated expired 20200101000000Z 20210203040506Z; }
make_notyet() { key notyet; dated notyet 20950101000000Z 20960101000000Z; }
make_link()
{
	ln -s www.crt link.crt
	ln -s www.key link.key
}
make_chain()
{
	key ca
	certify ca 365
	key leaf
	issue leaf ca
	cat leaf.crt ca.crt >chain.crt
}
make_unissued()
{
	key stranger
	certify stranger 365
	cat www.crt stranger.crt >unissued.crt
}
make_oldissuer()
{
	key old
	dated old 20200101000000Z 20210203040506Z
	key oldleaf
	issue oldleaf old
	cat oldleaf.crt old.crt >oldissuer.crt
}
make_empty() { : >empty.crt; (umask 077; : >empty.key); }
make_huge()
{
	dd if=/dev/zero of=huge.crt bs=1048577 count=1 2>/dev/null
	(umask 077; dd if=/dev/zero of=huge.key bs=65537 count=1 2>/dev/null)
}
make_fifo() { mkfifo -m 600 fifo.crt; }
make_garbage()
{
	echo garbage >garbage.crt
	(umask 077; echo garbage >garbage.key)
}
make_damaged() { sed '2s/^...../AAAAA/' www.crt >damaged.crt; }
make_second() { make_damaged; cat www.crt damaged.crt >second.crt; }
make_many()
{
	: >many.crt
	for _i in 1 2 3 4 5 6 7 8 9 10 11; do
		cat www.crt www.crt www.crt >>many.crt
	done
}
make_both() { (umask 077; cat www.crt www.key >both.key); }
make_group() { cp www.key group.key; chmod 0640 group.key; }
# The group daemon has the number 1 everywhere.
make_shared()
{
	for _m in 0640 0440 0660 0644 0600; do
		cp www.key shared$_m.key
		chgrp daemon shared$_m.key
		chmod $_m shared$_m.key
	done
}
make_others() { cp www.key others.key; chmod 0604 others.key; }
make_writable() { cp www.key writable.key; chmod 0620 writable.key; }
make_owner() { cp www.key owner.key; chmod 0600 owner.key; chown 65533 owner.key; }
make_deep()
{
	for _i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17; do
		echo "include \"deep-$((_i + 1)).inc\"" >"deep-$_i.inc"
	done
	echo 'log bogus' >deep-18.inc
}
# Chains and CA files as people make them; each of leaf.crt and ca.crt.
make_forms()
{
	once chain
	printf '\357\273\277' | cat - chain.crt >form-bom.crt
	awk '{ printf "%s\r\n", $0 }' chain.crt >form-crlf.crt
	{
		awk 'NR > 1 { printf "\n" } { printf "%s", $0 }' leaf.crt
		cat ca.crt
	} >form-joined.crt
	{
		echo "subject=CN = leaf -- the first"
		echo "Bag Attributes"
		echo "    localKeyID: 01"
		cat leaf.crt
		echo "# the issuer"
		sed 's/ CERTIFICATE/ X509 CERTIFICATE/' ca.crt
		echo trailing text
	} >form-text.crt
	{
		cat chain.crt
		echo "-----BEGIN DH PARAMETERS-----"
		echo "MAYCAQsCAQI="
		echo "-----END DH PARAMETERS-----"
	} >form-dh.crt
	{ cat leaf.crt; sed 's/^/  /' ca.crt; } >form-indented.crt
	{ cat leaf.crt; sed 's/^-----BEGIN/----BEGIN/' ca.crt; } >form-dashes.crt
	{ cat leaf.crt; sed 's/BEGIN/Begin/; s/END/End/' ca.crt; } >form-case.crt
	{ cat leaf.crt; sed '$d' ca.crt; } >form-cut.crt
	{ sed '$d' leaf.crt; cat ca.crt; } >form-endless.crt
	{ cat leaf.crt; sed 1d ca.crt; } >form-headless.crt
	{ cat leaf.crt; sed '$s/-----$/-----x/' ca.crt; } >form-tail.crt
	{
		cat leaf.crt
		sed 's/ CERTIFICATE/ TRUSTED CERTIFICATE/' ca.crt
	} >form-trusted.crt
	quietly openssl crl2pkcs7 -nocrl -certfile chain.crt -out form-p7.crt
	quietly openssl x509 -in leaf.crt -outform DER -out form-der.crt
	printf '\377\376-\0-\0-\0-\0-\0' >form-utf16.crt
	# The same name, and another key that says to be the same; which key
	# it is by, openssl(1) writes into a certificate since 3.2.
	openssl x509 -in ca.crt -noout -text >ca.text
	hash=$(sed -n '/Subject Key Identifier/{n;s/ //g;p;}' ca.text)
	{
		cat ssl.cnf
		echo "[namesake]"
		echo "basicConstraints = CA:TRUE"
		[ -z "$hash" ] || echo "subjectKeyIdentifier = $hash"
	} >namesake.cnf
	quietly openssl req -new -x509 -config namesake.cnf \
	    -extensions namesake -key www.key \
	    -subj /CN=ca.example.org -days 365 -out form-namesake.crt
	cat leaf.crt form-namesake.crt >form-forged.crt
	quietly openssl pkey -in www.key -outform DER -out form-der.key
	sed 's/^/	/' www.key >form-indented.key
	cat www.key leaf.key >form-two.key
	cat www.crt www.key leaf.crt >form-with.key
	{ printf '\357\273\277'; awk '{ printf "%s\r\n", $0 }' www.key; } \
	    >form-windows.key
	chmod 0600 form-*.key
}
# CA files, and certificates that are for something.
make_roots()
{
	once chain
	issue_as form-middle ca middle
	issue_as form-clients ca clients
	issue_as form-staple ca staple
	issue_as form-offered ca offered
	cat www.crt form-middle.crt >form-mixed.crt
	{ cat www.crt; sed '2s/^...../AAAAA/' ca.crt; } >form-onebad.crt
	list form-list ca number5
	cat www.crt form-list.crl >form-withlist.crt
}
# Lists; the first is a second older than the others.
make_lists()
{
	once chain
	list form-5 ca number5
	sleep 1.1
	for _l in number6 delta5 delta9 users reasons indirect attributes \
	    critical; do
		list "form-$_l" ca "$_l"
	done
	list form-www www number5
	cat form-5.crl form-number6.crl >form-both.crl
	cat form-5.crl form-delta5.crl form-www.crl >form-delta.crl
	cat form-5.crl form-delta9.crl >form-gap.crl
	cat form-5.crl form-reasons.crl >form-reason.crl
	sed '2s/^...../AAAAA/' form-5.crl >form-damaged.crl
	# Signed by another key than the issuer's.
	cp www.key form-namesake.key
	list form-forged form-namesake number5
}
make_everybody() { echo 'log state' >everybody.inc; chmod 0646 everybody.inc; }

# once NAME: made already, or now.
once()
{
	case " $made " in
	*" $1 "*)
		;;
	*)
		"make_$1"
		made="$made $1"
		;;
	esac
}

# What all need; www first, which others are made from.
prepare_all()
{
	made=
	ssl_config
	cp "$here"/*.inc "$here"/*.in .
	cp -R "$here/certs" certs
	chmod 0644 ./*.in ./*.inc
	once www
}

# Only what the file speaks of, as keys take their time.
prepare()
{
	for _n in rsa p384 p521 other soon expired notyet link chain unissued \
	    oldissuer empty huge fifo garbage damaged second many both group \
	    others writable owner; do
		if grep -q "\"$_n\\.[ck]" "$1.in"; then
			once "$_n"
		fi
	done
	if grep -q '"form-' "$1.in"; then
		once forms
		once roots
	fi
	if grep -q '"form-.*\.crl' "$1.in"; then
		once lists
	fi
	if grep -q '"shared' "$1.in"; then
		once shared
	fi
	for _n in deep everybody; do
		if grep -q "include \"$_n" "$1.in"; then
			once "$_n"
		fi
	done
	case $1 in
	root-world-writable)	chmod 0646 "$1.in" ;;
	root-group-writable)	chmod 0664 "$1.in" ;;
	root-owner)		chown 1 "$1.in" ;;
	root-execute)
		for _p in foreign own group; do
			printf '#!/bin/sh\n' >$_p.sh
			chmod 0755 $_p.sh
		done
		chown 1 foreign.sh
		chown "$(id -u nobody)" own.sh
		chmod 0775 group.sh
		sed "s,DIR,$PWD," "$1.in" >"$1.tmp" && mv "$1.tmp" "$1.in"
		;;
	esac
}

# say NAME: what the program says of it is in said, how it exits in $got.
say()
{
	got=0
	# shellcheck disable=SC2046 -- words of their own are what is wanted
	"$securetcpd" -n $(sed -n 's/^# -D/-D/p' "$1.in") -f "$1.in" \
	    >out 2>&1 || got=$?
	# That date is another one every day, the lines of a certificate are as
	# many as its signature takes, the log's line about the signer that
	# looked at the keys has its pid, and what is too much is a system's.
	sed -e 's/\(", line\) [0-9]*:/\1 N:/' \
	    -e 's/\(in line\) [0-9]*/\1 N/' \
	    -e 's/\(expires on\) [-0-9]* [0-9:]* UTC/\1 DATE/' \
	    -e '/^process=signer /d' \
	    -e '/^securetcpd: warning: "connections max" of .* instead /d' \
	    -e "s,\"$PWD/,\"DIR/," out >said
}

golden()
{
	if [ -f "$here/$1.ok" ]; then
		want=0 expected=$here/$1.ok
	else
		want=1 expected=$here/$1.err
	fi
	prepare "$1"
	say "$1"
	diff -u "$expected" said && [ "$got" -eq "$want" ] && return
	echo "$1: exit $got"
	failed="$failed $1"
}

theme()
{
	prepare_all
	failed=
	count=0
	for _in in "$here/$1"-*.in; do
		_in=${_in##*/}
		golden "${_in%.in}"
		count=$((count + 1))
	done
	echo "$count files"
	[ "$count" -gt 1 ] || atf_fail "no files"
	[ -z "$failed" ] || atf_fail "not what was expected:$failed"
}

# theme_case THEME "what must hold" [KEY VALUE]
theme_case()
{
	_head="atf_set descr '$2'; atf_set require.progs openssl"
	[ $# -eq 2 ] || _head="$_head; atf_set $3 '$4'"
	atf_test_case "$1"
	eval "$1_head() { $_head; }"
	eval "$1_body() { theme $1; }"
	themes="$themes $1"
}

theme_case ok "What is right is accepted, at every bound and in every \
spelling; what may come right yet is warned of"
theme_case lex "Below the grammar: each string, macro, include or block \
that is wrong is named by file, line and token"
theme_case top "Each statement at top level that is wrong is named by file, \
line and token, and the parser goes on"
theme_case cert "Certificates: each file that is missing, unfit, too open or \
not of a pair is named, and why"
theme_case server "Each statement of a server block that is wrong is named \
by file, line and token, and the parser goes on"
theme_case client "Each statement of a client block that is wrong is named \
by file, line and token, and the parser goes on"
theme_case root "Accounts, directories and owners that only root can use are \
looked at by root" require.user root

atf_test_case fallback
fallback_head()
{
	atf_set descr "Where the account for the signers is not made yet, \
they run as the user"
	atf_set require.user root
	atf_set require.progs openssl
}
fallback_body()
{
	! id _securetcpk >/dev/null 2>&1 ||
	    atf_skip "the account _securetcpk exists here"
	prepare_all
	failed=
	golden fallback
	[ -z "$failed" ] || atf_fail "not what was expected: see above"
}

# blocks N LABEL: as many beginnings and ends.
blocks()
{
	awk -v n="$1" -v l="$2" 'BEGIN {
		for (i = 0; i < n; i++)
			printf "-----BEGIN %s-----\nAAAA\n-----END %s-----\n", l, l
	}'
}

atf_test_case rubbish
rubbish_head()
{
	atf_set descr "A file that is wrong in every line does not flood \
whoever reads of it, and an error behind many warnings still counts"
	atf_set require.progs openssl
}
rubbish_body()
{
	prepare_all
	cat >rubbish.conf <<-CONF
	include "$here/base.inc"
	include "$here/try.inc"
	server "x" {
		listen on 127.0.0.1 port 0
		certificate "www"
		echo
		client authentication required ca "many.pem"
	}
	CONF
	blocks 300 CERTIFICATE >many.pem
	atf_check -s exit:1 -o empty -e save:err "$securetcpd" -n \
	    -f rubbish.conf
	atf_check -o match:'^ *101$' wc -l <err
	atf_check -o inline:"rubbish.conf:7: ca \"many.pem\": and 201 more, \
which are not shown
" tail -n 1 err

	{ cat www.crt; blocks 100 X; } >many.pem
	atf_check -o match:'^configuration OK$' -e save:err "$securetcpd" -n \
	    -f rubbish.conf
	atf_check -o match:'^ *100$' wc -l <err
	{ cat www.crt; blocks 100 X; echo -----BEGIN CERTIFICATE-----; } \
	    >many.pem
	atf_check -s exit:1 -o empty -e save:err "$securetcpd" -n \
	    -f rubbish.conf
	atf_check -o inline:"rubbish.conf:7: ca \"many.pem\": and 1 more, \
which are not shown
" tail -n 1 err
}

atf_test_case no_file
no_file_head()
{
	atf_set descr "A file that is not there is an error by its name"
}
no_file_body()
{
	atf_check -s exit:1 \
	    -e inline:'nonexistent.conf: No such file or directory\n' \
	    "$securetcpd" -n -f nonexistent.conf
}

atf_test_case no_regular_file
no_regular_file_head()
{
	atf_set descr "A directory or a fifo is no configuration, and nothing \
waits for it"
}
no_regular_file_body()
{
	mkdir directory
	mkfifo fifo
	for f in directory fifo; do
		atf_check -s exit:1 -e inline:"$f: not a regular file\n" \
		    "$securetcpd" -n -f $f
	done
}

atf_test_case bad_define
bad_define_head()
{
	atf_set descr "-D wants name=value, with a name a macro can have"
}
bad_define_body()
{
	for d in name =value 1=2 'a b=c' 'a-b=c'; do
		atf_check -s exit:1 -e match:'not of the form name=value' \
		    "$securetcpd" -n -D "$d" -f nonexistent.conf
	done
}

atf_test_case sample
sample_head()
{
	atf_set descr "The sample files are right but for the certificates \
and accounts they name, and each example is in README.md"
}
sample_body()
{
	for f in "$top"/etc/securetcpd.conf "$top"/etc/examples/*.conf; do
		"$securetcpd" -n -f "$f" >out 2>&1
		if grep -v -e ': No such file or directory$' \
		    -e ': Permission denied$' \
		    -e 'user "_securetcpk*" does not exist' \
		    -e 'only root can execute as another user' \
		    -e '^configuration OK$' out; then
			atf_fail "$f: see above"
		fi
	done
	for f in "$top"/etc/examples/*.conf; do
		grep -q "${f##*/}" "$top/README.md" ||
		    atf_fail "README.md does not name ${f##*/}"
	done
}

atf_init_test_cases()
{
	for _theme in $themes; do
		atf_add_test_case "$_theme"
	done
	atf_add_test_case fallback
	atf_add_test_case rubbish
	atf_add_test_case no_file
	atf_add_test_case no_regular_file
	atf_add_test_case bad_define
	atf_add_test_case sample
}
