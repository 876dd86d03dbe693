#
# SPDX-License-Identifier: ISC

# Whether cross.sh finds what it is there to find, in a tree of one file.

cross="$(atf_get_srcdir)/cross.sh tree"

# need_linux: zig and the headers that it lacks are taken from there.
need_linux() {
	[ "$(uname -s)" = Linux ] || atf_skip "cross-compiles from Linux only"
}

# tree: a tree whose only file is standard input
tree() {
	mkdir -p tree/lib/libone tree/sbin tree/libexec tree/regress tree/mk
	cp "$(atf_get_srcdir)/../../../mk/common.mk" tree/mk/ || exit 1
	cat >tree/lib/libone/one.c
}

good() {
	cat <<END
#include <event.h>
#include <stdlib.h>
#include <tls.h>
int	 one(void);
int
one(void)
{
	return (event_init() == NULL || tls_init() == -1 || getuid() != 0);
}
END
}

atf_test_case clean
clean_head() {
	atf_set descr "a file without fault passes, and the output names" \
	    "both systems"
	atf_set timeout 900
}
clean_body() {
	need_linux
	good | sed 's/<tls.h>/&\n#include <unistd.h>/' | tree
	atf_check -s exit:0 -o save:out -e empty $cross
	for target in x86_64-freebsd x86_64-openbsd; do
		atf_check -o ignore grep "compiled 1 files for $target" out
		atf_check -o ignore grep "checked .* names for $target" out
	done
}

atf_test_case diagnostic
diagnostic_head() {
	atf_set descr "one warning of the tree's set fails for both systems"
	atf_set timeout 900
}
diagnostic_body() {
	need_linux
	{ good | sed 's/<tls.h>/&\n#include <unistd.h>/'
	    echo 'int two(void) { return (0); }'; } | tree
	atf_check -s exit:1 -o ignore -e save:err $cross
	for target in x86_64-freebsd x86_64-openbsd; do
		atf_check -o ignore grep \
		    "$target: lib/libone/one.c: does not compile" err
	done
	atf_check -o ignore grep "Wmissing-prototypes" err
}

atf_test_case host_header
host_header_head() {
	atf_set descr "a header that only this host has is not found"
	atf_set timeout 900
}
host_header_body() {
	need_linux
	echo '#include <sys/epoll.h>' | tree
	atf_check -s exit:1 -o ignore \
	    -e match:"'sys/epoll.h' file not found" $cross
}

atf_test_case names
names_head() {
	atf_set descr "functions of libevent 2, of OpenSSL 3 and of Linux that" \
	    "the other systems lack are named, with the file that wants them"
	atf_set timeout 900
}
names_body() {
	need_linux
	tree <<END
#include <event.h>
#include <event2/event.h>
#include <openssl/evp.h>
int	 epoll_create1(int);
int	 one(EVP_PKEY *);
int
one(EVP_PKEY *key)
{
	return (event_base_get_num_events(NULL, 0) + epoll_create1(0) +
	    EVP_PKEY_get_size(key));
}
END
	atf_check -s exit:1 -o ignore -e save:err $cross
	for target in x86_64-freebsd x86_64-openbsd; do
		for name in event_base_get_num_events epoll_create1 \
		    EVP_PKEY_get_size; do
			atf_check -o ignore grep \
			    "$target: $name: .*wanted by lib/libone/one.o" err
		done
	done
}

atf_init_test_cases() {
	atf_add_test_case clean
	atf_add_test_case diagnostic
	atf_add_test_case host_header
	atf_add_test_case names
}
