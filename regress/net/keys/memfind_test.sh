#! /usr/bin/atf-sh
# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# The search that keys_test relies on finds what was planted, where it was
# planted and in each form, and finds nothing where there is nothing.

. "$(atf_get_srcdir)/../daemon/common.sh"

tools=$top/regress/tools

# plant WHERE FILE: a process that has it; its pid is in $pid.
plant()
{
	rm -f planted hold
	mkfifo hold
	"$tools/plant" "$1" "$2" <hold >planted 2>&1 &
	pid=$!
	echo $pid >>pids
	exec 9>hold
	wait_until 20 "the planted process" grep -q planted planted
}

uproot()
{
	exec 9>&-
	wait $pid
	atf_check_equal 0 $?
}

# looks EXIT NEEDLES: what is found is in the file finds, "NAME FORM" a line.
looks()
{
	"$tools/memfind" "$2" $pid >search.out
	atf_check_equal "$1" $?
	atf_check -o match:"^$pid read [1-9][0-9]{5,}\$" cat search.out
	sed -n "s/^$pid found //p" search.out >finds
}

# order WORD REVERSED WHOLE <hex: words of so many bytes in the order of a
# big-endian (WHOLE 0) or little-endian number, the bytes of each one likewise.
order()
{
	awk -v word="$1" -v rev="$2" -v whole="$3" '
	{
		n = length($0) / (2 * word)
		for (i = 0; i < n; i++) {
			w = substr($0, (whole ? n - 1 - i : i) * 2 * word + 1,
			    2 * word)
			if (!rev) {
				printf "%s", w
				continue
			}
			for (j = word - 1; j >= 0; j--)
				printf "%s", substr(w, 2 * j + 1, 2)
		}
		print ""
	}'
}

random() { openssl rand -hex "$1"; }

scenario places "A text is found on the heap, on the stack, in data, in \
private and shared mappings and in freed memory, and not where it is not"
places_body()
{
	need_memory
	random 64 >secret
	echo "text token $(cat secret)" >needles
	random 64 >other
	for w in heap stack data mmap shared freed; do
		plant $w secret
		looks 0 needles
		atf_check -o inline:"token bytes\n" cat finds
		uproot
		plant $w other
		looks 1 needles
		atf_check -o empty cat finds
		uproot
	done
	plant nowhere secret
	looks 1 needles
	uproot
}

scenario orders "A number is found in each order of its bytes, as the TLS \
library has it too"
orders_body()
{
	need_memory
	random 128 >number
	echo "number n $(cat number)" >needles
	# The form, and how it is made.
	while read -r form word rev whole; do
		order "$word" "$rev" "$whole" <number >planted.hex
		plant heap planted.hex
		looks 0 needles
		atf_check -o inline:"n $form\n" cat finds
		uproot
	done <<-FORMS
	big 1 0 0
	little 1 0 1
	words64 8 1 0
	swapped64 8 0 1
	words32 4 1 0
	swapped32 4 0 1
	FORMS
	plant bignum number
	looks 0 needles
	atf_check -o inline:"n little\n" cat finds
	uproot
}

scenario odd_length "A number whose length is no multiple of a word, such \
as one of P-521, is found as well"
odd_length_body()
{
	need_memory
	echo "01$(random 65)" >number
	echo "number n $(cat number)" >needles
	plant bignum number
	looks 0 needles
	atf_check -o inline:"n little\n" cat finds
	uproot
	plant stack number
	looks 0 needles
	atf_check -o inline:"n big\n" cat finds
	uproot
}

scenario remnant "A remnant of 31 bytes is found wherever it is from; \
bytes that are nearly right are not"
remnant_body()
{
	need_memory
	random 128 >number
	echo "number n $(cat number)" >needles
	for from in 1 2 17 50 97; do
		{
			random 8
			cut -c $((from * 2 + 1))-$((from * 2 + 62)) number
			random 8
		} | tr -d '\n' >planted.hex
		plant freed planted.hex
		looks 0 needles
		atf_check -o inline:"n big\n" cat finds
		uproot
	done
	# The same with every fifteenth byte another one.
	awk '{
		for (i = 1; i < length($0); i += 2) {
			b = substr($0, i, 2)
			printf "%s", i % 30 == 15 ? (b == "5a" ? "a5" : "5a") : b
		}
		print ""
	}' number >planted.hex
	plant heap planted.hex
	looks 1 needles
	uproot
}

scenario key_files "The needles of a key file are its numbers, its DER and \
its PEM; each is found, and what is public is none of them"
key_files_body()
{
	need_memory
	for k in rsa:2048 rsa:3072 P-256 P-384 P-521; do
		certificate www $k
		case $k in
		rsa:*)	names="d p q dP dQ qInv" ;;
		*)	names=d ;;
		esac
		"$tools/needles" www www.key >needles || atf_fail needles
		cut -d ' ' -f 2 needles | uniq >names
		for n in $names der pem; do echo "www.$n"; done >expected
		atf_check -o file:expected cat names
		# As openssl prints them.
		openssl pkey -in www.key -noout -text 2>/dev/null | awk '
		/^[a-zA-Z]/ {
			on = /^(priv|prime.|privateExponent|exponent.|coefficient):/
			n++
		}
		/^ / && on { h[n] = h[n] $0 }
		END { for (i in h) print h[i] }' |
		    sed -E 's/[ :]//g; s/^(00)+//' | sort >printed
		sed -n 's/^number [^ ]* //p' needles | sed -E 's/^(00)+//' |
		    sort >numbers
		atf_check -o file:printed cat numbers
		# The whole file as text, and as DER.
		od -An -v -tx1 www.key | tr -d ' \n' >text.hex
		plant mmap text.hex
		looks 0 needles
		atf_check -o inline:"www.pem bytes\n" cat finds
		uproot
		openssl pkey -in www.key -outform DER 2>/dev/null |
		    od -An -v -tx1 | tr -d ' \n' >der.hex
		plant mmap der.hex
		looks 0 needles
		for n in $names; do echo "www.$n big"; done >expected
		echo "www.der bytes" >>expected
		sort expected >expected.sorted
		sort finds >finds.sorted
		atf_check -o file:expected.sorted cat finds.sorted
		uproot
		# The certificate and the public key.
		{
			cat www.crt
			openssl x509 -in www.crt -outform DER
			openssl pkey -in www.key -pubout 2>/dev/null
			openssl pkey -in www.key -pubout -outform DER \
			    2>/dev/null
		} | od -An -v -tx1 | tr -d ' \n' >public.hex
		plant mmap public.hex
		looks 1 needles
		uproot
	done
}

scenario itself "The search does not search itself, says that a process is \
gone, and that it has no needles"
itself_body()
{
	need_memory
	echo "text token $(random 32)" >needles
	atf_check -s exit:2 -e match:"has what it looks for" \
	    sh -c "exec '$tools/memfind' needles \$\$"
	true &
	gone=$!
	wait $gone
	atf_check -s exit:1 -o inline:"$gone gone\n" \
	    "$tools/memfind" needles $gone
	: >empty
	atf_check -s exit:2 -e match:"no needles" "$tools/memfind" empty $$
	atf_check -s exit:2 -e ignore "$tools/memfind" missing $$
	echo "text token 0123" >short
	atf_check -s exit:2 -e match:"less than" "$tools/memfind" short $$
}

atf_init_test_cases()
{
	add_scenarios
}
