. "$(atf_get_srcdir)/common.sh"
. "$(atf_get_srcdir)/pki.sh"
atf_init_test_cases() { add_scenarios; }
