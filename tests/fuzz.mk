# Fuzz targets: one for each framer, parser and reader of bytes that others
# wrote. With --enable-fuzz libFuzzer drives them (`./dev fuzz`); else each
# gives its corpus to the target once (tests/fuzz/t_fuzz_corpus.py).
FUZZ_TARGETS = tests/fuzz/fuzz_address \
	tests/fuzz/fuzz_admin_json \
	tests/fuzz/fuzz_config \
	tests/fuzz/fuzz_content \
	tests/fuzz/fuzz_dav_session \
	tests/fuzz/fuzz_dns \
	tests/fuzz/fuzz_expand \
	tests/fuzz/fuzz_filter \
	tests/fuzz/fuzz_frame_dot \
	tests/fuzz/fuzz_frame_http \
	tests/fuzz/fuzz_frame_imap \
	tests/fuzz/fuzz_frame_line \
	tests/fuzz/fuzz_html \
	tests/fuzz/fuzz_http_front \
	tests/fuzz/fuzz_imap_front \
	tests/fuzz/fuzz_imap_grammar \
	tests/fuzz/fuzz_imap_session \
	tests/fuzz/fuzz_keyfile \
	tests/fuzz/fuzz_mailpack \
	tests/fuzz/fuzz_msg \
	tests/fuzz/fuzz_name \
	tests/fuzz/fuzz_reply \
	tests/fuzz/fuzz_sasl \
	tests/fuzz/fuzz_scan \
	tests/fuzz/fuzz_smtp_front \
	tests/fuzz/fuzz_smtp_path \
	tests/fuzz/fuzz_smtp_session \
	tests/fuzz/fuzz_store_files \
	tests/fuzz/fuzz_target \
	tests/fuzz/fuzz_text \
	tests/fuzz/fuzz_words \
	tests/fuzz/fuzz_xml
if FUZZ
FUZZ_LINK = $(AM_LDFLAGS) -fsanitize=fuzzer
else
FUZZ_LINK = $(AM_LDFLAGS)
CORPUS = tests/fuzz/corpus.c
endif
check_PROGRAMS += $(FUZZ_TARGETS)
fuzz-programs: $(FUZZ_TARGETS)
.PHONY: fuzz-programs

# What serves a connection, for the targets that are one.
FUZZ_STREAM = tests/fuzz/stream.c tests/fuzz/stream.h
FUZZ_TENANT = tests/fuzz/tenant.c tests/fuzz/tenant.h $(FUZZ_STREAM) \
	tests/fault/disk.c tests/fault/disk.h
FUZZ_FRONT = tests/fuzz/front.c tests/fuzz/front.h $(FUZZ_STREAM)

tests_fuzz_fuzz_address_SOURCES = tests/fuzz/fuzz_address.c $(CORPUS)
tests_fuzz_fuzz_address_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_address_LDADD = $(MAIL)
tests_fuzz_fuzz_admin_json_SOURCES = tests/fuzz/fuzz_admin_json.c $(CORPUS) \
	daemon/admin_json.c
tests_fuzz_fuzz_admin_json_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_admin_json_LDADD = $(CORE_LIBS) $(JANSSON_LIBS)
tests_fuzz_fuzz_config_SOURCES = tests/fuzz/fuzz_config.c $(CORPUS)
tests_fuzz_fuzz_config_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_config_LDADD = $(CORE_LIBS)
tests_fuzz_fuzz_content_SOURCES = tests/fuzz/fuzz_content.c $(CORPUS)
tests_fuzz_fuzz_content_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_content_LDADD = $(MAIL)
tests_fuzz_fuzz_dav_session_SOURCES = tests/fuzz/fuzz_dav_session.c $(CORPUS) \
	$(FUZZ_TENANT)
tests_fuzz_fuzz_dav_session_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_dav_session_LDADD = caldav/libdavsession.a store/libstore.a mail/libmail.a \
	lib/libcore.a $(STORE_LIBS) $(LIBETPAN_LIBS) $(LIBXML_LIBS) \
	$(LIB_LIBS)
tests_fuzz_fuzz_dns_SOURCES = tests/fuzz/fuzz_dns.c $(CORPUS)
tests_fuzz_fuzz_dns_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_dns_LDADD = $(CORE_LIBS)
tests_fuzz_fuzz_expand_SOURCES = tests/fuzz/fuzz_expand.c $(CORPUS)
tests_fuzz_fuzz_expand_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_expand_LDADD = $(EXPAND) $(MAIL)
tests_fuzz_fuzz_filter_SOURCES = tests/fuzz/fuzz_filter.c $(CORPUS)
tests_fuzz_fuzz_filter_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_filter_LDADD = caldav/libdavsession.a mail/libmail.a $(CORE_LIBS) \
	$(LIBETPAN_LIBS) $(LIBXML_LIBS)
tests_fuzz_fuzz_frame_dot_SOURCES = tests/fuzz/fuzz_frame_dot.c $(CORPUS)
tests_fuzz_fuzz_frame_dot_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_frame_dot_LDADD = $(CORE_LIBS)
tests_fuzz_fuzz_frame_http_SOURCES = tests/fuzz/fuzz_frame_http.c $(CORPUS)
tests_fuzz_fuzz_frame_http_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_frame_http_LDADD = $(CORE_LIBS)
tests_fuzz_fuzz_frame_imap_SOURCES = tests/fuzz/fuzz_frame_imap.c $(CORPUS)
tests_fuzz_fuzz_frame_imap_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_frame_imap_LDADD = $(CORE_LIBS)
tests_fuzz_fuzz_frame_line_SOURCES = tests/fuzz/fuzz_frame_line.c $(CORPUS)
tests_fuzz_fuzz_frame_line_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_frame_line_LDADD = $(CORE_LIBS)
tests_fuzz_fuzz_http_front_SOURCES = tests/fuzz/fuzz_http_front.c $(CORPUS) \
	$(FUZZ_FRONT)
