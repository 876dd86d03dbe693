/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The patterns of the configuration: server names, values, distinguished
 * names and the names of certificates.
 *
 * The match_*() functions return 1 for a match and 0 for none; a pattern or
 * a text that is malformed matches nothing.  The match_*_ok() functions
 * return 1 for a pattern that can be used and 0 for one that cannot.  Time
 * is linear in the text for every star, piece of a pattern or attribute:
 * nothing is ever tried twice.
 */

#ifndef MATCH_H
#define MATCH_H

#include <stddef.h>
#include <stdint.h>

#define MATCH_DNSNAME		253	/* bytes, without the NUL */
#define MATCH_PATTERN		4096	/* a pattern, a distinguished name */
#define MATCH_ATTRIBUTES	64	/* in a distinguished name */

/*
 * "*.example.org".  A star stands for a label or for a part of one, also an
 * empty part, but never for a dot; no label is empty.  Case and the name's
 * trailing dot do not count.  A star in the name is an ordinary character.
 */
int		 match_dnsname(const char *, const char *);
int		 match_dnsname_ok(const char *);
/* The name of a server as it may be said in a log: no address, no star. */
int		 match_servername_ok(const char *);
/* So many bytes in lower case, which is ASCII's, whatever the locale. */
void		 match_lower(char *, const char *, size_t);

/*
 * A star stands for any run, also an empty one; \* is a star and \\ a
 * backslash, all else is itself.
 */
int		 match_value(const char *, const char *);
int		 match_value_ok(const char *);

/*
 * "O=Example,CN=*.ops.example.org" with the escapes of RFC 4514 and \* for a
 * star that is one.  Every attribute of the pattern has to match some
 * attribute of that type; + separates as the comma does.  The subject has the
 * same syntax, except that a star in it is only a star: match_subject_ok()
 * tells for it as well whether it is well formed.
 */
int		 match_subject(const char *, const char *);
int		 match_subject_ok(const char *);
/* Are its types known by name, or numbers? */
int		 match_subject_known(const char *);
/*
 * The value of a subject's last attribute of a type ("CN"), unescaped: 0, or
 * -1 when it has none, or one with a NUL in it, or that does not fit.
 */
int		 match_subject_value(const char *, const char *, char *,
		    size_t);

/*
 * "dns:*.example.org", "ip:192.0.2.1", "ip:2001:db8::/32",
 * "email:*@example.org" or "uri:spiffe://example.org/a*" against a list of
 * names of that form, one on a line.  A star in an e-mail address stays on
 * its side of the last @, behind which case does not count; nor does it in
 * what a URI has before its path.  An IPv4 address is one in an IPv6 address
 * that was mapped, too.  match_san_names_ok(): each name can be held against
 * a pattern of its kind.
 */
int		 match_san(const char *, const char *);
int		 match_san_ok(const char *);
int		 match_san_names_ok(const char *);

/*
 * Networks by number.  match_address(): the family of a numeric address, with
 * its bytes, of which there is room for 16, and how many bits they are; -1 when
 * the text is none.  match_bits(): the length of a prefix, up to *bits,
 * which it replaces; -1 when the text is none.  match_prefix(): both begin
 * with the same bits.  match_mapped(): an IPv6 address that stands for the
 * IPv4 address in its last four bytes, behind so many bits.
 */
#define MATCH_MAPPED		96

int		 match_address(const char *, uint8_t *, unsigned int *);
int		 match_bits(const char *, unsigned int *);
int		 match_prefix(const uint8_t *, const uint8_t *, unsigned int);
int		 match_mapped(const uint8_t *);

/*
 * The types of attributes in distinguished names: number, the name by which
 * libsecuretcp writes it, and a longer one that patterns may use.  The writer
 * of names and the reader of patterns share them.
 */

#define MATCH_TYPES(T) \
	T("2.5.4.3", "CN", "commonName") \
	T("2.5.4.4", "SN", "surname") \
	T("2.5.4.5", "serialNumber", "serialNumber") \
	T("2.5.4.6", "C", "countryName") \
	T("2.5.4.7", "L", "localityName") \
	T("2.5.4.8", "ST", "stateOrProvinceName") \
	T("2.5.4.9", "street", "streetAddress") \
	T("2.5.4.10", "O", "organizationName") \
	T("2.5.4.11", "OU", "organizationalUnitName") \
	T("2.5.4.12", "title", "title") \
	T("2.5.4.13", "description", "description") \
	T("2.5.4.15", "businessCategory", "businessCategory") \
	T("2.5.4.17", "postalCode", "postalCode") \
	T("2.5.4.20", "telephoneNumber", "telephoneNumber") \
	T("2.5.4.41", "name", "name") \
	T("2.5.4.42", "GN", "givenName") \
	T("2.5.4.43", "initials", "initials") \
	T("2.5.4.44", "generationQualifier", "generationQualifier") \
	T("2.5.4.46", "dnQualifier", "dnQualifier") \
	T("2.5.4.65", "pseudonym", "pseudonym") \
	T("2.5.4.97", "organizationIdentifier", \
	    "organizationIdentifier") \
	T("0.9.2342.19200300.100.1.1", "UID", "userId") \
	T("0.9.2342.19200300.100.1.25", "DC", "domainComponent") \
	T("1.2.840.113549.1.9.1", "emailAddress", "emailAddress") \
	T("1.2.840.113549.1.9.2", "unstructuredName", \
	    "unstructuredName") \
	T("1.3.6.1.4.1.311.60.2.1.1", "jurisdictionL", \
	    "jurisdictionLocalityName") \
	T("1.3.6.1.4.1.311.60.2.1.2", "jurisdictionST", \
	    "jurisdictionStateOrProvinceName") \
	T("1.3.6.1.4.1.311.60.2.1.3", "jurisdictionC", \
	    "jurisdictionCountryName")

#endif /* MATCH_H */
