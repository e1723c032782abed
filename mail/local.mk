# mail: what a message is made of. Knows no store and no protocol.
noinst_LIBRARIES += mail/libmail.a
mail_libmail_a_CFLAGS = $(AM_CFLAGS) $(LIBETPAN_CFLAGS)
mail_libmail_a_SOURCES = \
	mail/address.c \
	mail/charset.c \
	mail/content.c \
	mail/content_write.c \
	mail/date.c \
	mail/decode.c \
	mail/envelope.c \
	mail/fold.c \
	mail/header.c \
	mail/html.c \
	mail/ical.c \
	mail/pack.c \
	mail/param.c \
	mail/preview.c \
	mail/scan.c \
	mail/structure.c \
	mail/subject.c \
	mail/vcard.c \
	mail/words.c
EXTRA_DIST += mail/casemap.py
MAIL = mail/libmail.a lib/libcore.a $(LIBETPAN_LIBS) $(LIB_LIBS)

# Recurrence: libical, for the worker only.
noinst_LIBRARIES += mail/libexpand.a
mail_libexpand_a_CFLAGS = $(AM_CFLAGS) $(LIBICAL_CFLAGS)
mail_libexpand_a_SOURCES = mail/ical_expand.c
EXPAND = mail/libexpand.a $(LIBICAL_LIBS)
