# SPDX-License-Identifier: ISC
#
#	PROC		the file here that looks at processes on this system
#	MEM		the files here that look at their memory
#
# Include it from a sibling of this directory, before test.mk.

OS!=		uname -s

PROC_Linux=	../tools/proc_linux.c
PROC_FreeBSD=	../tools/proc_freebsd.c
PROC_OpenBSD=	../tools/proc_openbsd.c
PROC=		${PROC_${OS}}

MEM_Linux=	../tools/mem_linux.c
MEM_FreeBSD=	../tools/mem_ptrace.c ../tools/mem_freebsd.c
MEM_OpenBSD=	../tools/mem_ptrace.c ../tools/mem_openbsd.c
MEM=		../tools/mem.c ${MEM_${OS}}
