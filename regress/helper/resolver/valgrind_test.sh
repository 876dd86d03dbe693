# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC

# The parent's side in valgrind: its processes are not.

here=$(cd "$(atf_get_srcdir)" && pwd)

atf_test_case names
names_head()
{
	atf_set descr "Every case of name_test with the parent's side in \
valgrind: no invalid access, no use of what is not initialised, no definite \
leak"
	atf_set require.progs valgrind
	atf_set timeout 600
}
names_body()
{
	"$here/name_test" -l | sed -n 's/^ident: //p' >cases
	[ "$(wc -l <cases)" -ge 10 ] || atf_fail "name_test has few cases"
	while read -r c; do
		mkdir "$c"
		# A child that cannot execve(2) ends with what it inherited.
		leaks=full
		[ "$c" = missing ] && leaks=no
		(cd "$c" && valgrind -q --vgdb=no --leak-check=$leaks \
		    --show-leak-kinds=definite \
		    --errors-for-leak-kinds=definite --error-exitcode=99 \
		    "$here/name_test" -s "$here" "$c") </dev/null \
		    >out 2>&1 || {
			cat out
			atf_fail "$c"
		}
		# A child before its execve(2) is in valgrind, too.
		if grep -q '^==[0-9]*== [^ ]' out; then
			cat out
			atf_fail "$c: valgrind has something to say"
		fi
	done <cases
}

atf_init_test_cases()
{
	atf_add_test_case names
}
