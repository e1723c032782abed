/* SPDX-License-Identifier: EUPL-1.2 */
/* SASL messages; with SCRAM a second one after the first NUL. */
#include <stdlib.h>

#include <bastide/limits.h>
#include <bastide/sasl.h>

static void scram(struct slice in)
{
	static const uint8_t fake[32];
	static const struct scram_verifier v = { .iterations = 4096 };
	struct slice final, first = slice_cut(in, '\0', &final);
	static const struct sasl_binding binding = { .n_exporter = 32 };
	struct scram *s;
	struct buf out;

	buf_init(&out, KIB(64));
	if (scram_first(first, first.n % 3 == 0, &binding,
		    first.n % 2 ? &v : NULL, fake, &out, &s) == ERR_OK) {
		/* Nobody proves a key that he does not have. */
		if (scram_final(s, final, &out) == ERR_OK)
			abort();
		scram_free(s);
	}
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const mechanisms[] = { "PLAIN", SCRAM_PLUS,
		"OAUTHBEARER", "XOAUTH2", "EXTERNAL" };
	struct slice in = slice_of(data, n);

	for (int i = 0; i < 5; i++) {
		struct buf user;
		buf_init(&user, KIB(16));
		if (sasl_user(slice_str(mechanisms[i]), in, &user) == ERR_OK &&
			!utf8_valid(buf_slice(&user)))
			abort();
		buf_free(&user);
	}
	scram(in);
	return 0;
}
