/*
 * Copyright (c) 2026 The securetcpd developers
 *
 * SPDX-License-Identifier: ISC
 */

/*
 * The types of attributes in distinguished names: number, the name by which
 * libsecuretcp writes it, and a longer one that patterns may use.  Whoever
 * writes names and whoever reads patterns has to know the same.
 */

#ifndef MATCH_TYPES_H
#define MATCH_TYPES_H

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

#endif /* MATCH_TYPES_H */
