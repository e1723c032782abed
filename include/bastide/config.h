/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Configuration: one file of `key = value` lines, one table of keys
 * (lib/config.c) with type, default and help; unknown keys and bad values are
 * errors that name the line. Only bastided reads the file; it hands the values
 * to the others as a message.
 */
#ifndef BASTIDE_CONFIG_H
#define BASTIDE_CONFIG_H

#include <bastide/buf.h>

struct config;
MUST_CHECK enum err config_new(struct config **out); /* all defaults */
void config_free(struct config *c);
/* `error` gets a sentence with the line number. */
MUST_CHECK enum err config_parse(
	struct config *c, struct slice text, struct buf *error);
const char *config_str(const struct config *c, const char *key);
int64_t config_num(const struct config *c, const char *key);
bool config_bool(const struct config *c, const char *key);
void config_pack(const struct config *c, struct buf *out);
MUST_CHECK enum err config_unpack(struct config *c, struct slice raw);
/* The documented sample file, from the table. */
void config_sample(struct buf *out);

#endif