tests_fuzz_fuzz_http_front_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_http_front_LDADD = caldav/libdavfront.a $(CORE_LIBS) $(LIBXML_LIBS)
tests_fuzz_fuzz_imap_front_SOURCES = tests/fuzz/fuzz_imap_front.c $(CORPUS) \
	$(FUZZ_FRONT)
tests_fuzz_fuzz_imap_front_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_imap_front_LDADD = imapd/libimapfront.a $(CORE_LIBS)
tests_fuzz_fuzz_imap_grammar_SOURCES = tests/fuzz/fuzz_imap_grammar.c $(CORPUS)
tests_fuzz_fuzz_imap_grammar_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_imap_grammar_LDADD = imapd/libimapsession.a $(MAIL)
tests_fuzz_fuzz_imap_session_SOURCES = tests/fuzz/fuzz_imap_session.c $(CORPUS) \
	$(FUZZ_TENANT)
tests_fuzz_fuzz_imap_session_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_imap_session_LDADD = imapd/libimapsession.a store/libstore.a mail/libmail.a \
	lib/libcore.a $(STORE_LIBS) $(LIBETPAN_LIBS) $(LIB_LIBS)
tests_fuzz_fuzz_keyfile_SOURCES = tests/fuzz/fuzz_keyfile.c $(CORPUS) \
	daemon/keyfile.c \
	daemon/head.c
tests_fuzz_fuzz_keyfile_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_keyfile_LDADD = $(CORE_LIBS)
tests_fuzz_fuzz_mailpack_SOURCES = tests/fuzz/fuzz_mailpack.c $(CORPUS)
tests_fuzz_fuzz_mailpack_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_mailpack_LDADD = $(MAIL)
tests_fuzz_fuzz_msg_SOURCES = tests/fuzz/fuzz_msg.c $(CORPUS)
tests_fuzz_fuzz_msg_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_msg_LDADD = $(CORE_LIBS)
tests_fuzz_fuzz_name_SOURCES = tests/fuzz/fuzz_name.c $(CORPUS)
tests_fuzz_fuzz_name_CFLAGS = $(AM_CFLAGS) -I$(srcdir) $(SQLITE_CFLAGS)
tests_fuzz_fuzz_name_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_name_LDADD = $(STORE_ALL_LIBS)
tests_fuzz_fuzz_reply_SOURCES = tests/fuzz/fuzz_reply.c $(CORPUS)
tests_fuzz_fuzz_reply_CFLAGS = $(AM_CFLAGS) -I$(srcdir)
tests_fuzz_fuzz_reply_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_reply_LDADD = $(RELAY_LIBS)
tests_fuzz_fuzz_sasl_SOURCES = tests/fuzz/fuzz_sasl.c $(CORPUS)
tests_fuzz_fuzz_sasl_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_sasl_LDADD = $(CORE_LIBS)
tests_fuzz_fuzz_scan_SOURCES = tests/fuzz/fuzz_scan.c $(CORPUS)
tests_fuzz_fuzz_scan_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_scan_LDADD = $(MAIL)
tests_fuzz_fuzz_smtp_front_SOURCES = tests/fuzz/fuzz_smtp_front.c $(CORPUS) \
	$(FUZZ_FRONT)
tests_fuzz_fuzz_smtp_front_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_smtp_front_LDADD = smtpd/libsmtpfront.a $(CORE_LIBS)
tests_fuzz_fuzz_smtp_path_SOURCES = tests/fuzz/fuzz_smtp_path.c $(CORPUS)
tests_fuzz_fuzz_smtp_path_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_smtp_path_LDADD = smtpd/libsmtpfront.a $(CORE_LIBS)
tests_fuzz_fuzz_smtp_session_SOURCES = tests/fuzz/fuzz_smtp_session.c $(CORPUS) \
	$(FUZZ_TENANT)
tests_fuzz_fuzz_smtp_session_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_smtp_session_LDADD = smtpd/libsmtpsession.a store/libstore.a mail/libmail.a \
	lib/libcore.a $(STORE_LIBS) $(LIBETPAN_LIBS) $(LIB_LIBS)
tests_fuzz_fuzz_store_files_SOURCES = tests/fuzz/fuzz_store_files.c $(CORPUS)
tests_fuzz_fuzz_store_files_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_store_files_LDADD = $(STORE_ALL_LIBS)
tests_fuzz_fuzz_target_SOURCES = tests/fuzz/fuzz_target.c $(CORPUS)
tests_fuzz_fuzz_target_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_target_LDADD = caldav/libdavfront.a $(CORE_LIBS) $(LIBXML_LIBS)
tests_fuzz_fuzz_text_SOURCES = tests/fuzz/fuzz_text.c $(CORPUS)
tests_fuzz_fuzz_text_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_text_LDADD = $(CORE_LIBS)
tests_fuzz_fuzz_html_SOURCES = tests/fuzz/fuzz_html.c $(CORPUS)
tests_fuzz_fuzz_html_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_html_LDADD = $(MAIL)

tests_fuzz_fuzz_words_SOURCES = tests/fuzz/fuzz_words.c $(CORPUS)
tests_fuzz_fuzz_words_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_words_LDADD = $(MAIL)
tests_fuzz_fuzz_xml_SOURCES = tests/fuzz/fuzz_xml.c $(CORPUS)
tests_fuzz_fuzz_xml_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_xml_LDADD = caldav/libdavfront.a $(CORE_LIBS) $(LIBXML_LIBS)
