# smtpd: the front, the session (in the tenantd), later relayd.
noinst_LIBRARIES += smtpd/libsmtpfront.a smtpd/libsmtpsession.a
smtpd_libsmtpfront_a_CFLAGS = $(AM_CFLAGS)
smtpd_libsmtpfront_a_SOURCES = \
	smtpd/front/dialog.c \
	smtpd/front/path.c \
	smtpd/front/transaction.c \
	smtpd/front/verb_auth.c \
	smtpd/front/verb_mail.c \
	smtpd/front/verb_simple.c
smtpd_libsmtpsession_a_CFLAGS = $(AM_CFLAGS)
smtpd_libsmtpsession_a_SOURCES = \
	smtpd/session/file.c \
	smtpd/session/header.c \
	smtpd/session/session.c \
	smtpd/session/transaction.c

pkglibexec_PROGRAMS += smtpd/smtpd
smtpd_smtpd_SOURCES = smtpd/front/smtpd.c
smtpd_smtpd_LDADD = smtpd/libsmtpfront.a $(CORE_LIBS)
